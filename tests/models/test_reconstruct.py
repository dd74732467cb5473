"""Queries: what is hidden, what is counted, and that the reconstructed image says the score."""

from dataclasses import replace

import numpy as np
import pytest

from ecgnoise.errors import ModelFormatError
from ecgnoise.models.folder import Query
from ecgnoise.models.reconstruct import QueryReconstructor, Scalograms
from ecgnoise.scalogram.profile import DEFAULT, valid_rows
from ecgnoise.scoring.metrics import column_errors

ALL = Query("all", (0, 0), 0.5, (0, 200), one_sided=False, scale=4.0, weight=100.0)
LOW = Query("low", (0, 28), 0.4, (0, 1), one_sided=True, scale=4.0, weight=100.0, ceiling=1.0)
ROWS = np.array(DEFAULT.frequencies)[::-1]


class Raised:
    """A denoiser that reconstructs every pixel some grey levels above what it is shown, and notes what it is shown."""

    def __init__(self, grey):
        self.grey = grey
        self.asked = 0

    def denoise(self, noised, sigma, hidden, reference, known):
        self.asked += 1
        self.sigma, self.hidden, self.known, self.noised = sigma, hidden, known, noised
        noise = np.random.RandomState(123).standard_normal(noised.shape[2:]).astype(np.float32)
        return noised - sigma * noise + self.grey / 127.5


def scalograms(count=3, rate=500.0, known=True):
    images = np.random.default_rng(0).uniform(60, 200, (count, 40, 256)).astype(np.float32)
    return Scalograms(images, np.zeros(count, np.float32), known, valid_rows(DEFAULT, rate))


def mean_error(reconstructor, batch):
    return column_errors(batch.images, reconstructor.reconstruct(batch), batch.valid).mean(axis=1)


def test_error_is_weight_at_the_scale():
    """A difference of 2 grey levels everywhere is an error of 4, the scale: the counted error is the weight."""
    assert mean_error(QueryReconstructor(Raised(2), [ALL], DEFAULT), scalograms()) == pytest.approx(100, rel=1e-4)
    assert mean_error(QueryReconstructor(Raised(-2), [LOW], DEFAULT), scalograms()) == pytest.approx(50, rel=1e-4)


def test_queries_add_up():
    both = QueryReconstructor(Raised(-2), [ALL, LOW], DEFAULT)
    assert mean_error(both, scalograms()) == pytest.approx(150, rel=1e-4)


def test_one_sided_queries_count_only_what_is_too_much():
    one_sided = replace(ALL, one_sided=True)
    assert mean_error(QueryReconstructor(Raised(2), [one_sided], DEFAULT), scalograms()) == pytest.approx(0, abs=1e-6)
    assert mean_error(QueryReconstructor(Raised(-2), [one_sided], DEFAULT), scalograms()) == pytest.approx(
        100, rel=1e-4
    )


def test_large_errors_count_by_the_power():
    squared = QueryReconstructor(Raised(4), [replace(ALL, power=2.0)], DEFAULT)
    assert mean_error(squared, scalograms()) == pytest.approx(1600, rel=1e-4)


def test_an_exact_reconstruction_has_no_error():
    exact = QueryReconstructor(Raised(0), [replace(ALL, power=2.0), LOW], DEFAULT)
    assert mean_error(exact, scalograms()) == pytest.approx(0, abs=1e-3)


def test_saturation_has_a_ceiling():
    errors = [mean_error(QueryReconstructor(Raised(-grey), [LOW], DEFAULT), scalograms())[0] for grey in (2, 20, 50)]
    assert errors[0] < errors[1] < errors[2] < 100


def test_what_is_hidden_and_shown():
    denoiser = Raised(0)
    QueryReconstructor(denoiser, [LOW], DEFAULT).reconstruct(scalograms(known=False))
    hidden = denoiser.hidden[0, 0, :, 0] == 1
    assert np.array_equal(hidden, ROWS <= 28)
    assert denoiser.sigma[0, 0, ~hidden] == pytest.approx(0.4)
    assert not denoiser.known.any()


def test_invalid_rows_are_hidden_and_not_counted():
    denoiser = Raised(2)
    batch = scalograms(rate=100.0)
    reconstructor = QueryReconstructor(denoiser, [ALL], DEFAULT)
    assert mean_error(reconstructor, batch) == pytest.approx(100, rel=1e-4)
    assert np.array_equal(denoiser.hidden[0, 0, :, 0] == 1, ROWS > 40)
    assert np.array_equal(reconstructor.reconstruct(batch)[:, ~batch.valid], batch.images[:, ~batch.valid])


def test_noise_is_the_same_for_each_image():
    denoiser = Raised(0)
    batch = scalograms(2)
    same = replace(batch, images=np.repeat(batch.images[:1], 2, axis=0))
    QueryReconstructor(denoiser, [ALL], DEFAULT).reconstruct(same)
    assert np.array_equal(denoiser.noised[0], denoiser.noised[1])


def test_queries_that_hide_and_blur_the_same_share_an_answer():
    denoiser = Raised(-2)
    both = [ALL, replace(ALL, name="part", counted=(0.8, 12), one_sided=True), LOW]
    assert mean_error(QueryReconstructor(denoiser, both, DEFAULT), scalograms()) == pytest.approx(250, rel=1e-4)
    assert denoiser.asked == 2


class Raised16(Raised):
    """Reconstructs one span of 16 columns too low, and the rest as it is."""

    def denoise(self, noised, sigma, hidden, reference, known):
        reconstruction = super().denoise(noised, sigma, hidden, reference, known)
        reconstruction[..., :32] -= self.grey / 127.5
        reconstruction[..., 48:] -= self.grey / 127.5
        return reconstruction


@pytest.mark.parametrize("time_power", [1.0, 2.0, 4.0])
def test_one_loud_span_counts_by_the_power_mean(time_power):
    """An error of 4, the scale, in one of 16 spans has the power mean (1 / 16)^(1 / p)."""
    reconstructor = QueryReconstructor(Raised16(2), [replace(ALL, time_power=time_power)], DEFAULT)
    batch = scalograms()
    assert mean_error(reconstructor, batch) == pytest.approx(100 * 16 ** (-1 / time_power), rel=1e-3)
    quiet = np.delete(batch.images - reconstructor.reconstruct(batch), np.s_[32:48], axis=2)
    assert np.abs(quiet).max() < 0.1


@pytest.mark.parametrize("time_power", [1.0, 3.0])
def test_the_same_everywhere_counts_the_same_with_any_power(time_power):
    reconstructor = QueryReconstructor(Raised(2), [replace(ALL, time_power=time_power)], DEFAULT)
    assert mean_error(reconstructor, scalograms()) == pytest.approx(100, rel=1e-4)


def test_a_query_out_of_range_is_refused():
    for wrong in ({"time_power": 0.5}, {"ceiling": -1.0}, {"scale": 0.0}):
        with pytest.raises(ModelFormatError, match=f"{next(iter(wrong))} "):
            replace(ALL, **wrong)
