"""How noisy is this ECG? Noise of each lead and segment, by diffusion-based anomaly detection.

A diffusion model trained on clean ECG only reconstructs each lead's superlet scalogram; how far the reconstruction lies
from the original is the score, a PSNR in dB (high is clean). The method is that of Han et al., *Diffusion-Based
Electrocardiography Noise Quantification via Anomaly Detection*, arXiv 2506.11815.

``__all__`` is the public interface, with :mod:`ecgnoise.errors` and :mod:`ecgnoise.ptbxl`. Names are imported when they
are first used, so that ``import ecgnoise`` is fast.
"""

import os
from importlib import import_module
from typing import TYPE_CHECKING, Any

from ecgnoise._version import __version__

if TYPE_CHECKING:
    from ecgnoise.batch.archive import ArchiveOptions, score_archive
    from ecgnoise.batch.files import Scored, score_files
    from ecgnoise.batch.sources import Manifest
    from ecgnoise.errors import EcgNoiseError
    from ecgnoise.figures.paper import Paper
    from ecgnoise.models.folder import load_folder
    from ecgnoise.noise_levels import KINDS, SpanRule
    from ecgnoise.published import PublishedResult, ecg_noise_quantification
    from ecgnoise.quantifier import Quantifier, quantify
    from ecgnoise.readers import ReadOptions, find_recordings, read
    from ecgnoise.recording import Recording
    from ecgnoise.report import write_report
    from ecgnoise.results.annotations import mne_annotations, write_annotations
    from ecgnoise.results.dataset import open_results
    from ecgnoise.results.intervals import Interval
    from ecgnoise.results.result import Result
    from ecgnoise.results.saved import load_results
    from ecgnoise.results.tables import write_table
    from ecgnoise.results.verdicts import RecordVerdict, record_verdict
    from ecgnoise.simulate import NoiseKind, add_noise, simulate_ecg
    from ecgnoise.sklearn import NoiseFilter
    from ecgnoise.stream import Stream
    from ecgnoise.viewer import viewer_widget
    from ecgnoise.writers import write_recording

# ONNX Runtime reads this when it is loaded, which no module of this package does before this line, in no process. It
# would else write an identity of this computer into the user's cache, and send what it is used for to its maker.
os.environ.setdefault("ORT_DISABLE_TELEMETRY", "1")

__all__ = [
    "KINDS",
    "ArchiveOptions",
    "EcgNoiseError",
    "Interval",
    "Manifest",
    "NoiseFilter",
    "NoiseKind",
    "Paper",
    "PublishedResult",
    "Quantifier",
    "ReadOptions",
    "RecordVerdict",
    "Recording",
    "Result",
    "Scored",
    "SpanRule",
    "Stream",
    "__version__",
    "add_noise",
    "ecg_noise_quantification",
    "find_recordings",
    "load_folder",
    "load_results",
    "mne_annotations",
    "open_results",
    "quantify",
    "read",
    "record_verdict",
    "score_archive",
    "score_files",
    "simulate_ecg",
    "viewer_widget",
    "write_annotations",
    "write_recording",
    "write_report",
    "write_table",
]

_PLACES = {
    "KINDS": "noise_levels",
    "ArchiveOptions": "batch.archive",
    "EcgNoiseError": "errors",
    "Interval": "results.intervals",
    "Manifest": "batch.sources",
    "NoiseFilter": "sklearn",
    "NoiseKind": "simulate",
    "Paper": "figures.paper",
    "PublishedResult": "published",
    "Quantifier": "quantifier",
    "ReadOptions": "readers",
    "RecordVerdict": "results.verdicts",
    "Recording": "recording",
    "Result": "results.result",
    "Scored": "batch.files",
    "SpanRule": "noise_levels",
    "Stream": "stream",
    "add_noise": "simulate",
    "ecg_noise_quantification": "published",
    "find_recordings": "readers",
    "load_folder": "models.folder",
    "load_results": "results.saved",
    "mne_annotations": "results.annotations",
    "open_results": "results.dataset",
    "quantify": "quantifier",
    "read": "readers",
    "record_verdict": "results.verdicts",
    "score_archive": "batch.archive",
    "score_files": "batch.files",
    "simulate_ecg": "simulate",
    "viewer_widget": "viewer",
    "write_annotations": "results.annotations",
    "write_recording": "writers",
    "write_report": "report",
    "write_table": "results.tables",
}


def __getattr__(name: str) -> Any:
    """A public name, imported from its place."""
    if name not in _PLACES:
        raise AttributeError(f"module 'ecgnoise' has no attribute {name!r}")
    found = getattr(import_module(f"ecgnoise.{_PLACES[name]}"), name)
    globals()[name] = found
    return found


def __dir__() -> list[str]:
    return sorted(__all__)
