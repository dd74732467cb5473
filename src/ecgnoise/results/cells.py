"""Scores as rows of a table: its columns, and how several numbers or words stand in one cell."""

import math
from collections.abc import Iterable, Sequence
from dataclasses import astuple
from itertools import pairwise
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from ecgnoise.noise_levels import KINDS, LOCAL_DECIMALS, MICROVOLTS, span_kinds
from ecgnoise.results.intervals import Choice, bad_pieces, bad_segments, pieces
from ecgnoise.results.scores import Scores

MEASURES: Final = ("psnr_db", "percentile", "local_minimum_db", "snr_db", "snr_low_db", "snr_high_db")
KIND_DB: Final = tuple(f"{kind}_db" for kind in KINDS)
KIND_UV: Final = tuple(f"{kind}_uv" for kind in KINDS)
LEVELS: Final = ("effective_snr_db", "reading_snr_db", "agreement", "analysable_s", *KIND_DB, "ecg_uv", *KIND_UV)
COLUMNS: Final = (
    "record", "lead", "segment", "start_s", "duration_s", "time", *MEASURES, "grade", "fault", "usable", "noise",
    "noise_share", *LEVELS, "model", "path", "sampling_frequency_hz", "units", "profile", "notes", "lead_remarks",
    "local_db", "snr_range_db", "local_snr_db", "local_noise", "span_limits",
)  # fmt: skip
NUMBERS: Final = ("start_s", "duration_s", *MEASURES, "noise_share", *LEVELS, "sampling_frequency_hz")
PSNR_DECIMALS: Final = 4
TIME_DECIMALS: Final = 6
AGREEMENT_DECIMALS: Final = 3
LEVEL_DECIMALS: Final = 1
BETWEEN: Final = " | "  # notes in one cell of a table
NO_NUMBER: Final = "-"  # a part or span without a score, in a cell that holds several

Cells = list[list[list[Any]]]


def table_rows(scores: Scores) -> list[tuple[Any, ...]]:
    """One tuple a lead-segment, in the order of :data:`COLUMNS`; None where there is no number."""
    lowest, usable = _lowest(scores.local_psnr), usable_segments(scores)
    times = ["" if time is None else time.isoformat() for time in map(scores.time_of, scores.start.tolist())]
    remarks = [_notes_cell([remark.cell for remark in scores.lead_remarks if name in remark.leads])
               for name in scores.lead_names]  # fmt: skip
    of_levels, of_spans, of_all = _level_cells(scores), _span_cells(scores), _cells_of_all(scores)
    return [
        (
            scores.record,
            name,
            segment,
            round(float(scores.start[segment]), TIME_DECIMALS),
            round(float(scores.duration[segment]), TIME_DECIMALS),
            times[segment],
            _number(scores.psnr[lead, segment], PSNR_DECIMALS),
            _number(scores.percentile[lead, segment], 1),
            _number(lowest[lead, segment], PSNR_DECIMALS),
            *(_number(snr, 1) for snr in scores.estimated_snr[lead, segment]),
            str(scores.grade[lead, segment]),
            str(scores.fault[lead, segment]),
            bool(usable[lead, segment]),
            str(scores.noise_kind[lead, segment]),
            _number(scores.noise_share[lead, segment], 2),
            *of_levels[lead][segment],
            *of_all[:-2],
            remarks[lead],
            _parts_cell(scores.psnr[lead, segment], scores.local_psnr[lead, segment].tolist()),
            of_all[-2],
            *of_spans[lead][segment],
            of_all[-1],
        )
        for lead, name in enumerate(scores.lead_names)
        for segment in range(len(scores.start))
    ]


def usable_segments(scores: Scores) -> NDArray[np.bool_]:
    """Which lead-segments can be used, (leads, segments): those that are ``good`` or ``fair``."""
    return ~bad_segments(scores.grade, Choice().grade)


def _cells_of_all(scores: Scores) -> tuple[Any, ...]:
    """What is the same in all rows: model, path, rate, units, profile, notes; range of SNR, limits of spans."""
    return (
        str(scores.model),
        scores.source,
        float(scores.sampling_frequency),
        scores.units,
        scores.profile,
        _notes_cell(scores.notes),
        "" if scores.snr_range is None else " ".join(map(str, map(float, scores.snr_range))),
        " ".join(map(str, astuple(scores.limits))) if len(scores.span_start) else "",
    )


def _level_cells(scores: Scores) -> Cells:
    """The cells of the columns :data:`LEVELS`, (leads, segments, columns)."""
    columns = np.concatenate(
        [
            np.round(scores.effective_snr, LEVEL_DECIMALS)[..., None],
            np.round(scores.reading_snr, LEVEL_DECIMALS)[..., None],
            np.round(scores.agreement, AGREEMENT_DECIMALS)[..., None],
            np.round(analysable_seconds(scores), TIME_DECIMALS)[..., None],
            np.round(scores.noise, LEVEL_DECIMALS),
            np.round(MICROVOLTS * scores.ecg_rms, LEVEL_DECIMALS)[..., None],
            np.round(scores.noise_uv, LEVEL_DECIMALS),
        ],
        axis=-1,
    )
    there = columns.astype(object)
    there[np.isnan(columns)] = None
    return list(there.tolist())


def analysable_seconds(scores: Scores) -> NDArray[np.float64]:
    """How many seconds of each lead-segment can be used, (leads, segments)."""
    cut = pieces(scores, Choice())
    seconds = np.where(bad_pieces(scores, Choice()), 0.0, cut.duration)
    first = np.searchsorted(cut.segment, np.arange(len(scores.start)))
    return np.asarray(np.add.reduceat(seconds, first, axis=1))


def _span_cells(scores: Scores) -> Cells:
    """The local SNR and the strongest kind of the spans of each lead-segment, (leads, segments, 2)."""
    count = len(scores.start)
    if not len(scores.span_start):
        return [[["", ""]] * count] * len(scores.lead_names)
    edges = [*np.searchsorted(scores.span_segment, np.arange(count)).tolist(), len(scores.span_start)]
    return [
        [
            [
                _numbers_cell(snr[first:stop].tolist(), LOCAL_DECIMALS),
                " ".join(word or NO_NUMBER for word in kinds[first:stop].tolist()),
            ]
            for first, stop in pairwise(edges)
        ]
        for snr, kinds in zip(scores.local_snr, map(span_kinds, scores.local_noise), strict=True)
    ]


def _lowest(local: NDArray[np.float64]) -> NDArray[np.float64]:
    """The lowest local PSNR of each lead-segment, (leads, segments); NaN where there is none."""
    lowest = np.where(np.isnan(local), np.inf, local).min(axis=2, initial=np.inf)
    return np.where(np.isinf(lowest), np.nan, lowest)


def _number(value: float, decimals: int) -> float | None:
    """A number for a table, rounded; None for NaN."""
    return None if math.isnan(value) else round(float(value), decimals)


def _notes_cell(words: Iterable[str]) -> str:
    """Several notes in one cell, one after the other."""
    return BETWEEN.join(" ".join(word.replace(BETWEEN, " / ").split()) for word in words)


def _numbers_cell(values: Iterable[float], decimals: int) -> str:
    """Several numbers in one cell, with a blank between them."""
    return " ".join(NO_NUMBER if math.isnan(value) else str(round(value, decimals)) for value in values)


def _parts_cell(psnr: float, local: Sequence[float]) -> str:
    """The PSNR of each part in one cell; empty where the only part is the whole."""
    if len(local) == 1 and (psnr == local[0] or (math.isnan(psnr) and math.isnan(local[0]))):
        return ""
    return _numbers_cell(local, PSNR_DECIMALS)
