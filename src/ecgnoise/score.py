"""The way from a recording to its result, with a model that is at hand."""

import hashlib
import threading
from collections.abc import Callable, Iterator, Sequence
from typing import TYPE_CHECKING, Any

import numpy as np

from ecgnoise import metrics, segments
from ecgnoise.blocks import Block, block_windows, read_blocks
from ecgnoise.errors import OptionError, UnknownUnitsError
from ecgnoise.grades import estimated_snr, grade, percentile
from ecgnoise.models.folder import StressStep, Thresholds
from ecgnoise.models.redraw import Pictures, Redrawer
from ecgnoise.profiles import Profile, held_rows, level_images, qrs_level
from ecgnoise.recording import Recording
from ecgnoise.result import ModelIdentity, Result
from ecgnoise.segments import LeadSegment
from ecgnoise.sheet import Sheet
from ecgnoise.superlet import Superlet, segment_samples, superlet

if TYPE_CHECKING:
    from ecgnoise.journal import Journal

Progress = Callable[[int, int], None]


class Scorer:
    """Scores recordings with a model that is at hand; :class:`Quantifier` finds and loads one.

    batch_size: lead-segments that go through the network together. reference, stress: what was measured of the model on
    clean leads; see :class:`ecgnoise.models.folder.ModelDescription`.
    """

    def __init__(
        self,
        profile: Profile,
        redrawer: Redrawer,
        thresholds: Thresholds,
        model: ModelIdentity,
        batch_size: int,
        *,
        reference: Sequence[float] = (),
        stress: Sequence[StressStep] = (),
    ) -> None:
        if batch_size < 1:
            raise OptionError(f"batch_size {batch_size}: at least 1 lead-segment goes through the network at once")
        self.profile = profile
        self.model = model
        self._redrawer = redrawer
        self._thresholds = thresholds
        self._reference = reference
        self._stress = stress
        self._batch = batch_size
        self._transforms: dict[float, Superlet] = {}
        self._lock = threading.Lock()

    def score(
        self,
        recording: Recording,
        *,
        parts: int = 1,
        images: bool = False,
        progress: Progress | None = None,
        journal: "Journal | None" = None,
    ) -> Result:
        """Score all leads and segments of a recording; see :meth:`Quantifier.quantify`."""
        if images and journal is not None:
            raise OptionError("images True, with a journal, which keeps none: leave one of them out")
        self._check(recording)
        windows = segments.windows(recording.samples.shape[1], recording.sampling_frequency)
        sheet = Sheet.empty(len(recording.lead_names), windows, parts, self.profile if images else None)
        size = block_windows(len(recording.lead_names), segment_samples(recording.sampling_frequency), self._batch)
        done = journal.begin(self._identity(recording, sheet, size), sheet) if journal else 0
        for block in read_blocks(recording, windows, size, done):
            for finished in self._score_block(block, recording, sheet):
                if progress:
                    progress(finished, len(windows))
            if journal:
                journal.keep(sheet, block.first, block.stop)
        return self._result(recording, sheet)

    def _check(self, recording: Recording) -> None:
        """Whether the profile can score the recording at all."""
        if not self.profile.relative and recording.units != "mV":
            raise UnknownUnitsError(
                f"{recording.source}: profile {self.profile.name!r} needs mV: pass units (--units mV, uV or V)"
            )

    def _identity(self, recording: Recording, sheet: Sheet, size: int) -> dict[str, Any]:
        """What the scores of a recording depend on, by which a journal is known again; its ends stand for all of it."""
        content = hashlib.sha256()
        for window in (sheet.windows[0], sheet.windows[-1]):
            content.update(np.ascontiguousarray(recording.window(window.start, window.stop)).tobytes())
        return {
            "model": str(self.model),
            "profile": self.profile.name,
            "batch size": self._batch,
            "block": size,
            "parts": sheet.parts,
            "samples": recording.samples.shape[1],
            "sampling frequency": recording.sampling_frequency,
            "units": recording.units,
            "leads": recording.lead_names,
            "lead faults": recording.lead_faults,
            "content": content.hexdigest(),
        }

    def _score_block(self, block: Block, recording: Recording, sheet: Sheet) -> Iterator[int]:
        """Score a block, lot by lot: how many windows of the recording are finished after each."""
        for item in block.cuts:
            sheet.enter_fault(item)
        waiting = [item for item in block.cuts if item.drawable]
        for begin in range(0, len(waiting), self._batch):
            end = begin + self._batch
            self._score(waiting[begin:end], recording, sheet)
            if end < len(waiting):
                yield waiting[end].segment
        yield block.stop

    def _score(self, lot: list[LeadSegment], recording: Recording, sheet: Sheet) -> None:
        """Draw, redraw and measure some lead-segments."""
        pictures = self._draw(lot, recording)
        redrawn = self._redrawer.redraw(pictures)
        errors = metrics.column_errors(pictures.images, redrawn, pictures.held)
        for row, item in enumerate(lot):
            sheet.enter_score(item, errors[row])
            sheet.enter_images(item, pictures.images[row], redrawn[row])

    def _draw(self, lot: list[LeadSegment], recording: Recording) -> Pictures:
        """Images of lead-segments."""
        profile, frequency = self.profile, recording.sampling_frequency
        levels = self._transform(frequency)(np.stack([item.signal for item in lot]))
        reference = qrs_level(levels, profile)
        images = np.asarray(level_images(levels, reference, profile), dtype=np.float32)
        return Pictures(images, reference, recording.units == "mV", held_rows(profile, frequency))

    def _result(self, recording: Recording, sheet: Sheet) -> Result:
        """The finished result of a filled sheet."""
        frequency = recording.sampling_frequency
        times = np.array([segments.segment_times(window, frequency) for window in sheet.windows])
        part_times = np.array([segments.part_times(window, sheet.parts, frequency) for window in sheet.windows])
        return Result(
            psnr=sheet.psnr,
            local_psnr=sheet.local_psnr,
            fault=sheet.fault,
            grade=grade(sheet.psnr, self._thresholds),
            percentile=percentile(sheet.psnr, self._reference),
            estimated_snr=estimated_snr(sheet.psnr, self._stress),
            snr_range=(self._stress[0].snr, self._stress[-1].snr) if self._stress else None,
            start=times[:, 0],
            duration=times[:, 1],
            part_start=part_times[:, :, 0],
            part_duration=part_times[:, :, 1],
            lead_names=recording.lead_names,
            sampling_frequency=frequency,
            units=recording.units,
            profile=self.profile.name,
            model=self.model,
            source=recording.source,
            notes=recording.notes,
            images=sheet.images,
        )

    def _transform(self, sampling_frequency: float) -> Superlet:
        """The superlet transform at this rate, made once."""
        with self._lock:
            if sampling_frequency not in self._transforms:
                self._transforms[sampling_frequency] = superlet(self.profile, sampling_frequency)
            return self._transforms[sampling_frequency]
