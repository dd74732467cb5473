"""What a file looks like that no reader knows, and what to do about it: one line each.

The table holds signs of files that people pass by mistake: other programs' files, archives, pages saved in place of
data, pointers of version control, parts of downloads.
"""

import json
import re
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from ecgnoise.errors import EcgNoiseError, UnknownFormatError, UnreadableFileError
from ecgnoise.readers._shared.base import is_file
from ecgnoise.readers._shared.text import text_encoding, text_lines
from ecgnoise.readers._shared.xml import root_name

EXPORT: Final = "export it as EDF, WFDB, DICOM or CSV"
SEARCHED_BYTES: Final = 1 << 12
SHOWN_LETTERS: Final = 40
PLAIN: Final = re.compile(rb"[\t\n\r -~]")
PLAIN_SHARE: Final = 0.05  # of the letters of a text in no known encoding
# Suffixes of annotation files of PhysioNet's databases and of the WFDB programs.
ANNOTATORS: Final = frozenset({
    "16a", "abp", "al", "alarms", "ann", "apn", "ari", "arousal", "atr", "aux", "beats", "cha", "comp", "ecg",
    "edr", "epic", "event", "events", "ew", "flt", "gqrs", "gqrsh", "gqrsl", "hypn", "jqrs", "man", "marker",
    "nguess", "oqrs", "pacer", "pu", "pu0", "pu1", "pwave", "q1c", "q2c", "qrs", "qrsc", "qrst", "qt1", "qt2",
    "rr", "sqrs", "sqrs125", "st", "st-", "sta", "stb", "stc", "trigger", "wabp", "wqrs", "xws", "i", "ii",
    "iii", "avr", "avl", "avf", "v1", "v2", "v3", "v4", "v5", "v6",
})  # fmt: skip
PICKLED: Final = re.compile(rb"\x80[\x02-\x05](?:[\x95}\]\(Kc]|\x8a)|\(dp0|\(lp0|ccopy_reg\n|cnumpy")
MARKUP: Final = re.compile(rb"(?:\xef\xbb\xbf|\xff\xfe|\xfe\xff|\s)*(?:<[A-Za-z!?]|\{\s*[\"}]|\[\s*[\[{\"\d-])")


@dataclass(frozen=True)
class Sign:
    """How a file is known, what it is called, what to do, and whether it is a damaged one rather than another kind.

    within: suffixes of formats that are read and lie within such a file, whose reader says more of a damaged one.
    """

    seen: Callable[[bytes], bool]
    what: str
    advice: str
    damaged: bool = False
    within: tuple[str, ...] = ()


def _begins(*magics: bytes) -> Callable[[bytes], bool]:
    return lambda head: head.startswith(magics)


def _has(magic: bytes, at: int) -> Callable[[bytes], bool]:
    return lambda head: head[at : at + len(magic)] == magic


def _matches(pattern: bytes) -> Callable[[bytes], bool]:
    compiled = re.compile(pattern, re.IGNORECASE | re.DOTALL)
    return lambda head: compiled.match(head[:SEARCHED_BYTES]) is not None


def _is_page(head: bytes) -> bool:
    text = re.sub(
        rb"^(?:\xef\xbb\xbf|\xff\xfe|\xfe\xff|\s|<!--.*?-->|<\?xml.*?\?>)*",
        b"",
        _plain(head[:SEARCHED_BYTES]),
        flags=re.DOTALL,
    )
    return re.match(rb"<(?:!doctype\s+html|html|head|body)\b", text, re.IGNORECASE) is not None


def _plain(head: bytes) -> bytes:
    """Text in UTF-16 without its zero bytes."""
    return head.replace(b"\0", b"") if head.startswith((b"\xff\xfe", b"\xfe\xff", b"<\0", b"\0<")) else head


SERVER_ERROR: Final = "a server's message of an error, saved in place of the data"
UNPACK: Final = "unpack it and pass what is in it"
# What is known for sure by its first bytes, before any table of numbers is looked for in it.
SIGNS: Final = (
    Sign(_matches(rb"version https://(?:git-lfs|hawser)\.github\.com/spec/"), "a Git LFS pointer, not the file itself",
         "run git lfs pull", damaged=True),
    Sign(_matches(rb"(?:\.\./)*(?:\.git/)?/?annex/objects/"), "a git-annex pointer, not the file itself",
         "run git annex get (or datalad get)", damaged=True),
    Sign(_matches(rb"\.\.?/[^\n]*\.git/annex/objects/"), "a git-annex pointer, not the file itself",
         "run git annex get (or datalad get)", damaged=True),
    Sign(_is_page, "a web page, saved in place of the data",
         "download the file itself (log in where the site asks for it)", damaged=True),
    Sign(_matches(rb"\s*(?:<\?xml[^>]*\?>\s*)?<Error>\s*<Code>"), SERVER_ERROR,
         "download the file again", damaged=True),
    Sign(_matches(rb"\s*\{[^{]{0,200}\"(?:error|message|detail)\"\s*:\s*[\"{\[]"), SERVER_ERROR,
         "download the file again", damaged=True),
    Sign(_begins(b"%PDF-"), "a PDF", f"a printed ECG cannot be scored; {EXPORT} from the program that printed it"),
    Sign(_begins(b"\x89PNG\r\n", b"\xff\xd8\xff", b"GIF8", b"II*\0", b"MM\0*"), "a picture",
         f"a picture of an ECG cannot be scored; {EXPORT} from the program that drew it"),
    Sign(_matches(rb"RIFF.{4}WEBP|BM.{4}\0{4}"), "a picture",
         f"a picture of an ECG cannot be scored; {EXPORT} from the program that drew it"),
    Sign(_matches(rb"\s*(?:<\?xml.*?\?>\s*)?(?:<!--.*?-->\s*)*(?:<!DOCTYPE svg.*?>\s*)?<svg\b"), "a picture (SVG)",
         f"a picture of an ECG cannot be scored; {EXPORT} from the program that drew it"),
    Sign(_has(b"ftyp", 4), "a film or sound (MP4)", EXPORT),
    Sign(_matches(rb"ID3[\x02-\x04]\0|\xff[\xfb\xf3\xf2]"), "a sound (MP3)", EXPORT),
    Sign(_begins(b"OggS"), "a sound (Ogg)", EXPORT),
    Sign(_begins(b"fLaC"), "a FLAC file", "pass the .hea of the WFDB record that it belongs to"),
    Sign(lambda head: head[:4] in {b"RIFF", b"RIFX", b"RF64"} and head[8:12] == b"WAVE", "a sound (WAV)", EXPORT),
    Sign(_begins(b"PK\x03\x04"), "a ZIP archive", UNPACK, within=(".npz", ".xlsx")),
    Sign(_begins(b"PK\x05\x06"), "an empty ZIP archive", "pack it again", damaged=True),
    Sign(_begins(b"\x1f\x8b"), "a gzip archive", UNPACK, within=(".gz",)),
    Sign(_matches(rb"BZh[1-9]1AY&SY"), "a bzip2 archive", UNPACK),
    Sign(_begins(b"\xfd7zXZ\0"), "an xz archive", UNPACK),
    Sign(_begins(b"7z\xbc\xaf\x27\x1c"), "a 7-Zip archive", UNPACK),
    Sign(_begins(b"Rar!\x1a\x07"), "a RAR archive", UNPACK),
    Sign(_begins(b"\x28\xb5\x2f\xfd"), "a Zstandard archive", UNPACK),
    Sign(_begins(b"\x04\x22\x4d\x18"), "an LZ4 archive", UNPACK),
    Sign(_begins(b"\x1f\x9d", b"\x1f\xa0"), "a compressed file (.Z)", UNPACK),
    Sign(_begins(b"MSCF\0"), "a Windows cabinet", UNPACK),
    Sign(_has(b"ustar", 257), "a tar archive", UNPACK),
    Sign(_begins(b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1"), "an old Office document (.xls, .doc)",
         "save its table as .xlsx or CSV"),
    Sign(_begins(b"{\\rtf"), "a text document (RTF)", "save its table as CSV"),
    Sign(_begins(b"SQLite format 3\0"), "an SQLite database", "write the signal's table to CSV or Parquet"),
    Sign(_begins(b"\0\x05\x16\x07"), "what macOS keeps beside a file, not the file itself",
         "pass the file of that name without ._", damaged=True),
    Sign(_begins(b"\0\0\0\x01Bud1"), "what macOS keeps of a folder (.DS_Store)", "pass a recording"),
    Sign(lambda head: PICKLED.match(head) is not None, "a Python pickle, which may run any program when it is opened",
         "save the array with numpy.save"),
    Sign(_begins(b"\x7fELF", b"MZ\x90\0", b"\xcf\xfa\xed\xfe", b"\xca\xfe\xba\xbe"), "a program", "pass a recording"),
    Sign(_begins(b"#!/"), "a script", "pass a recording"),
    Sign(_begins(b"RDX2\n", b"RDX3\n", b"RDA2\n", b"RDA3\n"), "an R workspace", "write the signal to CSV"),
    Sign(_begins(b"<stata_dta>"), "a Stata table", "save it as CSV"),
    Sign(_begins(b"$FL2", b"$FL3"), "an SPSS table", "save it as CSV"),
    Sign(_begins(b"ARROW1"), "an Arrow file", "write it again", within=(".feather", ".arrow")),
    Sign(_begins(b"FEA1"), "a Feather file of version 1", "save it as version 2 or as Parquet", within=(".feather",)),
    Sign(_matches(rb"ORC[\0-\x1f]"), "an ORC table", "save it as Parquet or CSV"),
    Sign(_begins(b"Obj\x01"), "an Avro table", "save it as Parquet or CSV"),
    Sign(_begins(b"CDF\x01", b"CDF\x02"), "a NetCDF file", "save it as HDF5 or CSV"),
    Sign(_matches(rb"(?:\xef\xbb\xbf)?Brain ?Vision (?:V-Amp )?(?:Data Exchange )?(?:Header|Marker) ?File"),
         "a BrainVision file (EEG)", EXPORT),
    Sign(_has(b"GDF ", 0), "a GDF file (EEG)", EXPORT),
    Sign(_begins(b"Version 3.0\0"), "a Neuroscan file (EEG)", EXPORT),
    Sign(_begins(b"EBS\x94\n\x13\x1a\r", b"* MICROMED", b"Embla data file"), "a recording of sleep or EEG", EXPORT),
    Sign(_has(b"##NEUTRAL HOLTER RECORDING##", 4), "an EDAN Holter archive", EXPORT),
    Sign(_begins(b"ANN  1.0"), "annotations of an ISHNE Holter recording", "pass its .ecg file"),
    Sign(_begins(b"CFWB\x01"), "a LabChart file", EXPORT),
    Sign(_matches(rb"ABF[ 2][\0-\x1f\x80-\xff]"), "an Axon file (ABF)", EXPORT),
    Sign(_begins(b"POLY SAMPLE FILE"), "a TMSi file (Poly5)", EXPORT),
    Sign(_begins(b"XDF:"), "an XDF file (Lab Streaming Layer)", EXPORT),
    Sign(_begins(b"TDSm"), "a LabVIEW file (TDMS)", EXPORT),
    Sign(_begins(b"\xff\xfe\0\0", b"\0\0\xfe\xff"), "a text in UTF-32", "save it as UTF-8"),
    Sign(_matches(rb"(?:[\t\r\n -~]\0){8}|(?:\0[\t\r\n -~]){8}"), "a text in UTF-16 without its mark",
         "save it as UTF-8"),
)  # fmt: skip
# Of formats that are read; a file called so and known by nobody is a damaged one.
FORMAT_SUFFIXES: Final = frozenset({
    ".hea", ".edf", ".bdf", ".dcm", ".scp", ".ecg", ".mwf", ".mat", ".npy", ".npz", ".h5", ".hdf5", ".parquet",
    ".feather",
})  # fmt: skip
DOWNLOADING: Final = frozenset(
    {".crdownload", ".part", ".partial", ".download", ".filepart", ".tmp", ".!ut", ".opdownload"}
)


def foreign(path: Path, head: bytes) -> Sign | None:
    """The sign of a file that is surely of no recording, by its first bytes, unless its name is of a format within."""
    found = next((sign for sign in SIGNS if sign.seen(head)), None)
    return None if found is not None and path.suffix.lower() in found.within else found


def is_markup(head: bytes) -> bool:
    """Whether a text is surely XML or JSON, in which a line may well look like a row of numbers."""
    return MARKUP.match(_plain(head[:SEARCHED_BYTES])) is not None


def is_text(head: bytes) -> bool:
    """Whether a beginning is that of a text; one of another alphabet has blanks and ends of lines, too."""
    encoding = text_encoding(head)
    return encoding is not None and (encoding != "latin-1" or len(PLAIN.findall(head)) > len(head) * PLAIN_SHARE)


def unknown_file(path: Path, head: bytes) -> EcgNoiseError:
    """The error of a file that no reader knows: what it looks like, and what to do."""
    if path.suffix.lower() in DOWNLOADING:
        return UnreadableFileError(f"{path}: a download that is not finished: wait for it, or fetch it again")
    sign = next((sign for sign in SIGNS if sign.seen(head)), None)
    if sign is not None:
        kind = UnreadableFileError if sign.damaged else UnknownFormatError
        return kind(f"{path}: this is {sign.what}: {sign.advice}")
    record = _record_beside(path)
    if record is not None:
        what = "annotations" if is_annotation(path) else "samples"
        return UnknownFormatError(
            f"{path}: no reader knows this file; it may be {what} of a WFDB record: pass {record}"
        )
    if not head.strip(b"\0"):
        return UnreadableFileError(f"{path}: it holds nothing but zero bytes: fetch it again")
    return _unknown_text(path, head) if is_text(head) else _unknown_bytes(path, head)


def is_annotation(path: Path) -> bool:
    """Whether the name of a file is that of annotations of a WFDB record."""
    return path.suffix[1:].lower() in ANNOTATORS


def _record_beside(path: Path) -> str | None:
    """The name of the header that a signal or annotation file may belong to."""
    if not is_annotation(path) and path.suffix.lower() != ".dat":
        return None
    beside = path.with_suffix(".hea")
    if is_file(beside):
        return beside.name
    return f"its {path.stem}.hea, which is not beside it"


def _is_called_a_recording(path: Path) -> bool:
    return path.suffix.lower() in FORMAT_SUFFIXES


def _unknown_bytes(path: Path, head: bytes) -> EcgNoiseError:
    shown = head[:8].hex(" ")
    if _is_called_a_recording(path):
        return UnreadableFileError(f"{path}: not a whole {path.suffix} file, it begins with {shown}: fetch it again")
    return UnknownFormatError(f"{path}: no reader knows this file, which begins with the bytes {shown}: {EXPORT}")


def _unknown_text(path: Path, head: bytes) -> EcgNoiseError:
    lines = [line.strip() for line in text_lines(head, text_encoding(head) or "latin-1")]
    text = "\n".join(line for line in lines if line)
    first = ascii(text.partition("\n")[0][:SHOWN_LETTERS])[: 2 * SHOWN_LETTERS]
    if text.startswith(("{", "[")):
        return UnknownFormatError(f"{path}: no reader knows this JSON{_keys(text)}: save its samples as CSV")
    if text.startswith("<"):
        root = root_name(head)
        named = f" <{root[:SHOWN_LETTERS]}>" if root else ""
        return UnknownFormatError(
            f"{path}: no reader knows this XML{named}: export it as HL7 aECG, DICOM, SCP-ECG or CSV"
        )
    if _is_called_a_recording(path):
        return UnreadableFileError(
            f"{path}: not a whole {path.suffix} file, but a text that begins with {first}: fetch it again"
        )
    if re.search(r"[\ufffd\u0080-\u009f]", text):
        return UnknownFormatError(f"{path}: no reader knows this file, a text in an unknown encoding: save it as UTF-8")
    return UnknownFormatError(
        f"{path}: no reader knows this text, which begins with {first} and has no row of numbers: "
        "pass a recording, or a table with one sample a line"
    )


def _keys(text: str) -> str:
    """The first names in a JSON text, for a message."""
    if '"nbformat"' in text or '"cell_type"' in text:
        return " (a notebook)"
    names = re.findall(r'"((?:[^"\\]|\\.){1,30})"\s*:', text)[:3]
    return f" ({', '.join(json.dumps(name) for name in names)} ...)" if names else ""
