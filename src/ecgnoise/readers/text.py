"""The encoding and the first lines of text files."""

import io
import re


def text_encoding(head: bytes) -> str | None:
    """The encoding of a text by its beginning, or None where that has control characters that no text has."""
    if head.startswith((b"\xff\xfe", b"\xfe\xff")):
        return "utf-16"
    if re.search(rb"[\x00-\x08\x0e-\x1f]", head):
        return None
    try:
        head.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        cut_within_a_letter = len(head) - error.start < 4
        return "utf-8-sig" if cut_within_a_letter else "latin-1"
    return "utf-8-sig"


def text_lines(head: bytes, encoding: str) -> list[str]:
    """The lines of a beginning, without their ends."""
    return io.TextIOWrapper(io.BytesIO(head), encoding=encoding, errors="replace").read().split("\n")
