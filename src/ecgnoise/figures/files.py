"""Figures in files."""

from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

from ecgnoise._internal.atomic import whole_files
from ecgnoise.errors import OutputError, unwritable

if TYPE_CHECKING:
    from matplotlib.figure import Figure

# Without the time of writing, so that the same figure is the same file.
METADATA: Final[dict[str, dict[str, Any]]] = {
    ".svg": {"Date": None},
    ".png": {},
    ".pdf": {"CreationDate": None},
}
DOTS_PER_INCH: Final = 200
SETTINGS: Final = {"svg.hashsalt": "ecgnoise", "svg.fonttype": "none", "pdf.fonttype": 42}


def check_suffix(path: Path) -> None:
    """OutputError for a suffix that no figure is written with."""
    if path.suffix.lower() not in METADATA:
        raise OutputError(f"{path}: suffix {path.suffix!r} is none of {', '.join(METADATA)}: choose one of them")


def write_figure(figure: "Figure", path: Path) -> None:
    """Write a figure in the format that its suffix says, whole or not at all, in a new folder where there is none.

    OutputError where that cannot be done.
    """
    check_suffix(path)
    import matplotlib as mpl

    try:
        path.parent.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise unwritable(path, error) from error
    suffix = path.suffix.lower()
    with whole_files(path) as partial, mpl.rc_context(SETTINGS):
        figure.savefig(partial, format=suffix[1:], dpi=DOTS_PER_INCH, metadata=METADATA[suffix])
