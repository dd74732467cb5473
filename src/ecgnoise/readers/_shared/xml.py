"""XML files that nobody vouches for: their root element, limits that hold before a parser sees them, and repairs.

A file is looked through once, element by element, and nothing of it is kept: entities are refused, and more elements
or a deeper nesting than any recording has. Characters that XML forbids, such as a stray control character, are left
out with a note, and a text in another encoding than it declares is read as what it is.
"""

import codecs
import re
import xml.etree.ElementTree as ET
from math import inf
from pathlib import Path
from typing import Final, NamedTuple
from xml.parsers import expat

from ecgnoise.errors import EcgNoiseError, UnreadableFileError, one_line
from ecgnoise.readers._shared.base import HEAD_BYTES, open_file

LARGEST_BYTES: Final = 256 << 20
MOST_ELEMENTS: Final = 500_000  # and as many attributes; a standard ECG has some thousands
DEEPEST: Final = 200
PROLOGUE_BYTES: Final = 16 << 20  # before the root element, comments and all
CHUNK: Final = 1 << 16
FORBIDDEN: Final = re.compile("[^\t\n\r\x20-\ud7ff\ue000-\ufffd\U00010000-\U0010ffff]")
REFERENCE: Final = re.compile(r"&#(?:x([0-9a-fA-F]{1,8})|([0-9]{1,10}));")
DECLARATION: Final = re.compile(r"\s*<\?xml\b[^>]*\?>")
DECLARED: Final = re.compile(rb"<\?xml[^>]*?encoding\s*=\s*[\"']([\w.:-]+)[\"']")
PROLOGUE: Final = re.compile(r"\s+|<\?.*?\?>|<!--.*?-->|<!DOCTYPE[^\[>]*(?:\[.*?\]\s*)?>", re.DOTALL)
ROOT: Final = re.compile(r"<(?:[\w.-]+:)?([A-Za-z_][\w.-]*)")
BEFORE: Final = b"\xef\xbb\xbf\xff\xfe" + bytes(range(33))  # marks of the byte order, blanks, stray characters
WIDE: Final = ((b"<\0", "utf-16-le"), (b"\0<", "utf-16-be"))


def has_root(path: Path, head: bytes, element: str) -> bool:
    """Whether a file is XML with this root element, with or without a prefix, whatever comes before it.

    path: where more is read, if the beginning ends before the root element. head: its first bytes.
    """
    found = root_name(head)
    if found == "" and len(head) >= HEAD_BYTES:
        with open_file(path) as file:
            found = root_name(file.read(PROLOGUE_BYTES))
    return found == element


def names_any(path: Path, head: bytes, pattern: re.Pattern[str]) -> bool:
    """Whether the pattern is found in the beginning of an XML file; more is read where it is not in the first bytes."""
    if pattern.search(decoded(head)) is not None:
        return True
    if len(head) < HEAD_BYTES:
        return False
    with open_file(path) as file:
        return pattern.search(decoded(file.read(PROLOGUE_BYTES))) is not None


def root_name(head: bytes) -> str | None:
    """The name of the root element without its prefix; empty where it does not come yet, None where this is no XML."""
    if not head.lstrip(BEFORE).startswith(b"<"):
        return None
    text = FORBIDDEN.sub("", decoded(head).lstrip("\ufeff"))
    at = 0
    while found := PROLOGUE.match(text, at):
        at = found.end()
    root = ROOT.match(text, at)
    if root is not None:
        return root.group(1) if root.end() < len(text) else ""
    return "" if text.startswith(("<!", "<?"), at) or at == len(text) else None


def decoded(content: bytes) -> str:
    """An XML text, by its mark of a byte order, by its zero bytes, by what it declares, or as UTF-8 or Latin-1."""
    if content.startswith((b"\xff\xfe", b"\xfe\xff")):
        return content.decode("utf-16", errors="ignore")
    for beginning, encoding in WIDE:
        if content.lstrip(b"\xef\xbb\xbf").startswith(beginning):
            return content.decode(encoding, errors="ignore")
    declared = DECLARED.search(content[:1024])
    for encoding in (declared.group(1).decode("ascii", errors="ignore") if declared else "utf-8", "utf-8"):
        try:
            if not codecs.lookup(encoding).name.startswith(("utf-16", "utf-32", "utf-7")):
                return content.decode(encoding)
        except (LookupError, ValueError):
            continue
    return content.decode("latin-1")


class Checked(NamedTuple):
    """The bytes of a well-formed XML file within the limits, whether they are mended ones, and notes of that."""

    content: bytes
    mended: bool
    notes: tuple[str, ...]


def checked_xml(path: Path, what: str) -> Checked:
    """The bytes of an XML file within the limits, mended where it is not well-formed.

    what: the format's name. UnreadableFileError where the file is no whole one, or beyond the limits.
    """
    size = path.stat().st_size
    if size > LARGEST_BYTES:
        raise UnreadableFileError(
            f"{path}: {size >> 20} MiB, at most {LARGEST_BYTES >> 20} can be read as {what}: split it"
        )
    with open_file(path) as file:
        content = file.read()
    try:
        _look_through(content, path, what)
    except EcgNoiseError:
        raise
    except (expat.ExpatError, ValueError, LookupError):
        content, notes = _repaired(content)
    else:
        return Checked(content, mended=False, notes=())
    try:
        _look_through(content, path, what)
    except EcgNoiseError:
        raise
    except (expat.ExpatError, ValueError, LookupError) as error:
        raise UnreadableFileError(f"{path}: not a whole {what} file ({one_line(error)}): fetch it again") from error
    return Checked(content, mended=True, notes=notes)


def xml_tree(path: Path, what: str) -> tuple[ET.Element, tuple[str, ...]]:
    """The root element of an XML file within the limits, and notes; UnreadableFileError as :func:`checked_xml`."""
    checked = checked_xml(path, what)
    return ET.fromstring(checked.content), checked.notes


def text_of(element: ET.Element | None, *names: str) -> str:
    """The text of an element, or of the first of its children called so, without blanks around; empty without one."""
    for name in names:
        element = None if element is None else element.find(f"{{*}}{name}")
    return (element.text or "").strip() if element is not None else ""


def positive(text: str | None) -> float | None:
    """The number in a text, with a decimal point or comma; None where there is none above 0."""
    try:
        value = float((text or "").strip().replace(",", "."))
    except ValueError:
        return None
    return value if 0 < value < inf else None


def number_in(text: str, what: str, path: Path) -> float:
    """The number that a text is; UnreadableFileError, which calls it so, where it is none."""
    try:
        return float(text)
    except ValueError as error:
        raise UnreadableFileError(f"{path}: {what} {text[:20]!r} is not a number: export it again") from error


def _look_through(content: bytes, path: Path, what: str) -> None:
    """Checks that it is well-formed and within the limits."""
    if content.count(b"=") > MOST_ELEMENTS:  # of one element, the parser would list all attributes at once
        raise UnreadableFileError(
            f"{path}: more than {MOST_ELEMENTS} attributes, which no {what} file has: export it again"
        )
    parser = expat.ParserCreate()
    seen = depth = 0

    def begins(name: str, attributes: dict[str, str]) -> None:
        nonlocal seen, depth
        del name, attributes
        seen, depth = seen + 1, depth + 1
        if seen > MOST_ELEMENTS:
            raise UnreadableFileError(
                f"{path}: more than {MOST_ELEMENTS} elements, which no {what} file has: export it again"
            )
        if depth > DEEPEST:
            raise UnreadableFileError(
                f"{path}: elements more than {DEEPEST} deep, which no {what} file has: export it again"
            )

    def ends(name: str) -> None:
        nonlocal depth
        del name
        depth -= 1

    def entity(*declaration: object) -> None:
        del declaration
        raise UnreadableFileError(f"{path}: XML that declares entities is not read as {what}: export it without")

    parser.StartElementHandler = begins
    parser.EndElementHandler = ends
    parser.EntityDeclHandler = entity
    view = memoryview(content)
    for start in range(0, max(len(content), 1), CHUNK):
        parser.Parse(view[start : start + CHUNK].tobytes(), start + CHUNK >= len(content))


def _repaired(content: bytes) -> tuple[bytes, tuple[str, ...]]:
    """The same in UTF-8 without declaration, without characters and references that XML forbids; and a note of them."""
    text = DECLARATION.sub("", decoded(content).lstrip("\ufeff"), count=1)
    text, left_out = FORBIDDEN.subn("", text)
    forbidden_references = 0

    def allowed(found: re.Match[str]) -> str:
        nonlocal forbidden_references
        code = int(found.group(1), 16) if found.group(1) else int(found.group(2))
        if code <= 0x10FFFF and FORBIDDEN.match(chr(code)) is None:
            return found.group()
        forbidden_references += 1
        return ""

    text = REFERENCE.sub(allowed, text)
    left_out += forbidden_references
    notes = (f"left out of the XML: {left_out} characters that it forbids",) if left_out else ()
    return text.encode(errors="ignore"), notes
