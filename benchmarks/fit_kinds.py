"""Fits what tells the kind of noise: ``python -m benchmarks.fit_kinds``.

On the development mixtures of :mod:`benchmarks.noise_kind`, on the same noise with simulated leads, and on excursions
of a second (``electrode``); each at 500 Hz, at 100 Hz, and as a hand-held device gives them, but mains, spikes and
broadband noise at 500 Hz only. A multinomial logistic regression on standardised features, every kind of noise counting
the same, and 500 Hz as much as the other two. Prints how often it is right on leads that it was not fitted on, then
writes ``src/ecgnoise/kinds.json``.

Needs ``ECGNOISE_DATA`` with ``ptb-xl`` and ``nstdb``, and the extra ``test``.
"""

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy.signal import resample_poly

import ecgnoise
from benchmarks.choice_takes import HAND_HELD_RATE, as_hand_held, within_a_second
from benchmarks.noise_kind import DEVELOPMENT_PART, OF_RECORDED, OF_SIMULATED, SNRS, development_noises
from benchmarks.quality.noises import RATE, Signal, add, stretches
from benchmarks.quality.stress import DEVELOPMENT_FOLD, clean_leads, clean_records
from ecgnoise import Quantifier, Recording
from ecgnoise.kinds import DATA, KindTeller
from ecgnoise.levels import BROADBAND, ELECTRODE, KINDS, MAINS, SPIKE
from ecgnoise.profiles import DEFAULT, held_rows

LEADS = 192
SIMULATED_RECORDS = 4
EXCURSIONS = "excursions"
FOLDS = 4
REGULARISATION = 1.0
FILE = Path(ecgnoise.__file__).parent / DATA
DIGITS = 5


def at_100_hz(leads: Signal) -> Signal:
    """Leads at 500 Hz at 100 Hz."""
    return np.asarray(resample_poly(leads, 100, RATE, axis=1), np.float32)


WAYS: dict[int, tuple[Callable[[Signal], Signal], frozenset[str]]] = {
    RATE: (np.asarray, frozenset()),
    100: (at_100_hz, frozenset({MAINS, SPIKE, BROADBAND})),
    HAND_HELD_RATE: (as_hand_held, frozenset({MAINS, SPIKE, BROADBAND})),
}


def leads_and_noises() -> tuple[Signal, dict[str, Signal]]:
    """Leads of the development fold and simulated ones, and noise of each kind, excursions among them."""
    _, real = clean_leads(clean_records(DEVELOPMENT_FOLD), LEADS)
    simulated = [ecgnoise.simulate_ecg(10, RATE, seed=seed).signal for seed in range(SIMULATED_RECORDS)]
    leads = np.concatenate([real, *simulated])
    excursions = within_a_second(stretches("em", *leads.shape, DEVELOPMENT_PART))
    return leads, {**development_noises(leads.shape), EXCURSIONS: excursions}


def material() -> dict[str, NDArray[Any]]:
    """Features, (n, features), with the kind, the name of the noise and the number of the lead of each."""
    leads, noises = leads_and_noises()
    quantifier, teller = Quantifier(), KindTeller(DEFAULT)
    rows: dict[str, list[NDArray[Any]]] = {"features": [], "kind": [], "noise": [], "lead": []}
    for name, noise in noises.items():
        kind = (OF_SIMULATED | OF_RECORDED | {EXCURSIONS: ELECTRODE})[name]
        for rate, (change, lost) in WAYS.items():
            for snr in SNRS if kind not in lost else ():
                recording = Recording.from_array(change(add(leads, noise, snr)), rate)
                result = quantifier.quantify(recording, images=True)
                images = result.images
                there = np.isfinite(result.psnr[:, 0])
                if images is None:
                    raise SystemExit("no images were kept")
                pair = images.original[there, 0], images.reconstruction[there, 0]
                rows["features"].append(teller.features(*pair, held_rows(DEFAULT, rate)))
                rows["kind"].append(np.full(there.sum(), kind))
                rows["noise"].append(np.full(there.sum(), f"{name} at {rate} Hz"))
                rows["lead"].append(np.flatnonzero(there))
        print(name, flush=True)
    return {name: np.concatenate(values) for name, values in rows.items()}


def weights(noise: NDArray[np.str_], kind: NDArray[np.str_]) -> NDArray[np.float64]:
    """What each row counts: kinds the same, and within a kind its noises at 500 Hz the same, the others half."""
    shares = {name: 1.0 if name.endswith(f" {RATE} Hz") else 0.5 for name in np.unique(noise).tolist()}
    counted = np.zeros(len(noise))
    for name, share in shares.items():
        of_name = noise == name
        of_kind = np.unique(noise[kind == kind[of_name][0]]).tolist()
        counted[of_name] = share / (of_name.sum() * sum(shares[other] for other in of_kind))
    return counted * len(noise) / counted.sum()


def main() -> None:
    """Fit, print and write."""
    from sklearn.linear_model import LogisticRegression
    from sklearn.model_selection import GroupKFold

    rows = material()
    mean, deviation = rows["features"].mean(axis=0), rows["features"].std(axis=0)
    features = (rows["features"] - mean) / deviation
    counted = weights(rows["noise"], rows["kind"])

    def fitted(chosen: NDArray[Any]) -> Any:
        model = LogisticRegression(C=REGULARISATION, max_iter=1000)
        return model.fit(features[chosen], rows["kind"][chosen], sample_weight=counted[chosen])

    told = np.empty(len(features), "U16")
    for train, test in GroupKFold(FOLDS).split(features, groups=rows["lead"]):
        told[test] = fitted(train).predict(features[test])
    for name in np.unique(rows["noise"]):
        of_name = rows["noise"] == name
        print(f"{name}: {np.mean(told[of_name] == rows['kind'][of_name]):.3f}")
    model = fitted(np.arange(len(features)))
    scaled = model.coef_ / deviation
    offsets = model.intercept_ - scaled @ mean
    order = [list(model.classes_).index(kind) for kind in KINDS]
    values = {
        "weights": {kind: scaled[place].round(DIGITS).tolist() for kind, place in zip(KINDS, order, strict=True)},
        "offsets": {kind: round(float(offsets[place]), DIGITS) for kind, place in zip(KINDS, order, strict=True)},
    }
    FILE.write_text(json.dumps(values, indent=1) + "\n", encoding="utf-8")


if __name__ == "__main__":
    main()
