"""Live data: the same scores as of a recording, whatever the chunks, and bounded memory."""

import resource
from itertools import pairwise

import numpy as np
import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from ecgnoise import Quantifier, Recording, Stream, simulate_ecg
from ecgnoise.errors import (
    EcgNoiseError,
    LeadNameError,
    OptionError,
    SamplingFrequencyError,
    SignalShapeError,
    StreamError,
    UnknownUnitsError,
)
from ecgnoise.segments import FAULTS
from ecgnoise.stream import NewestSamples

FREQUENCY = 100
LENGTH = 1000
SAME = 1e-3
LEADS = ["I", "V2"]
HOPS = [0.7, 1.0, 2.345, 10.0, 12.0]


@pytest.fixture(scope="module")
def quantifier(tiny_model):
    return Quantifier(tiny_model, threads=1)


@pytest.fixture(scope="module")
def signal():
    """26.53 s of two leads, with gaps."""
    samples = simulate_ecg(26.53, FREQUENCY, seed=4, lead_names=LEADS).signal.copy()
    samples[0, 1234:1250] = np.nan
    samples[1, 1800:2100] = np.nan
    return samples


def expected(quantifier, signal, hop):
    """End in samples and result of each hop, by the way of a recording."""
    ends = [LENGTH + round(number * hop * FREQUENCY) for number in range(100)]
    ends = [end for end in ends if end <= signal.shape[1]]
    return [(end, of_window(quantifier, signal, end)) for end in ends]


def of_window(quantifier, signal, end):
    return quantifier.quantify(Recording.from_array(signal[:, end - LENGTH : end], FREQUENCY, lead_names=LEADS))


def assert_same(result, end, wanted):
    assert np.isclose(result.start[0], (end - LENGTH) / FREQUENCY)
    assert result.duration[0] == 10
    np.testing.assert_allclose(result.psnr, wanted.psnr, atol=SAME)
    assert np.array_equal(result.fault, wanted.fault)
    assert np.array_equal(result.grade, wanted.grade)
    assert result.lead_names == tuple(LEADS)


def in_chunks(signal, sizes):
    """The signal in chunks of these sizes, again and again until it ends."""
    begin = 0
    while begin < signal.shape[1]:
        for size in sizes:
            yield signal[:, begin : begin + size]
            begin += size


chunk_sizes = st.lists(
    st.one_of(st.integers(0, 3), st.integers(0, 300), st.integers(900, 2700)), min_size=1, max_size=6
).filter(any)


@pytest.mark.slow
@settings(max_examples=25, deadline=None)
@given(chunk_sizes, st.sampled_from(HOPS))
def test_any_chunks_give_the_scores_of_a_recording(quantifier, signal, sizes, hop):
    live = Stream(FREQUENCY, LEADS, hop, quantifier=quantifier)
    results = [result for chunk in in_chunks(signal, sizes) for result in live.push(chunk)]
    wanted = expected(quantifier, signal, hop)
    assert len(results) == len(wanted)
    for result, (end, of_recording) in zip(results, wanted, strict=True):
        assert_same(result, end, of_recording)
    (last,) = live.finish()
    assert_same(last, signal.shape[1], of_window(quantifier, signal, signal.shape[1]))
    assert live.finish() == []


def test_hops_of_ten_seconds_give_the_table_of_the_bundled_model():
    quantifier = Quantifier(threads=1)
    recording = simulate_ecg(20, 250, seed=9, lead_names=LEADS)
    live = Stream(250, LEADS, 10.0, quantifier=quantifier)
    results = [result for chunk in in_chunks(recording.signal, [333]) for result in live.push(chunk)]
    table = quantifier.quantify(recording)
    np.testing.assert_allclose(np.hstack([result.psnr for result in results]), table.psnr, atol=SAME)
    assert [float(result.start[0]) for result in results] == table.start.tolist()


@pytest.mark.slow
@settings(max_examples=15, deadline=None)
@given(st.lists(st.integers(1, 2600), max_size=3, unique=True), st.integers(0, 900), st.booleans())
@example([100, 1000], 900, False)  # together 10 s
def test_told_gaps_are_missing_samples(quantifier, signal, edges, lost, leads_differ):
    holed = signal.copy()
    spans = [(max(0, edge - lost), edge) for edge in edges]
    for begin, end in spans:
        holed[:, begin:end] = np.nan
    told, shown = (Stream(FREQUENCY, LEADS, 1.0, quantifier=quantifier) for _ in range(2))
    there = ~np.isnan(holed).all(axis=0)

    def knows_something(result):
        begin = round(result.start[0] * FREQUENCY)
        return there[begin : begin + 10 * FREQUENCY].any()

    wanted = [result for result in shown.push(holed) if knows_something(result)]
    bounds = [0, *(np.flatnonzero(np.diff(there)) + 1).tolist(), len(there)]
    results = []
    for begin, end in pairwise(bounds):
        if there[begin]:
            results += told.push(holed[:, begin:end], at=begin)
    assert told.samples == np.flatnonzero(there)[-1] + 1
    assert 0 <= len(wanted) - len(results) <= -(-(len(there) - told.samples) // FREQUENCY)
    for result, of_nan in zip(results, wanted, strict=False):
        assert result.start == of_nan.start
        np.testing.assert_array_equal(result.psnr, of_nan.psnr)
        np.testing.assert_array_equal(result.fault, of_nan.fault)


def test_late_chunks_fill_the_gap_for_the_hops_to_come(quantifier, signal):
    whole = Stream(FREQUENCY, LEADS, 1.0, quantifier=quantifier)
    wanted = whole.push(signal)
    live = Stream(FREQUENCY, LEADS, 1.0, quantifier=quantifier)
    live.push(signal[:, :1000])
    gapped = live.push(signal[:, 1250:1310], at=1250)
    assert [fault for result in gapped for fault in result.fault.ravel()].count("missing") >= 2
    assert live.push(signal[:, 990:1260], at=990) == []
    later = live.push(signal[:, 1310:], at=1310)
    assert live.too_late == 0
    for result, of_whole in zip(later, wanted[4:], strict=True):
        np.testing.assert_array_equal(result.psnr, of_whole.psnr)


def test_late_chunks_change_nothing_that_is_known_and_may_reach_into_what_is_new(quantifier, signal):
    live = Stream(FREQUENCY, LEADS, 1.0, quantifier=quantifier)
    live.push(signal[:, :1500])
    other = np.where(np.isnan(signal), np.nan, 7.0)
    other[:, 1500:] = signal[:, 1500:]
    results = live.push(other[:, 400:1700], at=400)
    assert live.too_late == 100
    assert live.samples == 1700
    assert live.push(other[:, 100:300], at=100) == []
    assert live.too_late == 300
    for result, end in zip(results, (1600, 1700), strict=True):
        assert_same(result, end, of_window(quantifier, signal, end))


def test_gap_of_years_costs_nothing_and_keeps_the_hops_in_step(quantifier, signal):
    live = Stream(FREQUENCY, LEADS, 1.0, quantifier=quantifier)
    live.push(signal[:, :1010])
    results = live.push(signal, at=10**13 + 30)
    assert len(results) == 10 + 26
    assert {round(float(result.start[0]) * FREQUENCY) % FREQUENCY for result in results} == {0}
    assert results[5].fault.tolist() == [["missing"], ["missing"]]
    assert_same(results[-1], 10**13 + 2600, of_window(quantifier, signal, 2570))
    with pytest.raises(StreamError, match="index"):
        live.push(signal, at=1 << 60)
    with pytest.raises(StreamError, match="index"):
        live.push(signal, at=-1)


def test_gap_from_the_start_and_nothing_but_gaps(quantifier):
    live = Stream(FREQUENCY, LEADS, 1.0, quantifier=quantifier)
    assert live.push(np.empty((2, 0)), at=990) == []
    (result,) = live.push(np.full((2, 10), np.nan))
    assert set(result.fault.ravel()) == {"missing"}
    assert np.isnan(result.psnr).all()


@pytest.mark.parametrize(("seconds", "measured"), [(0, None), (3, False), (7, True)])
def test_short_streams_are_scored_as_short_recordings(quantifier, signal, seconds, measured):
    live = Stream(FREQUENCY, LEADS, quantifier=quantifier)
    begin = signal[:, : seconds * FREQUENCY]
    assert live.push(begin) == []
    results = live.finish()
    assert len(results) == (measured is not None)
    for result in results:
        assert set(result.fault.ravel()) == {"short"}
        assert np.isfinite(result.psnr).all() == measured
        alone = quantifier.quantify(Recording.from_array(begin, FREQUENCY))
        np.testing.assert_array_equal(result.psnr, alone.psnr)


def test_units_and_infinite_samples(quantifier, signal):
    plain, scaled = Stream(FREQUENCY, 2, quantifier=quantifier), Stream(FREQUENCY, 2, units="uV", quantifier=quantifier)
    microvolts = np.where(np.isnan(signal), np.inf, signal * 1000.0)
    for one, other in zip(plain.push(signal), scaled.push(microvolts), strict=True):
        np.testing.assert_allclose(one.psnr, other.psnr, atol=SAME)
        assert np.array_equal(one.fault, other.fault)
        assert set(one.fault.ravel()) <= {"", *FAULTS}
    assert plain.lead_names == ("lead_0", "lead_1")


def test_single_lead_and_parts(quantifier, signal):
    live = Stream(FREQUENCY, ["I"], quantifier=quantifier, parts=4)
    (result,) = live.push(signal[0, :1000])
    assert result.local_psnr.shape == (1, 1, 4)
    assert live.push([]) == []


@pytest.mark.parametrize(
    ("chunk", "fragment"),
    [(np.zeros((5, 2)), r"chunk\.T"), (np.zeros((3, 5)), "2 leads"), (np.zeros(4), "2 leads"),
     (np.zeros((1, 2, 3)), "shape"), ([["a"], ["b"]], "numbers"), (np.zeros((2, 3), complex), "numbers")],
)  # fmt: skip
def test_what_is_no_chunk_is_one_clear_error_and_changes_nothing(quantifier, chunk, fragment):
    live = Stream(FREQUENCY, LEADS, quantifier=quantifier)
    with pytest.raises(SignalShapeError, match=fragment) as error:
        live.push(chunk)
    assert "\n" not in str(error.value)
    assert live.samples == 0


@pytest.mark.parametrize(
    ("arguments", "options", "error"),
    [((50, 1), {}, SamplingFrequencyError), ((100, 0), {}, OptionError), ((100, 10**12), {}, OptionError),
     ((100, ["I", "I"]), {}, LeadNameError), ((100, 1, 0.0), {}, OptionError), ((100, 1, np.nan), {}, OptionError),
     ((100, 1, np.inf), {}, OptionError), ((100, 1), {"units": "ohm"}, UnknownUnitsError),
     ((100, 1), {"parts": 0}, OptionError)],
)  # fmt: skip
def test_wrong_arguments_are_one_clear_error(quantifier, arguments, options, error):
    with pytest.raises(error) as raised:
        Stream(*arguments, quantifier=quantifier, **options)
    assert isinstance(raised.value, EcgNoiseError)


@settings(max_examples=100, deadline=None)
@given(st.lists(st.tuples(st.booleans(), st.integers(0, 40)), max_size=30))
def test_newest_samples_are_those_of_a_plain_list(steps):
    newest = NewestSamples(1, 10)
    memory = newest._held.nbytes
    plain = np.empty((1, 0), np.float32)
    for skipped, count in steps:
        if skipped:
            newest.skip(count)
            plain = np.hstack([plain, np.full((1, count), np.nan, np.float32)])
        else:
            chunk = np.arange(plain.size, plain.size + count, dtype=np.float32)[None]
            newest.add(chunk)
            plain = np.hstack([plain, chunk])
        assert newest.count == plain.size
        np.testing.assert_array_equal(newest.newest(), plain[:, -10:])
    assert newest._held.nbytes == memory


class Spared:
    """A quantifier that gives the same result again and again, so that only the stream itself costs time."""

    def __init__(self, result):
        self.result = result
        self.calls = 0

    def quantify(self, recording, *, parts):
        assert recording.samples.shape == (12, 5000)
        self.calls += 1
        return self.result


@pytest.mark.slow
def test_a_day_at_full_speed_does_not_grow(quantifier):
    ecg = simulate_ecg(60, 500, seed=1)
    spared = Spared(quantifier.quantify(Recording.from_array(ecg.signal[:, :5000], 500)))
    live = Stream(500, ecg.lead_names, 1.0, quantifier=spared)
    sizes = np.random.default_rng(1).integers(0, 2000, 100).tolist()
    peaks = []
    while live.samples < 24 * 3600 * 500:
        for chunk in in_chunks(ecg.signal, sizes):
            live.push(chunk)
        peaks.append(resource.getrusage(resource.RUSAGE_SELF).ru_maxrss)
    assert spared.calls >= 24 * 3600 - 10
    assert peaks[-1] - peaks[len(peaks) // 24] < 2048
