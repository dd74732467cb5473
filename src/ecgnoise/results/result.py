"""Result: one type for every input, "cannot be scored" included."""

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any, Final

import numpy as np
from numpy.typing import NDArray

from ecgnoise.figures.disclosure import draw_disclosure, line_seconds
from ecgnoise.figures.drawn import Drawing
from ecgnoise.figures.heat_map import draw_heat_map
from ecgnoise.figures.paper import Paper, draw_paper
from ecgnoise.figures.segment import draw_segment
from ecgnoise.noise_levels import SpanRule
from ecgnoise.recording import SHOWN_SECONDS, Recording, check_sampling_frequency
from ecgnoise.results.cells import COLUMNS, NUMBERS, table_rows, usable_segments
from ecgnoise.results.drawings import check_same, drawing_of_result, heat_map_of, images_of, row_of
from ecgnoise.results.grades import GRADES, TOO_NOISY
from ecgnoise.results.intervals import (
    Choice,
    HiddenSamples,
    Interval,
    bad_pieces,
    fault_texts,
    find_intervals,
    joined,
    pieces,
    sample_span,
    segment_interval,
    span_text,
)
from ecgnoise.results.notebook import html_of
from ecgnoise.results.scores import ModelIdentity, Scores, SegmentImages, record_name

if TYPE_CHECKING:
    import pandas as pd
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

__all__ = ["COLUMNS", "ModelIdentity", "Result", "SegmentImages", "record_name"]

FAULTS_TOLD: Final = 4


@dataclass(frozen=True)
class Result(Scores):
    """Noise of each lead and segment of a recording, and what can be done with it.

    A result is made by :func:`quantify`, :class:`Quantifier` and :func:`load_results`. Its parts are
    ``segments``, ``levels``, ``timeline`` and ``provenance``, each of which has some of the properties below.

    Notes
    -----
    Where the model knows noise levels, the methods that say which time can be used go span by span, a third of a
    second each, by the local SNR that ``limits`` ask for; else, or with ``whole_segments=True``, by whole segments and
    their grades.

    Examples
    --------
    >>> import ecgnoise
    >>> result = ecgnoise.quantify(ecgnoise.simulate_ecg(10, lead_names=["I"]))
    >>> result.psnr.shape, result.grade.tolist(), result.usable.tolist()
    ((1, 1), [['good']], [[True]])
    """

    @property
    def usable(self) -> NDArray[np.bool_]:
        """Which lead-segments can be used, ndarray of bool, shape (leads, segments): ``good`` and ``fair`` ones."""
        return usable_segments(self)

    @property
    def analysable(self) -> NDArray[np.float64]:
        """Per cent of its time that each lead can be used, ndarray, shape (leads,), 0 to 100."""
        return np.asarray(100.0 * self.usable_seconds() / self.seconds)

    def rows(self) -> list[tuple[Any, ...]]:
        """Return the rows of a table.

        Returns
        -------
        list of tuple
            One per lead-segment, with a cell per column of a table; None where there is no number.

        See Also
        --------
        write_table : Write such rows.
        """
        return table_rows(self)

    def to_dataframe(self) -> "pd.DataFrame":
        """Return a table.

        Returns
        -------
        pandas.DataFrame
            One row per lead-segment.
        """
        import pandas as pd

        return pd.DataFrame(self.rows(), columns=list(COLUMNS)).astype(dict.fromkeys(NUMBERS, float))

    def parts_in_turn(self) -> NDArray[np.float64]:
        """Return the local PSNR of all segments in turn.

        Returns
        -------
        ndarray, shape (leads, parts of all segments)
            In dB. A tail has only the parts that it needs, as published.
        """
        return self.local_psnr[:, np.isfinite(self.part_start)]

    def intervals(
        self,
        grade: str = TOO_NOISY,
        *,
        join: float = 0.0,
        whole_segments: bool = False,
        rule: SpanRule | None = None,
    ) -> list[Interval]:
        """Return the stretches of each lead that cannot be used.

        Parameters
        ----------
        grade : {"good", "fair", "poor", "unusable"}, default "poor"
            Time of this grade or a worse one cannot be used, nor time without a score.
        join : float, default 0
            Stretches at most so many seconds apart become one.
        whole_segments : bool, default False
            Whether stretches begin and end with segments.
        rule : SpanRule, optional
            When spans count. The default is the limit of the grade.

        Returns
        -------
        list of Interval
            In order of leads and time.

        Raises
        ------
        OptionError
            If the grade is none of those above, or ``join`` is negative or not a number.
        """
        return find_intervals(self, Choice(grade, join, whole_segments, rule))

    def fault_intervals(self) -> list[Interval]:
        """Return the stretches of each lead with one and the same fault.

        Returns
        -------
        list of Interval
            In order of leads and time.
        """
        found = []
        for lead in range(len(self.lead_names)):
            of_lead = [
                interval
                for fault in sorted(set(self.fault[lead].tolist()) - {""})
                for interval in joined(
                    [
                        segment_interval(self, lead, place)
                        for place in np.flatnonzero(self.fault[lead] == fault).tolist()
                    ],
                    0.0,
                )
            ]
            found += sorted(of_lead, key=lambda interval: interval.start)
        return found

    def mask(
        self,
        sampling_frequency: float | None = None,
        *,
        grade: str = TOO_NOISY,
        whole_segments: bool = False,
        rule: SpanRule | None = None,
    ) -> NDArray[np.bool_]:
        """Return which samples can be used: those that lie in none of :meth:`intervals`.

        Parameters
        ----------
        sampling_frequency : float, optional
            In Hz. The default is that of the recording.
        grade : {"good", "fair", "poor", "unusable"}, default "poor"
            Time of this grade or a worse one cannot be used, nor time without a score.
        whole_segments : bool, default False
            Whether only whole segments count, by their grades.
        rule : SpanRule, optional
            When spans count. The default is the limit of the grade.

        Returns
        -------
        ndarray of bool, shape (leads, samples)

        Raises
        ------
        SamplingFrequencyError
            If the sampling frequency is not one number, or is out of range.
        OptionError
            If the grade is none of those above.
        """
        frequency = self.sampling_frequency if sampling_frequency is None else sampling_frequency
        frequency = check_sampling_frequency(frequency, "mask")
        usable = np.ones((len(self.lead_names), round(self.seconds * frequency)), np.bool_)
        hidden = self._hidden(Choice(grade, 0.0, whole_segments, rule), frequency, usable.shape[1])
        for row, spans in zip(usable, hidden, strict=True):
            for span in spans:
                row[span] = False
        return usable

    def quality(self, sampling_frequency: float | None = None) -> NDArray[np.float64]:
        """Return a quality for each sample: the share of clean leads that score lower than its segment.

        Parameters
        ----------
        sampling_frequency : float, optional
            In Hz. The default is that of the recording.

        Returns
        -------
        ndarray, shape (leads, samples)
            0 to 1, as NeuroKit2 gives the quality of an ECG; 0 where there is no score, NaN everywhere if the model has
            no percentiles of clean leads.

        Raises
        ------
        SamplingFrequencyError
            If the sampling frequency is not one number, or is out of range.
        """
        frequency = self.sampling_frequency if sampling_frequency is None else sampling_frequency
        frequency = check_sampling_frequency(frequency, "quality")
        scored = np.isfinite(self.psnr)
        values = np.where(scored, self.percentile / 100.0, 0.0)
        values[(np.isnan(self.percentile) & scored).any(axis=1)] = np.nan
        ends = np.round((self.start + self.duration) * frequency).astype(np.int64)
        return np.asarray(np.repeat(values, np.diff(ends, prepend=0), axis=1))

    def usable_seconds(
        self, grade: str = TOO_NOISY, *, whole_segments: bool = False, rule: SpanRule | None = None
    ) -> NDArray[np.float64]:
        """Return how many seconds of each lead can be used: those that lie in none of :meth:`intervals`.

        Parameters
        ----------
        grade : {"good", "fair", "poor", "unusable"}, default "poor"
            Time of this grade or a worse one cannot be used, nor time without a score.
        whole_segments : bool, default False
            Whether only whole segments count, by their grades.
        rule : SpanRule, optional
            When spans count. The default is the limit of the grade.

        Returns
        -------
        ndarray, shape (leads,)

        Raises
        ------
        OptionError
            If the grade is none of those above.
        """
        choice = Choice(grade, 0.0, whole_segments, rule)
        return np.asarray(np.where(bad_pieces(self, choice), 0.0, pieces(self, choice).duration).sum(axis=1))

    def keep(
        self,
        recording: Recording,
        grade: str = TOO_NOISY,
        *,
        whole_segments: bool = False,
        rule: SpanRule | None = None,
    ) -> Recording:
        """Return the recording with its unusable samples missing (NaN).

        Parameters
        ----------
        recording : Recording
            The recording that was scored.
        grade : {"good", "fair", "poor", "unusable"}, default "poor"
            Time of this grade or a worse one is hidden, and time without a score.
        whole_segments : bool, default False
            Whether only whole segments are hidden, by their grades.
        rule : SpanRule, optional
            When spans count. The default is the limit of the grade.

        Returns
        -------
        Recording
            Its samples are read when they are asked for.

        Raises
        ------
        SignalShapeError
            If leads or length are not those of the recording that was scored.
        OptionError
            If the grade is none of those above.
        """
        check_same(self, recording)
        samples = recording.samples.shape[1]
        spans = self._hidden(Choice(grade, 0.0, whole_segments, rule), recording.sampling_frequency, samples)
        note = f"hidden where {grade} or worse, or without a score, by {self.model}"
        return replace(recording, samples=HiddenSamples(recording.samples, spans), notes=(*recording.notes, note))

    def plot(
        self,
        recording: Recording,
        start: float = 0.0,
        duration: float | None = None,
        *,
        paper: Paper | None = None,
        ax: "Axes | None" = None,
    ) -> "Figure":
        """Draw a stretch of all leads on ECG paper, noise shaded by grade and its level below each lead.

        Parameters
        ----------
        recording : Recording
            The recording that was scored.
        start : float, default 0
            Where the stretch begins, in seconds from the start of the recording.
        duration : float, optional
            In seconds, at most 60. The default is 10, or what there is.
        paper : Paper, optional
            Layout (``"rows"`` or ``"3x4+1"``), speed in mm per second and gain in mm per mV. The default is
            ``Paper("rows", 25, 10)``.
        ax : matplotlib.axes.Axes, optional
            Where to draw. The default is a new figure to scale.

        Returns
        -------
        matplotlib.figure.Figure

        Raises
        ------
        SignalShapeError
            If another recording was scored.
        OptionError
            If there is no such time, or it is too long.
        LeadNameError
            If the layout needs leads that are absent.
        MissingExtraError
            Without the extra ``plot``.
        """
        stop = min(start + (SHOWN_SECONDS if duration is None else duration), recording.duration)
        return draw_paper(self._drawing(recording), start, stop, paper or Paper(), ax)

    def plot_overview(self, *, ax: "Axes | None" = None) -> "Figure":
        """Draw all leads over the whole recording as a heat map of the local SNR, hatched where there is no score.

        Models without noise levels have the PSNR of each segment instead.

        Parameters
        ----------
        ax : matplotlib.axes.Axes, optional
            Where to draw. The default is a new figure.

        Returns
        -------
        matplotlib.figure.Figure

        Raises
        ------
        MissingExtraError
            Without the extra ``plot``.
        """
        return draw_heat_map(heat_map_of(self), f"{self.record}: {self.verdict()}", ax)

    def plot_disclosure(
        self,
        recording: Recording,
        lead: str | None = None,
        *,
        start: float = 0.0,
        duration: float | None = None,
        line: float | None = None,
    ) -> "Figure":
        """Draw all of one lead, line by line (full disclosure), noise shaded by grade.

        Parameters
        ----------
        recording : Recording
            The recording that was scored.
        lead : str, optional
            The default is the lead with the most analysable time.
        start : float, default 0
            In seconds from the start of the recording.
        duration : float, optional
            In seconds. The default is all of the rest.
        line : float, optional
            Seconds per line, at most 60 lines in all. The default is a minute, or an hour where minutes are too many.

        Returns
        -------
        matplotlib.figure.Figure

        Raises
        ------
        SignalShapeError
            If another recording was scored.
        OptionError
            If the lead or the time is not there, or the lines are too many.
        MissingExtraError
            Without the extra ``plot``.
        """
        drawing = self._drawing(recording)
        row = int(self.analysable.argmax()) if lead is None else row_of(self, lead)
        stop = drawing.seconds if duration is None else min(start + duration, drawing.seconds)
        return draw_disclosure(drawing, row, start, stop, line or line_seconds(stop - start))

    def plot_segment(self, recording: Recording, lead: str | None = None, at: float | None = None) -> "Figure":
        """Draw why a lead-segment has its score: signal, scalogram, reconstruction, and what counted.

        Parameters
        ----------
        recording : Recording
            The recording that was scored, with ``images=True``.
        lead : str, optional
            The default is the lead with the worst score.
        at : float, optional
            A time within the segment, in seconds. The default is in the worst segment of the lead.

        Returns
        -------
        matplotlib.figure.Figure

        Raises
        ------
        SignalShapeError
            If another recording was scored.
        OptionError
            If the result has no images, or the lead or time is not there.
        MissingExtraError
            Without the extra ``plot``.
        """
        check_same(self, recording)
        return draw_segment(images_of(self, recording, lead, at))

    def _repr_html_(self) -> str:
        """How a notebook shows it: a row per lead, with a strip of its grades over time."""
        return html_of(self, self.verdict(), self.analysable)

    def _drawing(self, recording: Recording) -> Drawing:
        check_same(self, recording)
        faults = [(found.lead, found.start, found.stop) for found in self.fault_intervals()]
        return drawing_of_result(self, recording, faults, self.verdict())

    def _hidden(self, choice: Choice, frequency: float, samples: int) -> tuple[tuple[slice, ...], ...]:
        """For each lead the samples that cannot be used, in order of time."""
        intervals = find_intervals(self, choice)
        return tuple(
            tuple(sample_span(interval, frequency, samples) for interval in intervals if interval.lead == name)
            for name in self.lead_names
        )

    def fault_texts(self, most: int | None = None) -> list[str]:
        """Return in words what has no score.

        Parameters
        ----------
        most : int, optional
            That many at most, and a word on how many more there are. The default is all.

        Returns
        -------
        list of str
            The worst first, as ``II flat 120-200 s``, with clock times where the start is known.
        """
        return fault_texts(self.fault_intervals(), self.lead_names, self.time_of, most)

    def verdict(self) -> str:
        """Return the result in one line, the worst first.

        Returns
        -------
        str
            What has no score and when, how many lead-segments have each grade, how much of the leads' time can be used,
            and the worst score.
        """
        leads, segments = self.psnr.shape
        counts = [(grade, int((self.grade == grade).sum())) for grade in reversed(GRADES)]
        graded = ", ".join(f"{count} {grade}" for grade, count in counts if count)
        parts = [*self.fault_texts(FAULTS_TOLD), *([graded] if graded else [])]
        parts.append(f"{percent_text(float(self.analysable.mean()))} analysable")
        if np.isfinite(self.psnr).any():
            lead, segment = np.unravel_index(np.nanargmin(self.psnr), self.psnr.shape)
            span = span_text(segment_interval(self, int(lead), int(segment)), self.time_of)
            parts.append(f"worst score {self.lead_names[lead]} {self.psnr[lead, segment]:.1f} dB at {span}")
        return f"{leads} lead{'s' * (leads != 1)} x {segments} segment{'s' * (segments != 1)}: {'; '.join(parts)}"


def percent_text(value: float) -> str:
    """A share in whole per cent; what is neither nothing nor all does not look like it."""
    rounded = min(max(round(value), 1), 99) if 0.0 < value < 100.0 else round(value)
    return f"{rounded} %"
