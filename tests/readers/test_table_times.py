"""Times in tables: their units, dates as text, rounding, packets and gaps, and what the caller says against them."""

from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path

import numpy as np
import pytest

from ecgnoise.errors import EcgNoiseError, OptionError, SamplingFrequencyError, UnreadableFileError
from ecgnoise.readers import read
from ecgnoise.recording import Recording
from ecgnoise.simulate import simulate_ecg

FS = 250.0
N = 3000
K = np.arange(N)
RNG = np.random.default_rng(3)


@pytest.fixture(scope="module")
def ecg() -> np.ndarray:
    return simulate_ecg(N / FS, FS, seed=1, lead_names=("II",)).signal[0].astype(np.float64)


def csv_of(folder: Path, title: str, times, ecg: np.ndarray) -> Path:
    path = folder / "t.csv"
    rows = "".join(f"{time},{value:.4f}\n" for time, value in zip(times, ecg, strict=True))
    path.write_text(f"{title},ECG (mV)\n{rows}", encoding="utf-8")
    return path


def parquet_of(folder: Path, title: str, times, ecg: np.ndarray) -> Path:
    import pyarrow
    from pyarrow import parquet

    parquet.write_table(pyarrow.table({title: values_of(times), "ECG (mV)": ecg}), folder / "t.parquet")
    return folder / "t.parquet"


def feather_of(folder: Path, title: str, times, ecg: np.ndarray) -> Path:
    import pyarrow
    from pyarrow import feather

    feather.write_feather(pyarrow.table({title: values_of(times), "ECG (mV)": ecg}), folder / "t.feather")
    return folder / "t.feather"


def xlsx_of(folder: Path, title: str, times, ecg: np.ndarray) -> Path:
    import openpyxl

    book = openpyxl.Workbook(write_only=True)
    sheet = book.create_sheet("ECG")
    sheet.append([title, "ECG (mV)"])
    for row in zip(values_of(times), ecg.tolist(), strict=True):
        sheet.append(row)
    book.save(folder / "t.xlsx")
    return folder / "t.xlsx"


def values_of(times) -> list:
    """The numbers of texts that are such."""

    def value(time):
        try:
            return time if isinstance(time, datetime) else float(time)
        except ValueError:
            return time

    return [value(time) for time in times]


MAKERS: list[Callable[..., Path]] = [csv_of, parquet_of, feather_of, xlsx_of]


def check(path: Path, ecg: np.ndarray, **options) -> Recording:
    recording = read(path, **options)
    assert recording.sampling_frequency == options.get("sampling_frequency", FS)
    assert recording.samples.shape == (1, N)
    np.testing.assert_allclose(recording.signal[0], ecg, atol=1e-4)
    return recording


# Units

UNITS = {
    1.0: ("s", "sec", "secs", "seconds"),
    1e3: ("ms", "msec", "mSecs", "milliseconds"),
    1e6: ("us", "usec", "\u00b5s", "\u03bcs", "microseconds"),
    1e9: ("ns", "nanoseconds"),
    1 / 60: ("min", "minute", "minutes"),
    1 / 3600: ("h", "hour", "hours"),
    1 / 86400: ("d", "days"),
}


@pytest.mark.parametrize(("unit", "scale"), [(unit, scale) for scale, units in UNITS.items() for unit in units])
def test_units_of_time(unit, scale, tmp_path, ecg):
    times = [f"{at / FS * scale:.12f}" for at in K]
    for title in (f"Time ({unit})", f"time_{unit}", f"elapsed time [{unit}]"):
        check(csv_of(tmp_path, title, times, ecg), ecg)


@pytest.mark.parametrize("make", MAKERS)
@pytest.mark.parametrize("unit", ["fortnight", "ticks", "adu"])
def test_an_unknown_unit_is_an_error_that_names_it(make, unit, tmp_path, ecg):
    path = make(tmp_path, f"time ({unit})", K * 4, ecg)
    with pytest.raises(UnreadableFileError, match=rf"'{unit}'.*ms.*--sampling-frequency"):
        read(path)
    recording = check(path, ecg, sampling_frequency=FS)
    assert f"in the unit '{unit}'" in recording.notes[0]
    assert "250 Hz as stated" in recording.notes[0]


@pytest.mark.parametrize("make", MAKERS)
@pytest.mark.parametrize("scale", [1, 1000, 1_000_000])
def test_times_since_1970_are_known_by_their_size(make, scale, tmp_path, ecg):
    times = [f"{(1577872800 + at / FS) * scale:.{0 if scale > 1 else 3}f}" for at in K]
    path = make(tmp_path, "timestamp", times, ecg)
    assert check(path, ecg).start == datetime(2020, 1, 1, 10, tzinfo=UTC)
    check(path, ecg, sampling_frequency=FS)


def test_times_since_1970_in_ns(tmp_path, ecg):
    path = csv_of(tmp_path, "timestamp", [1577872800000000000 + 4_000_000 * int(at) for at in K], ecg)
    assert check(path, ecg).start == datetime(2020, 1, 1, 10, tzinfo=UTC)


def test_days_of_a_spreadsheet(tmp_path, ecg):
    path = csv_of(tmp_path, "time", [f"{43831.5 + at / FS / 86400:.12f}" for at in K], ecg)
    assert check(path, ecg).start == datetime(2020, 1, 1, 12)


@pytest.mark.parametrize("make", MAKERS)
def test_times_without_a_unit(make, tmp_path, ecg):
    path = make(tmp_path, "time", K * 4, ecg)
    with pytest.raises(UnreadableFileError, match=r"'time' states no unit.*0\.25 Hz.*--sampling-frequency"):
        read(path)
    check(path, ecg, sampling_frequency=FS)
    path = make(tmp_path, "time", [f"{at / FS / 60:.10f}" for at in K], ecg)
    check(path, ecg, sampling_frequency=FS)
    with pytest.raises(UnreadableFileError, match=r"'time' states no unit: 15000 Hz if in s, 250 Hz if in min: pass"):
        read(path)
    recording = check(make(tmp_path, "time", K / FS, ecg), ecg, sampling_frequency=500.0)
    assert "states no unit (steps of 0.004): 500 Hz as stated" in recording.notes[0]


@pytest.mark.parametrize("make", MAKERS)
def test_regular_times_in_a_stated_unit_hold(make, tmp_path, ecg):
    path = make(tmp_path, "time (ms)", K * 4, ecg)
    with pytest.raises(OptionError, match=r"500 Hz given, the file says 250 Hz"):
        read(path, sampling_frequency=500)
    with pytest.raises(SamplingFrequencyError, match=r"'time \(s\)' gives 0\.25 Hz.*correct the unit"):
        read(make(tmp_path, "time (s)", K * 4, ecg))


# Text


TEXTS = {
    "2020-01-01 10:00:{:09.6f}": datetime(2020, 1, 1, 10),
    "2020-01-01T10:00:{:06.3f}": datetime(2020, 1, 1, 10),
    "2020-01-01T10:00:{:06.3f}Z": datetime(2020, 1, 1, 10, tzinfo=UTC),
    "2020-01-01 12:00:{:06.3f}+02:00": datetime(2020, 1, 1, 10, tzinfo=UTC),
    "2020/01/01 10:00:{:06.3f}": datetime(2020, 1, 1, 10),
    "01.02.2020 10:00:{:06.3f}": datetime(2020, 2, 1, 10),
    "31/12/2019 10:00:{:06.3f}": datetime(2019, 12, 31, 10),
    "12/31/2019 10:00:{:06.3f} PM": datetime(2019, 12, 31, 22),
    "01-Feb-2020 10:00:{:06.3f}": datetime(2020, 2, 1, 10),
    "[10:00:{:06.3f} 01/02/2020]": datetime(2020, 2, 1, 10),
    "20200101T1000{:06.3f}": datetime(2020, 1, 1, 10),
    "10:00:{:06.3f}": None,
    "0 days 10:00:{:09.6f}": None,
    "0:{:06.3f}": None,
}


@pytest.mark.parametrize("make", MAKERS)
@pytest.mark.parametrize("pattern", TEXTS)
def test_dates_and_times_as_text(make, pattern, tmp_path, ecg):
    path = make(tmp_path, "when", [pattern.format(at / FS) for at in K], ecg)
    assert check(path, ecg).start == TEXTS[pattern]
    with pytest.raises(OptionError, match="the file says 250 Hz"):
        read(path, sampling_frequency=500)


def test_decimal_commas_in_times(tmp_path, ecg):
    path = tmp_path / "t.csv"
    rows = (f"01.02.2020 10:00:{at / FS:06.3f}".replace(".", ",").replace(",", ".", 2) for at in K)
    values = (f"{value:.4f}".replace(".", ",") for value in ecg)
    path.write_text("Zeit;EKG [mV]\n" + "".join(f"{a};{b}\n" for a, b in zip(rows, values, strict=True)))
    assert check(path, ecg).start == datetime(2020, 2, 1, 10)


def test_a_date_that_may_be_read_in_two_ways_is_no_start(tmp_path, ecg):
    recording = check(csv_of(tmp_path, "time", [f"01/02/2020 10:00:{at / FS:06.3f}" for at in K], ecg), ecg)
    assert recording.start is None
    assert "the day and the month are not told apart" in recording.notes[0]


@pytest.mark.parametrize("date", ["", "30.06.2020 ", "06/30/2020 ", "2020/06/30 "])
def test_past_midnight(date, tmp_path, ecg):
    after = date.replace("30.06", "01.07").replace("06/30/2020", "07/01/2020").replace("2020/06/30", "2020/07/01")
    times = [
        f"{date}23:59:{55 + at / FS:06.3f}" if at < 1250 else f"{after}00:00:{at / FS - 5:06.3f}" for at in K.tolist()
    ]
    check(csv_of(tmp_path, "time", times, ecg), ecg)


def test_a_date_alone_is_no_start(tmp_path, ecg):
    path = csv_of(tmp_path, "date", ["2020-03-04"] * N, ecg)
    recording = check(path, ecg, sampling_frequency=FS)
    assert recording.start is None
    assert "the same time in all rows: 250 Hz as stated" in recording.notes[0]


def test_a_column_of_dates_beside_one_of_times(tmp_path, ecg):
    times = [f"2020-03-04,10:00:{at / FS:06.3f}" for at in K]
    assert check(csv_of(tmp_path, "Date,Time", times, ecg), ecg).start == datetime(2020, 3, 4, 10)


@pytest.mark.parametrize("make", [parquet_of, feather_of, xlsx_of])
def test_instants(make, tmp_path, ecg):
    times = [datetime(2020, 1, 1, 10, 0, int(at * 4 // 1000), int(at * 4 % 1000 * 1000)) for at in K]
    assert check(make(tmp_path, "when", times, ecg), ecg).start == datetime(2020, 1, 1, 10)


# Rounded, packet-wise and irregular times


@pytest.mark.parametrize("make", MAKERS)
@pytest.mark.parametrize("rate", [125, 128, 250, 256, 360, 500, 512, 1000])
@pytest.mark.parametrize("decimals", [2, 3])
def test_rounded_times_give_the_usual_rate_that_fits(make, rate, decimals, tmp_path, ecg):
    path = make(tmp_path, "time (s)", [f"{at / rate:.{decimals}f}" for at in K], ecg)
    assert read(path).sampling_frequency == rate
    assert read(path).samples.shape == (1, N)
    check(path, ecg, sampling_frequency=float(rate))


def test_the_caller_wins_over_times_that_are_rounded_so_far_that_they_repeat(tmp_path, ecg):
    path = csv_of(tmp_path, "time (s)", [f"{at / 250:.2f}" for at in K], ecg)
    recording = check(path, ecg, sampling_frequency=260.0)
    assert "is rounded and would give 250 Hz: 260 Hz as stated" in recording.notes[0]
    path = csv_of(tmp_path, "time", [f"10:00:{int(at) // 250:02d}" for at in K], ecg)
    assert "would give 250 Hz" in check(path, ecg, sampling_frequency=500.0).notes[0]


def test_whole_seconds(tmp_path, ecg):
    check(csv_of(tmp_path, "time", [f"2020-01-01 10:00:{(at + 77) // 250:02d}" for at in K.tolist()], ecg), ecg)
    times = [str(int(at) // 250) for at in range(600)]
    with pytest.raises(UnreadableFileError, match=r"--sampling-frequency"):
        read(csv_of(tmp_path, "time (s)", times[:300], ecg[:300]))  # nearly anything fits two seconds


USELESS = {
    "packets": (K // 16 * 64, "the same time in rows 1 and 2"),
    "irregular": (np.sort(K * 4 + RNG.normal(0, 20, N)).round(), ""),
    "back": (np.where(K < 1000, K * 4, K * 4 - 3000), "goes back at row 1001"),
    "still": (np.zeros(N), "the same time in all rows"),
}


@pytest.mark.parametrize("make", MAKERS)
@pytest.mark.parametrize("title", ["time", "time (ms)"])
@pytest.mark.parametrize("kind", USELESS)
def test_times_of_no_use(make, title, kind, tmp_path, ecg):
    times, said = USELESS[kind]
    path = make(tmp_path, title, times, ecg)
    with pytest.raises(EcgNoiseError, match=rf"{said}.*--sampling-frequency"):
        read(path)
    for rate in (FS, 500.0):
        recording = check(path, ecg, sampling_frequency=rate)
        assert said in recording.notes[0]
        assert f"{rate:g} Hz as stated" in recording.notes[0]


def test_the_rate_above_the_rows_helps_as_the_callers_does(tmp_path, ecg):
    path = csv_of(tmp_path, "timestamp", K // 16 * 64, ecg)
    path.write_text("Sample rate: 250 Hz\n" + path.read_text())
    assert "250 Hz as stated" in check(path, ecg).notes[0]


# Gaps


@pytest.mark.parametrize("make", MAKERS)
@pytest.mark.parametrize("title", ["time (ms)", "timestamp", "sample"])
def test_a_gap_becomes_missing_samples(make, title, tmp_path, ecg):
    times = np.where(K < 1000, K, K + 1250) * (1 if title == "sample" else 4) + (title == "timestamp") * 1577872800000
    options = {"sampling_frequency": FS} if title == "sample" else {}
    recording = read(make(tmp_path, title, times, ecg), **options)
    signal = recording.signal[0]
    assert np.flatnonzero(np.isnan(signal)).tolist() == list(range(1000, 2250))
    np.testing.assert_allclose(signal[~np.isnan(signal)], ecg, atol=1e-4)
    assert recording.notes[-1] == "interrupted once, 5 s are missing, first at row 1001"
    np.testing.assert_array_equal(recording.window(990, 2260), recording.signal[:, 990:2260])


@pytest.mark.parametrize("rate", [250, 360, 512])
@pytest.mark.parametrize("decimals", [3, 6])
@pytest.mark.parametrize("lost", [1, 2, 73])
def test_small_gaps_in_rounded_times(rate, decimals, lost, tmp_path, ecg):
    numbers = np.concatenate([K[:700], K[700:1500] + lost, K[1500:] + 2 * lost])
    recording = read(csv_of(tmp_path, "time (s)", [f"{at / rate:.{decimals}f}" for at in numbers], ecg))
    assert recording.sampling_frequency == rate
    assert np.flatnonzero(~np.isnan(recording.signal[0])).tolist() == numbers.tolist()


def test_gaps_in_times_that_are_rounded_to_whole_packets_of_rows(tmp_path, ecg):
    numbers = np.where(K < 1000, K, K + 1250)
    recording = read(csv_of(tmp_path, "time (s)", [f"{at / 250:.2f}" for at in numbers], ecg))
    assert recording.sampling_frequency == 250
    assert recording.samples.shape == (1, N + 1250)


def test_a_missing_time_is_no_gap(tmp_path, ecg):
    times = [f"{at / FS:.3f}" for at in K]
    times[500:520] = [""] * 20
    check(csv_of(tmp_path, "time (s)", times, ecg), ecg)


@pytest.mark.parametrize("seconds", [40 * 86400.0, 365 * 86400.0, 1e10])
def test_an_absurd_gap_is_one_line_and_takes_no_memory(seconds, tmp_path, ecg):
    path = csv_of(tmp_path, "time (s)", K / FS + (K >= 1000) * seconds, ecg)
    with pytest.raises(UnreadableFileError, match="row 1001"):
        read(path)
    assert "row 1001" in check(path, ecg, sampling_frequency=FS).notes[0]


def test_a_gap_of_a_day_takes_no_memory_of_its_own(tmp_path, ecg):
    recording = read(csv_of(tmp_path, "time (s)", K / FS + (K >= 1000) * 86400.0, ecg))
    assert recording.samples.shape == (1, N + 86400 * 250)
    assert np.isnan(recording.window(1000, 2000)).all()
    np.testing.assert_allclose(recording.window(N + 86400 * 250 - 2000, N + 86400 * 250)[0], ecg[1000:], atol=1e-4)


def test_sample_numbers_of_a_few_bits(tmp_path, ecg):
    numbers = np.where(K < 1000, K, K + 7) % 16
    recording = read(csv_of(tmp_path, "nSeq", numbers, ecg), sampling_frequency=FS)
    assert np.flatnonzero(np.isnan(recording.signal[0])).tolist() == list(range(1000, 1007))


@pytest.mark.parametrize("make", MAKERS)
@pytest.mark.parametrize("title", ["ecg_time", "ECG Timestamp", "t", "t (s)"])
def test_the_time_of_an_ecg_is_no_lead(make, title, tmp_path, ecg):
    assert check(make(tmp_path, title, K / FS, ecg), ecg).lead_names == ("ECG",)


@pytest.mark.parametrize("rate", [5000, 6000, 10_000])
def test_times_without_a_unit_may_be_minutes_where_seconds_would_be_too_fast(rate, tmp_path, ecg):
    """100 Hz, the least that is scored, in minutes looks like 6,000 Hz."""
    path = csv_of(tmp_path, "time", [f"{at / rate:.9f}" for at in K], ecg)
    if rate == 5000:
        assert read(path).sampling_frequency == rate
        return
    with pytest.raises(UnreadableFileError, match=rf"states no unit: {rate} Hz if in s, {rate // 60}.* Hz if in min: "):
        read(path)
    assert read(path, sampling_frequency=rate).sampling_frequency == rate
    assert read(path, sampling_frequency=rate / 60).sampling_frequency == rate / 60
