"""How noisy is this ECG? Noise of each lead and segment, by diffusion-based anomaly detection.

A diffusion model trained on clean ECG only reconstructs each lead's superlet scalogram; how far the reconstruction lies
from the original is the score, a PSNR in dB (high is clean). The method is that of Han et al., *Diffusion-Based
Electrocardiography Noise Quantification via Anomaly Detection*, arXiv 2506.11815.
"""

import os

from ecgnoise._version import __version__
from ecgnoise.errors import EcgNoiseError
from ecgnoise.published import PublishedResult, ecg_noise_quantification
from ecgnoise.quantifier import Quantifier, quantify
from ecgnoise.readers import read
from ecgnoise.recording import Recording
from ecgnoise.results.result import Result
from ecgnoise.results.saved import load_results
from ecgnoise.simulate import simulate_ecg
from ecgnoise.stream import Stream

# ONNX Runtime reads this when it is loaded, which no module of this package does before this line, in no process. It
# would else write an identity of this computer into the user's cache, and send what it is used for to its maker.
os.environ.setdefault("ORT_DISABLE_TELEMETRY", "1")

__all__ = [
    "EcgNoiseError",
    "PublishedResult",
    "Quantifier",
    "Recording",
    "Result",
    "Stream",
    "__version__",
    "ecg_noise_quantification",
    "load_results",
    "quantify",
    "read",
    "simulate_ecg",
]
