"""Results written down by hand, for tests of what becomes of them."""

from dataclasses import fields, replace
from datetime import datetime

import numpy as np

from ecgnoise.noise_levels import SpanLimits
from ecgnoise.results.grades import GRADES
from ecgnoise.results.result import Result
from ecgnoise.results.scores import ModelIdentity, NoiseLevels, Provenance, SegmentScores, Timeline

PARTS = {"segments": SegmentScores, "levels": NoiseLevels, "timeline": Timeline, "provenance": Provenance}
ATTRIBUTES = [*(field.name for part in PARTS.values() for field in fields(part)), "images"]
PSNR_OF = {"good": 23.0, "fair": 21.0, "poor": 18.0, "unusable": 12.0}


def graded(grades, *, frequency=250.0, last=10.0, lead_names=None, fault=None):
    """A result with these grades, one string of g, f, p, u or - (no score, flat) a lead and segments of 10 s."""
    words = {word[0]: word for word in GRADES} | {"-": ""}
    grade = np.array([[words[letter] for letter in row] for row in grades])
    psnr = np.array([[PSNR_OF.get(word, np.nan) for word in row] for row in grade])
    leads, segments = psnr.shape
    start = 10.0 * np.arange(segments)
    duration = np.full(segments, 10.0)
    duration[-1] = last
    return Result(
        SegmentScores(
            psnr=psnr,
            local_psnr=psnr[:, :, None],
            fault=np.where(grade == "", fault or "flat", ""),
            grade=grade,
            percentile=np.full(psnr.shape, np.nan),
            agreement=np.full(psnr.shape, np.nan),
            estimated_snr=np.full((*psnr.shape, 3), np.nan),
        ),
        replace(
            NoiseLevels.unknown(leads, segments),
            noise_kind=np.where(psnr < 20, "muscle", ""),
            noise_share=np.where(psnr < 20, 0.8, np.nan),
        ),
        Timeline(start, duration, start[:, None], duration[:, None], np.empty(0), np.empty(0)),
        Provenance(
            source="record.hea",
            lead_names=tuple(lead_names or ("II", "V1", "V5", "aVR", "I", "III")[:leads]),
            sampling_frequency=frequency,
            units="mV",
            recording_start=datetime(2024, 3, 1, 12, 30, 15),
            notes=(),
            lead_remarks=(),
            model=ModelIdentity("default", "1.0", "abc"),
            profile="default",
            snr_range=None,
            limits=SpanLimits(),
        ),
    )


def changed(result, **values):
    """The result with other values of some of its attributes, in whichever part of it they are."""
    for part in PARTS:
        held = getattr(result, part)
        own = {field.name: values.pop(field.name) for field in fields(held) if field.name in values}
        result = replace(result, **{part: replace(held, **own)})
    return replace(result, **values)
