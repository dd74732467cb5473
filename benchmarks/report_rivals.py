"""What each rival looks at, for docs/benchmarks.md: why one may be ahead where it is."""

from collections.abc import Collection

LOOKS_AT = {
    "neurokit_templatematch": "each beat's correlation with the mean beat: whether a rhythm can be read, which is what "
    "the labels of Challenge 2017 ask. It is blind to fine noise that averages out, and to drift, which it filters off",
    "neurokit_dissimilarity": "each beat's distance from the mean beat",
    "neurokit_ho2025": "each beat's likeness to the mean beat",
    "neurokit_averageqrs": "each beat's distance from the mean beat, scaled to 0..1 within the lead",
    "neurokit_zhao2018_simple": "three classical indices, each with thresholds: 2, 1 or 0",
    "neurokit_zhao2018_fuzzy": "the same indices, fused by fuzzy rules: 2, 1 or 0",
    "ecgdatakit_sqi": "kurtosis, regularity of the beats and, with half of the weight, the power below 1 Hz: drift",
    "ecgdatakit_snr": "an SNR in dB: power from 1 to 40 Hz against what lies above 100 Hz, taken for white. It sees "
    "white and muscle noise only, and nothing at 200 Hz or less",
    "ecg_integrity": "seven faults, each with thresholds, baseline wander among them",
    "biosppy_level3": "heart rate and correlation of the beats: 1, 0.5 or 0",
    "biosppy_flat": "the share of samples that hardly rise",
    "biosppy_ksqi": "kurtosis",
    "biosppy_ssqi": "skewness",
    "biosppy_fsqi": "the share of power from 5 to 20 Hz",
    "biosppy_csqi": "how regular the beats found are: noise makes false beats, an arrhythmia real ones",
    "biosppy_hossqi": "skewness times kurtosis, after a band-pass filter",
    "biosppy_bsqi": "whether two QRS detectors agree",
    "biosppy_zz2018_simple": "four indices, each with thresholds: 2, 1 or 0",
    "biosppy_zz2018_fuzzy": "the same, fused by fuzzy rules: 2, 1 or 0",
    "biosqi": "eight indices of spectrum, mains, clipping, baseline, shape and beats, weighted by a model that was "
    "fitted to the labels of Challenge 2011: in that table it has seen what it is measured on",
    "ksqi": "kurtosis",
    "ssqi": "skewness",
    "psqi": "power of the QRS against that of the beats",
    "bassqi": "the share of power below 1 Hz: drift and nothing else",
    "bsqi": "whether two QRS detectors agree",
    "orphanidou2015": "heart rate, and each beat's correlation with the mean beat",
    "wiener_snr": "an SNR in dB: what a wavelet Wiener filter leaves, against what it takes away and the drift (after "
    "Smital et al. 2020). Below 16 Hz it sees drift only",
    "minus_flat_share": "the share of the lead that is flat",
    "rms_above_40_hz": "power above 40 Hz at the quietest times, in mV: one line made for static noise. Any noise that "
    "is added to a lead moves it, so it falls at every step; between leads it compares volts",
    "drift_below_half_hz": "power below 0.5 Hz against that of the beats: one line made for baseline drift",
    "pca_reconstruction": "how far the image is from what principal components of clean ones can draw",
    "autoencoder": "how far the image is from what an autoencoder of clean ones reconstructs",
    "vae": "how far the image is from what a variational autoencoder of clean ones reconstructs",
}


def section(names: Collection[str]) -> str:
    """A line for each of these rivals, in the order of :data:`LOOKS_AT`; empty without any."""
    lines = [f"- `{name}`: {words}." for name, words in LOOKS_AT.items() if name in names]
    return "\n".join(["### What the rivals look at", "", *lines]) if lines else ""
