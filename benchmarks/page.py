"""The prose of docs/benchmarks.md, by the names of its sections in ``page.md``."""

import re
from functools import cache
from pathlib import Path

TEMPLATE = Path(__file__).with_name("page.md")
SECTION = re.compile(r"^<!-- section (\S+) -->\n(.*?)\n<!-- end -->$", re.DOTALL | re.MULTILINE)


@cache
def sections() -> dict[str, str]:
    """All sections, with braces where figures and tables go."""
    return dict(SECTION.findall(TEMPLATE.read_text(encoding="utf-8")))


def prose(name: str) -> str:
    """A section."""
    return sections()[name]
