"""The way from a recording to its result, with a model that is at hand."""

import threading
from collections.abc import Callable, Sequence

import numpy as np

from ecgnoise import metrics, segments
from ecgnoise.errors import OptionError, UnknownUnitsError
from ecgnoise.grades import estimated_snr, grade, percentile
from ecgnoise.kinds import KindTeller
from ecgnoise.leads import check_leads
from ecgnoise.models.folder import StressStep, Thresholds
from ecgnoise.models.redraw import Pictures, Redrawer
from ecgnoise.profiles import Profile, held_rows, level_images, qrs_level
from ecgnoise.recording import Recording
from ecgnoise.result import ModelIdentity, Result
from ecgnoise.segments import LeadSegment
from ecgnoise.sheet import Sheet
from ecgnoise.superlet import Superlet, superlet

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
        self._kinds = KindTeller(profile)
        self._thresholds = thresholds
        self._reference = reference
        self._stress = stress
        self._batch = batch_size
        self._transforms: dict[float, Superlet] = {}
        self._lock = threading.Lock()

    def score(
        self, recording: Recording, *, parts: int = 1, images: bool = False, progress: Progress | None = None
    ) -> Result:
        """Score all leads and segments of a recording; see :meth:`Quantifier.quantify`."""
        self._check(recording)
        windows = segments.windows(recording.samples.shape[1], recording.sampling_frequency)
        sheet = Sheet.empty(len(recording.lead_names), windows, parts, self.profile if images else None)
        waiting: list[LeadSegment] = []
        for index, window in enumerate(windows):
            for item in segments.cut(recording, index, window):
                sheet.enter_fault(item)
                if item.drawable:
                    waiting.append(item)
            last = index + 1 == len(windows)
            while len(waiting) >= self._batch or (last and waiting):
                self._score(waiting[: self._batch], recording, sheet)
                del waiting[: self._batch]
            if progress:
                progress(index + 1, len(windows))
        return self._result(recording, sheet)

    def _check(self, recording: Recording) -> None:
        """Whether the profile can score the recording at all."""
        if not self.profile.relative and recording.units != "mV":
            raise UnknownUnitsError(
                f"{recording.source}: profile {self.profile.name!r} needs mV: pass units (--units mV, uV or V)"
            )

    def _score(self, lot: list[LeadSegment], recording: Recording, sheet: Sheet) -> None:
        """Draw, redraw and measure some lead-segments."""
        pictures = self._draw(lot, recording)
        redrawn = self._redrawer.redraw(pictures)
        errors = metrics.column_errors(pictures.images, redrawn, pictures.held)
        kinds, shares = self._kinds.tell(pictures.images, redrawn, pictures.held)
        for row, item in enumerate(lot):
            sheet.enter_score(item, errors[row])
            sheet.enter_noise(item, str(kinds[row]), float(shares[row]))
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
            noise_kind=sheet.noise_kind,
            noise_share=sheet.noise_share,
            recording_start=recording.start,
            lead_remarks=check_leads(recording),
            notes=recording.notes,
            images=sheet.images,
        )

    def _transform(self, sampling_frequency: float) -> Superlet:
        """The superlet transform at this rate, made once."""
        with self._lock:
            if sampling_frequency not in self._transforms:
                self._transforms[sampling_frequency] = superlet(self.profile, sampling_frequency)
            return self._transforms[sampling_frequency]
