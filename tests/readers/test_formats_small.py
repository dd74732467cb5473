"""Apple Watch and Kardia files as other countries and programs write them."""

import json

import numpy as np
import pytest
from tests import format_makers as makers
from tests.format_makers import Ecg

from ecgnoise.errors import UnreadableFileError
from ecgnoise.readers import find_recordings, read
from ecgnoise.simulate import simulate_ecg

HEAD = "Name,X\nRecorded Date,2020-01-01 10:00:00 +0000\nSample Rate,512 hertz\nLead,Lead I\nUnit,µV\n\n"
# In uV: small and large, whole and with fractions.
VALUES = np.round(np.sin(np.arange(1500) / 40) * 2345.678, 3)


def swapped(text):
    return text.translate(str.maketrans(",.", ".,"))


@pytest.mark.parametrize(
    ("write", "places"),
    [
        (lambda v: f"{v:.3f}", 3),
        (lambda v: swapped(f"{v:.3f}"), 3),
        (lambda v: f"{v:,.3f}", 3),
        (lambda v: swapped(f"{v:,.3f}"), 3),
        (lambda v: f'"{v:,.3f}"', 3),
        (lambda v: f"{v:,.2f}", 2),
        (lambda v: f"{v:,.3f}".replace(",", "\u202f").replace(".", ","), 3),
        (lambda v: f"{v:,.3f}".replace(",", "\u2019"), 3),
        (lambda v: f"{v:.0f}", 0),
        (lambda v: f"{v:,.0f}", 0),
        (lambda v: swapped(f"{v:,.0f}"), 0),
        (lambda v: f"{v * 1000:,.0f}", -1),
        (lambda v: f"{v:.3f}".rstrip("0").rstrip("."), 3),
        (lambda v: swapped(f"{v:.3f}".rstrip("0").rstrip(".")), 3),
        (lambda v: f"{v:.3f}".replace("-", "\u2212"), 3),
    ],
)
def test_apple_watch_numbers_of_all_countries(write, places, tmp_path):
    path = tmp_path / "ecg_2020-01-01.csv"
    path.write_text(HEAD + "".join(f"{write(value)}\n" for value in VALUES), encoding="utf-8")
    expected = np.round(VALUES, places) if places >= 0 else np.round(VALUES * 1000)
    np.testing.assert_allclose(read(path).signal[0], expected / 1000, rtol=1e-6, atol=1.1e-5)


@pytest.mark.parametrize("rows", ["1,5\n1.5\n", "1,234\n1.234\n", "1,234.5\n1.234,5\n"])
def test_apple_watch_numbers_that_contradict_each_other(rows, tmp_path):
    path = tmp_path / "ecg_2020-01-01.csv"
    path.write_text(HEAD + rows * 500, encoding="utf-8")
    with pytest.raises(UnreadableFileError, match="both comma and point"):
        read(path)


@pytest.fixture
def kardia(tmp_path):
    simulated = simulate_ecg(4, 250, seed=1, lead_names=("II", "V2"))
    return makers.kardia(tmp_path, Ecg(simulated.signal.astype(np.float64)))


@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig", "utf-16", "utf-16-le", "utf-16-be"])
@pytest.mark.parametrize("indent", [None, 4])
def test_kardia_in_other_encodings(encoding, indent, kardia):
    expected = read(kardia).signal
    kardia.write_bytes(json.dumps(json.loads(kardia.read_text()), indent=indent).encode(encoding))
    assert find_recordings([kardia.parent]) == [kardia]
    np.testing.assert_array_equal(read(kardia).signal, expected)


def test_kardia_nested_without_end(kardia):
    text = kardia.read_text()
    kardia.write_text(text.replace("[", "[" * 100_000, 1))
    with pytest.raises(UnreadableFileError, match="RecursionError"):
        read(kardia)
