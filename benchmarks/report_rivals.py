"""What each rival looks at, for docs/benchmarks.md: why one may be ahead where it is."""

import re
from collections.abc import Collection

from benchmarks.page import prose

ENTRY = re.compile(r"^- `(\w+)`: .*?(?=\n- `|\Z)", re.DOTALL | re.MULTILINE)


def looks_at() -> dict[str, str]:
    """The entry of each rival in the template, by its name."""
    return {found[1]: found[0] for found in ENTRY.finditer(prose("looks_at"))}


def section(names: Collection[str]) -> str:
    """The entries of these rivals, in the order of the template; empty without any."""
    entries = [entry for name, entry in looks_at().items() if name in names]
    heading, _, _ = prose("looks_at").partition("\n")
    return "\n".join([heading, "", *entries]) if entries else ""
