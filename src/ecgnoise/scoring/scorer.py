"""The way from a recording to its result, with a model that is at hand."""

import hashlib
import threading
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

import numpy as np
from numpy.typing import NDArray

from ecgnoise import segments
from ecgnoise._internal.files import file_states
from ecgnoise.errors import ModelFormatError, OptionError, SignalShapeError, UnknownUnitsError
from ecgnoise.models.folder import Grading
from ecgnoise.models.level_estimates import LevelEstimates, LevelReader
from ecgnoise.models.reconstruct import IN_MEMORY, Placement, Reconstructor, Scalograms
from ecgnoise.noise_levels import KINDS, SPANS, SpanLimits, ecg_rms, local_snr, readable_snr
from ecgnoise.readers import recording_files
from ecgnoise.readers._shared.base import is_file
from ecgnoise.recording import Recording
from ecgnoise.results.grades import effective_snr, estimated_snr, grade, percentile
from ecgnoise.results.result import Result
from ecgnoise.results.scores import ModelIdentity, NoiseLevels, Provenance, SegmentScores, Timeline
from ecgnoise.scalogram.profile import (
    PLAUSIBLE_QRS_LEVELS,
    POSSIBLE_QRS_LEVELS,
    Images,
    Profile,
    level_images,
    qrs_level,
    valid_rows,
    within,
)
from ecgnoise.scalogram.superlet import Superlet, segment_samples, superlet
from ecgnoise.scalogram.traces import traces
from ecgnoise.scoring import metrics
from ecgnoise.scoring.accumulator import Accumulator, Layout
from ecgnoise.scoring.beats import agreement
from ecgnoise.scoring.blocks import Block, block_windows, read_blocks
from ecgnoise.scoring.lead_check import RememberedSamples, check_leads
from ecgnoise.scoring.lead_score import LeadFault, LeadScore, Measured
from ecgnoise.scoring.notes import clipping, doubts
from ecgnoise.scoring.segment_levels import unpacked
from ecgnoise.segments import LeadSegment

if TYPE_CHECKING:
    from ecgnoise.scoring.checkpoint import Checkpoint

MOST_SCORES: Final = 1 << 28
Progress = Callable[[int, int], None]
Batch = list[LeadSegment]
Run = Callable[[Callable[[Batch], Measured], Sequence[Batch]], Iterable[Measured]]


@contextmanager
def working(threads: int) -> Iterator[Run]:
    """A ``map`` that so many threads work at; what waits when an error or Ctrl-C comes is not begun."""
    if threads == 1:
        yield map
        return
    from concurrent.futures import ThreadPoolExecutor

    pool = ThreadPoolExecutor(threads, "ecgnoise-score")
    try:
        yield pool.map
    finally:
        pool.shutdown(cancel_futures=True)


class Scorer:
    """Scores recordings with a model that is at hand; :class:`Quantifier` finds and loads one.

    batch_size: lead-segments that go through the network together. threads: how many such batches are scored at once,
    each by one thread from image to error; the batches are the same whatever their number. placement: where the
    images are drawn and measured, which is where ``reconstructor`` works. levels: what reads noise levels in the
    images, where the model has it.
    """

    def __init__(
        self,
        profile: Profile,
        reconstructor: Reconstructor,
        grading: Grading,
        model: ModelIdentity,
        batch_size: int,
        *,
        threads: int = 1,
        placement: Placement = IN_MEMORY,
        levels: LevelReader | None = None,
    ) -> None:
        if batch_size < 1:
            raise OptionError(f"batch_size {batch_size}: at least 1 lead-segment goes through the network at once")
        if threads < 1:
            raise OptionError(f"threads {threads}: at least 1 is needed")
        self.profile = profile
        self.model = model
        self._reconstructor = reconstructor
        self._levels = levels
        self._grading = grading
        self._batch_size = batch_size
        self._threads = threads
        self._placement = placement
        self._transforms: dict[float, Superlet] = {}
        self._lock = threading.Lock()

    def score(
        self,
        recording: Recording,
        *,
        parts: int = 1,
        images: bool = False,
        progress: Progress | None = None,
        checkpoint: "Checkpoint | None" = None,
    ) -> Result:
        """Score all leads and segments of a recording; see :meth:`Quantifier.quantify`."""
        if images and checkpoint is not None:
            raise OptionError("images True, with a checkpoint, which keeps none: leave one of them out")
        self._check(recording, parts)
        windows = segments.windows(recording.samples.shape[1], recording.sampling_frequency)
        layout = Layout.of(windows, parts, SPANS if self._levels else 0)
        found = Accumulator.empty(len(recording.lead_names), layout, self.profile if images else None)
        size = block_windows(len(recording.lead_names), segment_samples(recording.sampling_frequency), self._batch_size)
        done = checkpoint.begin(self._identity(recording, layout, size), found.arrays) if checkpoint else 0
        samples = RememberedSamples(recording.samples, recording.sampling_frequency)
        recording = replace(recording, samples=samples)
        with working(self._threads) as run:
            for block in read_blocks(recording, windows, size, done):
                for finished in self._score_block(block, recording, layout, found, run):
                    if progress:
                        progress(finished, len(windows))
                if checkpoint:
                    checkpoint.keep(found.arrays, block.first, block.stop)
        return self._result(recording, layout, found)

    def _check(self, recording: Recording, parts: int) -> None:
        """Whether the profile can score the recording at all, and memory hold its scores."""
        (leads, samples), frequency = recording.samples.shape, recording.sampling_frequency
        if leads * (samples / segment_samples(frequency) + 1) * parts > MOST_SCORES:
            raise SignalShapeError(
                f"{recording.source}: {leads} leads of {samples} samples in {parts} parts are more than {MOST_SCORES} "
                "scores: pass fewer leads or parts, or split it"
            )
        if not self.profile.relative and recording.units != "mV":
            raise UnknownUnitsError(
                f"{recording.source}: profile {self.profile.name!r} needs mV: pass units (--units mV, uV or V)"
            )

    def _identity(self, recording: Recording, layout: Layout, size: int) -> dict[str, Any]:
        """What the scores of a recording depend on, by which a checkpoint is known again.

        The ends of the samples stand for all of them, and so do the sizes and times of change of their files.
        """
        content = hashlib.sha256()
        for window in (layout.windows[0], layout.windows[-1]):
            content.update(np.ascontiguousarray(recording.window(window.start, window.stop)).tobytes())
        return {
            "model": str(self.model),
            "profile": self.profile.name,
            "device": self._placement.device,
            "batch size": self._batch_size,
            "block": size,
            "parts": layout.most_parts,
            "samples": recording.samples.shape[1],
            "sampling frequency": recording.sampling_frequency,
            "units": recording.units,
            "leads": recording.lead_names,
            "lead faults": recording.lead_faults,
            "content": content.hexdigest(),
            "files": file_states(recording_files(recording.source)) if is_file(Path(recording.source)) else [],
        }

    def _score_block(
        self, block: Block, recording: Recording, layout: Layout, found: Accumulator, run: "Run"
    ) -> Iterator[int]:
        """Score a block, batch by batch: how many windows of the recording are done, each time there are more."""
        for item in block.cuts:
            found.store(item, LeadFault.of(item))
        waiting = [item for item in block.cuts if item.drawable]
        batches = [waiting[begin : begin + self._batch_size] for begin in range(0, len(waiting), self._batch_size)]
        keep, told = found.images is not None, block.first
        measured = run(lambda batch: self._measure(batch, recording, keep=keep), batches)
        for number, (batch, of_batch) in enumerate(zip(batches, measured, strict=True), start=1):
            for row, item in enumerate(batch):
                found.store(item, LeadScore.of(item, of_batch, row, layout.parts[item.segment]))
                if of_batch.images is not None:
                    found.store_images(item, *(images[row] for images in of_batch.images))
            if number < len(batches) and batches[number][0].segment > told:
                told = batches[number][0].segment  # of the next batch: all before it are done
                yield told
        yield block.stop

    def _measure(self, batch: Batch, recording: Recording, *, keep: bool) -> Measured:
        """Draw, reconstruct and measure some lead-segments; keep: their images too."""
        scalograms, to_host = self._draw(batch, recording), self._placement.to_host
        reconstruction = self._reconstructor.reconstruct(scalograms)
        errors = metrics.column_errors(scalograms.images, reconstruction, scalograms.valid)
        originals, taken, measured = to_host(scalograms.images), to_host(reconstruction), to_host(errors)
        if not np.isfinite(measured).all():
            raise self._damaged()
        noise = None if self._levels is None else self._read_levels(self._levels, batch, scalograms)
        rms = np.full(len(batch), np.nan)
        if noise is not None and recording.units == "mV":
            rms = ecg_rms(noise.ecg, to_host(scalograms.reference))
        plausible = np.asarray(to_host(within(scalograms.reference, PLAUSIBLE_QRS_LEVELS))) | (recording.units != "mV")
        return Measured(
            errors=measured,
            noise=noise,
            rms=rms,
            agreement=self._agreement(originals, scalograms.valid, np.array([item.intact for item in batch])),
            plausible=plausible,
            images=(originals, taken) if keep else None,
        )

    def _agreement(self, originals: Images, valid: NDArray[np.bool_], intact: NDArray[np.bool_]) -> NDArray[np.float64]:
        """How well the beats in images agree, (n,); NaN in a profile that is not relative to the beats."""
        if not self.profile.relative:
            return np.full(len(originals), np.nan)
        return agreement(originals, valid, self.profile, intact)

    def _read_levels(self, reader: LevelReader, batch: Batch, scalograms: Scalograms) -> LevelEstimates:
        """The noise levels of lead-segments with their images; ModelFormatError where they are no numbers."""
        reference = self._placement.to_host(scalograms.reference)
        traced = traces(np.stack([item.signal for item in batch]), reference)
        found = reader.read(scalograms, self._placement.to_device(traced))
        if not all(np.isfinite(values).all() for values in vars(found).values()):
            raise self._damaged()
        return found

    def _damaged(self) -> ModelFormatError:
        return ModelFormatError(
            f"model {self.model}: its network gives NaN or infinite numbers: its weights are damaged, pass another"
        )

    def _draw(self, batch: Batch, recording: Recording) -> Scalograms:
        """Images of lead-segments."""
        profile, frequency = self.profile, recording.sampling_frequency
        levels = self._transform(frequency)(self._placement.to_device(np.stack([item.signal for item in batch])))
        reference = qrs_level(levels, profile)
        images = level_images(levels, reference, profile)
        known = within(reference, POSSIBLE_QRS_LEVELS) if recording.units == "mV" else False
        return Scalograms(images, reference, known, valid_rows(profile, frequency))

    def _result(self, recording: Recording, layout: Layout, found: Accumulator) -> Result:
        """The finished result of a filled accumulator."""
        reader, grading, frequency = self._levels, self._grading, recording.sampling_frequency
        limits, leads = SpanLimits(), len(recording.lead_names)
        if reader is None:
            levels = NoiseLevels.unknown(leads, len(layout.windows))
            grades = grade(found.psnr, grading.thresholds.bounds)
            snr = estimated_snr(found.psnr, grading.stress)
            snr_range = (grading.stress[0].snr, grading.stress[-1].snr) if grading.stress else None
        else:
            levels = self._noise_levels(layout, found, frequency)
            grades, snr, snr_range = grade(levels.effective_snr, limits.bounds), found.snr, reader.snr_range
        relative = self.profile.relative
        return Result(
            SegmentScores(
                psnr=found.psnr,
                local_psnr=found.local_psnr,
                fault=found.fault,
                grade=grades,
                percentile=percentile(found.psnr, grading.clean_percentiles),
                agreement=found.agreement,
                estimated_snr=snr,
            ),
            levels,
            Timeline.of(layout.windows, frequency, layout.most_parts, spans=reader is not None),
            Provenance(
                source=recording.source,
                lead_names=recording.lead_names,
                sampling_frequency=frequency,
                units=recording.units,
                recording_start=recording.start,
                notes=(*recording.notes, *doubts(found, recording, relative=relative), *clipping(found, recording)),
                lead_remarks=check_leads(recording),
                model=self.model,
                profile=self.profile.name,
                snr_range=snr_range,
                limits=limits,
            ),
            found.images,
        )

    def _noise_levels(self, layout: Layout, found: Accumulator, frequency: float) -> NoiseLevels:
        """The noise levels of a filled accumulator."""
        noise, reading = found.noise[..., : len(KINDS)], found.noise[..., -1]
        local = unpacked(found.local_noise, layout.windows, frequency)
        readable = readable_snr(noise, reading)
        return NoiseLevels(
            noise=noise,
            noise_kind=found.noise_kind,
            noise_share=found.noise_share,
            ecg_rms=found.ecg_rms,
            reading_snr=-reading,
            effective_snr=effective_snr(readable, found.agreement, found.psnr, self._grading.thresholds),
            local_noise=local[..., : len(KINDS)],
            local_snr=local_snr(local),
        )

    def _transform(self, sampling_frequency: float) -> Superlet:
        """The superlet transform at this rate, made once."""
        with self._lock:
            if sampling_frequency not in self._transforms:
                self._transforms[sampling_frequency] = superlet(self.profile, sampling_frequency)
            return self._transforms[sampling_frequency]
