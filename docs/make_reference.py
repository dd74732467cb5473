"""Writes ``docs/reference.md`` of the docstrings of the public interface: ``python docs/make_reference.py``."""

import inspect
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import ecgnoise
from ecgnoise import errors

PAGE = Path(__file__).with_name("reference.md")
HEAD = """# Reference

Written by `docs/make_reference.py` from the docstrings; do not edit. Everything here is imported from `ecgnoise`,
errors from `ecgnoise.errors`. Names that are not on this page, or on [the page of the published study](paper.md), may
change.
"""


def signature(name: str, thing: Any) -> str:
    """The call, a parameter per line where it is long, without annotations, which the text gives in words."""
    given = inspect.signature(thing).parameters.values()
    bare = [one.replace(annotation=inspect.Parameter.empty) for one in given if one.name not in {"self", "cls"}]
    return f"{name}{inspect.Signature(bare)}"


def described(thing: Any) -> str:
    """The docstring as a block."""
    return f"```text\n{inspect.getdoc(thing) or ''}\n```"


def members(kind: type) -> Iterator[tuple[str, Any]]:
    """Public methods and properties that a class of this package defines or inherits from another one."""
    seen = set()
    for base in kind.__mro__:
        if base.__module__.partition(".")[0] != "ecgnoise":
            continue
        for name, member in vars(base).items():
            if not name.startswith("_") and name not in seen and inspect.getdoc(member):
                seen.add(name)
                if isinstance(member, property | staticmethod | classmethod) or inspect.isfunction(member):
                    yield name, member


def entry(name: str) -> str:
    """What is said of a public name."""
    thing = getattr(ecgnoise, name)
    if isinstance(thing, type):
        lines = [f"## {name}", described(thing)]
        for member, found in members(thing):
            call = member if isinstance(found, property) else signature(member, getattr(thing, member))
            lines += [f"### {name}.{call}", described(found)]
        return "\n\n".join(lines)
    if callable(thing):
        return f"## {signature(name, thing)}\n\n{described(thing)}"
    return f"## {name}\n\n`{thing!r}`"


def error_table() -> str:
    """The errors, each below the one that it is a kind of."""
    lines = ["## Errors", "", "| error | a kind of | meaning |", "|---|---|---|"]
    for name, kind in vars(errors).items():
        if isinstance(kind, type) and issubclass(kind, errors.EcgNoiseError):
            bases = ", ".join(f"`{base.__name__}`" for base in kind.__bases__)
            summary = (inspect.getdoc(kind) or "").partition("\n")[0]
            lines.append(f"| `{name}` | {bases} | {summary} |")
    return "\n".join(lines)


def page() -> str:
    """The whole page."""
    names = sorted((name for name in ecgnoise.__all__ if name not in {"__version__", "EcgNoiseError"}), key=str.lower)
    return "\n\n".join([HEAD.rstrip(), *map(entry, names), error_table()]) + "\n"


if __name__ == "__main__":
    PAGE.write_text(page(), encoding="utf-8")
