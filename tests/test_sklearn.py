"""NoiseFilter is an estimator as scikit-learn has them."""

import importlib
import pickle
import sys

import numpy as np
import pytest

from ecgnoise.errors import MissingExtraError, OptionError, SignalShapeError
from ecgnoise.quantifier import Quantifier
from ecgnoise.recording import Recording
from ecgnoise.simulate import simulate_ecg

pytest.importorskip("sklearn", reason="needs the extra sklearn")

from sklearn.base import clone
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import FunctionTransformer
from sklearn.utils import estimator_checks

from ecgnoise.sklearn import NoiseFilter

# What does not feed it tables of a few numbers a row, which are no signals.
CHECKS = (
    "check_estimator_cloneable",
    "check_estimator_repr",
    "check_estimator_tags_renamed",
    "check_estimators_unfitted",
    "check_get_params_invariance",
    "check_mixin_order",
    "check_no_attributes_set_in_init",
    "check_parameters_default_constructible",
    "check_set_params",
    "check_do_not_raise_errors_in_init_or_set_params",
    "check_valid_tag_types",
)


@pytest.fixture
def noise_filter(tiny_model):
    return NoiseFilter(250.0, model=tiny_model, threads=1, grade="unusable")


@pytest.fixture
def signals():
    """Two signals of 20 s, the second flat in its second half."""
    rows = simulate_ecg(20, 250, lead_names=["I", "II"]).signal.copy()
    rows[1, 2500:] = 0.0
    return rows


@pytest.mark.parametrize("check", CHECKS)
def test_checks_of_scikit_learn(check):
    getattr(estimator_checks, check)("NoiseFilter", NoiseFilter())


def test_hides_what_the_mask_says(noise_filter, signals):
    result = Quantifier(noise_filter.model, threads=1).quantify(Recording.from_array(signals, 250.0))
    filtered = noise_filter.fit_transform(signals)
    np.testing.assert_array_equal(np.isnan(filtered), ~result.mask())
    assert np.isnan(filtered[1, 2500:]).all()
    np.testing.assert_array_equal(filtered[result.mask()], signals[result.mask()])
    np.testing.assert_allclose(noise_filter.usable_share(signals), result.usable_seconds() / 20.0)


def test_three_dimensions_are_the_same_signals(noise_filter, signals):
    flat = noise_filter.transform(signals)
    assert noise_filter.transform(signals[None]).shape == (1, 2, 5000)
    np.testing.assert_array_equal(noise_filter.transform(signals[:, None]), flat[:, None])
    assert noise_filter.usable_share(signals[None]).shape == (1, 2)


def test_a_signal_does_not_depend_on_the_others(noise_filter, signals):
    np.testing.assert_array_equal(noise_filter.transform(signals)[1:], noise_filter.transform(signals[1:]))


def test_clone_pickle_and_parameters(noise_filter, signals):
    again = clone(noise_filter)
    assert again.get_params() == noise_filter.get_params()
    np.testing.assert_array_equal(again.transform(signals), noise_filter.transform(signals))
    np.testing.assert_array_equal(
        pickle.loads(pickle.dumps(noise_filter)).transform(signals), noise_filter.transform(signals)
    )
    assert noise_filter.set_params(grade="good").grade == "good"


def test_in_a_pipeline(noise_filter, signals):
    steps = make_pipeline(noise_filter, FunctionTransformer(np.nan_to_num))
    np.testing.assert_array_equal(steps.fit_transform(signals, [0, 1]), np.nan_to_num(noise_filter.transform(signals)))


def test_errors(noise_filter, signals):
    with pytest.raises(SignalShapeError, match="records, time"):
        noise_filter.fit(signals[0])
    with pytest.raises(OptionError, match="'bad'"):
        noise_filter.set_params(grade="bad").transform(signals)


def test_without_scikit_learn_the_extra_is_named(monkeypatch):
    monkeypatch.delitem(sys.modules, "ecgnoise.sklearn")
    monkeypatch.setitem(sys.modules, "sklearn.base", None)
    with pytest.raises(MissingExtraError, match=r"ecgnoise\[sklearn\]"):
        importlib.import_module("ecgnoise.sklearn")
