"""What a training run writes to be looked at: lines, TensorBoard events and images. Needs the extra ``train``."""

import json
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from types import TracebackType
from typing import Any, Final, Self

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from ecgnoise._internal.atomic import sweep_folder, unfinished_files
from ecgnoise.errors import MAKE_ROOM, unwritable
from ecgnoise.scalogram.profile import Images

LOG_FILE: Final = "log.jsonl"
TENSORBOARD: Final = "tensorboard"
IMAGES: Final = "images"
BORDER: Final = 4
ENLARGED: Final = 3


class RunLog:
    """The log of a run in a folder, cut back to ``step``, from which it goes on.

    writes: False: in other processes than the first, which write nothing. OutputError where a file cannot be written.
    """

    def __init__(self, out: Path, step: int, *, writes: bool) -> None:
        self._out = out
        self._writes = writes
        self._events: Any = None
        if not writes:
            return
        from torch.utils.tensorboard import SummaryWriter

        with written(out):
            (out / IMAGES).mkdir(exist_ok=True)
            for folder in (out, out / IMAGES):
                sweep_folder(folder)
            cut_back(out / LOG_FILE, step)
            self._events = SummaryWriter(str(out / TENSORBOARD), purge_step=step + 1)

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if self._events is not None:
            self._events.close()

    def write(self, step: int, epoch: float, loss: float, rate: float, validation: float | None) -> None:
        """Add a line; validation: the loss on what is not trained on, or None."""
        if not self._writes:
            return
        values = {"loss": loss, "learning_rate": rate, "epoch": epoch}
        if validation is not None:
            values["validation_loss"] = validation
        with written(self._out):
            with (self._out / LOG_FILE).open("a", encoding="utf-8") as log:
                log.write(json.dumps({"step": step, **values}) + "\n")
            for name, value in values.items():
                self._events.add_scalar(name, value, step)
            self._events.flush()

    def images(self, step: int, originals: Images, reconstruction: Images) -> None:
        """Write pairs of images, (k, rows, columns) in 0..255, one below the other."""
        if not self._writes:
            return
        sheet = contact_sheet(originals, reconstruction)
        path = self._out / IMAGES / f"step-{step:06}.png"
        with written(self._out), unfinished_files(path) as partial:
            Image.fromarray(sheet).save(partial, format="png")
        self._events.add_image("examples", sheet, step, dataformats="HW")


@contextmanager
def written(out: Path) -> Iterator[None]:
    """Turns a failure to write into OutputError."""
    try:
        yield
    except OSError as error:
        raise unwritable(out, error, MAKE_ROOM, what="the log") from error


def contact_sheet(originals: Images, reconstruction: Images) -> NDArray[np.uint8]:
    """Pairs of images in one image: each original above what was made of it, enlarged, with white borders."""
    both = np.stack([originals, reconstruction], axis=1).reshape(-1, *originals.shape[1:])
    grey = np.rint(np.clip(both, 0.0, 255.0)).astype(np.uint8)
    large = grey.repeat(ENLARGED, axis=1).repeat(ENLARGED, axis=2)
    bordered = np.pad(large, ((0, 0), (0, BORDER), (0, 0)), constant_values=255)
    return np.asarray(bordered.reshape(-1, bordered.shape[2]))


def cut_back(path: Path, step: int) -> None:
    """Take the lines after a step, and half a line at the end, out of a log."""
    if not path.exists():
        return
    kept = []
    for line in path.read_text(encoding="utf-8", errors="replace").splitlines():
        try:
            values = json.loads(line)
        except json.JSONDecodeError:
            break
        if values["step"] <= step:
            kept.append(f"{line}\n")
    with unfinished_files(path) as partial:
        partial.write_text("".join(kept), encoding="utf-8")
