"""Figures: to scale on paper, gaps as gaps, readable in grey, of any recording."""

import itertools
import re
import subprocess
import sys
from dataclasses import replace
from datetime import datetime

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from matplotlib.colors import to_rgb
from matplotlib.patches import Rectangle

from ecgnoise import Paper, Recording, simulate_ecg
from ecgnoise.errors import LeadNameError, OptionError, OutputError
from ecgnoise.figures import style
from ecgnoise.figures.disclosure import COLUMNS, draw_disclosure, line_seconds
from ecgnoise.figures.drawn import FAULT, SAMPLES_AT_ONCE, Drawing, Lead, NoiseTrack, Stretch, cut, envelope, short
from ecgnoise.figures.files import write_figure
from ecgnoise.figures.heat_map import HeatMap, draw_heat_map
from ecgnoise.figures.paper import LAYOUTS, draw_paper, rows_layout, standard_layout
from ecgnoise.figures.segment import ShownImages, draw_segment
from ecgnoise.noise_levels import KINDS
from ecgnoise.results.grades import GRADES
from ecgnoise.samples import ArraySamples
from ecgnoise.simulate import STANDARD_LEADS

FREQUENCY = 250.0


def beats(leads, seconds, frequency=FREQUENCY):
    """Triangles each second, alternating in sign by lead; simple, so that pictures of them stay the same."""
    times = np.arange(round(seconds * frequency)) / frequency
    beat = np.maximum(0.0, 1.0 - np.abs(times % 1.0 - 0.4) / 0.04)
    return np.array([(-1.0) ** lead * beat for lead in range(leads)], np.float32)


def drawing(signal, names, *, leads=None, **known):
    known = {"title": "folder/made up.hea", "remark": "a verdict", **known}
    return Drawing(ArraySamples(signal), FREQUENCY, leads or tuple(Lead(name) for name in names), **known)


@pytest.fixture
def shaded():
    """Two leads of 10 s with each grade, a fault, a gap, and each kind of noise."""
    signal = beats(2, 10)
    signal[1, 500:750] = np.nan
    edges = np.linspace(0, 10, 33)
    kinds = np.array(KINDS)[np.arange(32) // 6 % len(KINDS)]
    track = NoiseTrack(edges, np.linspace(-30, 6, 32), kinds)
    leads = (
        Lead("I", (Stretch(1, 6, "fair"), Stretch(2, 5, "poor"), Stretch(3, 4, "unusable")), track),
        Lead("II", (Stretch(1.5, 3.5, FAULT),)),
    )
    return drawing(signal, ("I", "II"), leads=leads, start=datetime(2026, 3, 1, 12, 30, 15))


def trace(axes, number=0):
    """The line of a lead, without those of calibration pulses."""
    lines = [line for line in axes.get_lines() if len(line.get_xdata()) > 10]
    return np.asarray(lines[number].get_xdata()), np.asarray(lines[number].get_ydata())


def test_every_grade_and_kind_has_a_look_of_its_own():
    assert tuple(style.GRADE_SHADES) == GRADES
    assert tuple(style.KIND_COLOURS) == KINDS
    assert set(style.MEANINGS) == {*GRADES, FAULT}
    shades = [*style.GRADE_SHADES.values(), style.FAULT_SHADE]
    assert len({shade.colour for shade in shades}) == len(shades)
    hatched = [shade.hatch for shade in shades if shade.hatch]
    assert len(set(hatched)) == len(hatched) == 3


def luminance(colour):
    linear = [part / 12.92 if part <= 0.03928 else ((part + 0.055) / 1.055) ** 2.4 for part in to_rgb(colour)]
    return float(np.dot((0.2126, 0.7152, 0.0722), linear))


@pytest.mark.parametrize("grade", GRADES)
def test_lines_of_a_grade_can_be_read_on_white(grade):
    assert 1.05 / (luminance(style.GRADE_SHADES[grade].line) + 0.05) >= 4.5


@pytest.mark.parametrize(("speed", "gain"), [(25, 10), (50, 5), (25, 20)])
def test_a_second_and_a_millivolt_have_their_length_on_paper(speed, gain):
    figure = draw_paper(drawing(beats(1, 5), ("II",)), 0, 5, Paper(speed=speed, gain=gain))
    x, y = trace(figure.axes[0])
    assert np.ptp(y) == pytest.approx(gain, rel=1e-6)
    assert np.ptp(x) == pytest.approx((5 - 1 / FREQUENCY) * speed, rel=1e-6)
    width, height = figure.get_size_inches() * 25.4
    box = figure.axes[0].transData.transform([(0, 0), (width, height)]) / figure.dpi * 25.4
    np.testing.assert_allclose(box, [(0, 0), (width, height)], atol=1e-6)


@pytest.mark.parametrize("suffix", [".svg", ".pdf", ".png"])
def test_a_file_is_as_large_as_its_paper_and_the_same_each_time(tmp_path, suffix):
    figure = draw_paper(drawing(beats(1, 5), ("II",)), 0, 5, Paper())
    width, height = figure.get_size_inches() * 72
    for name in ("one", "two"):
        write_figure(figure, tmp_path / f"{name}{suffix}")
    content = (tmp_path / f"one{suffix}").read_bytes()
    assert content == (tmp_path / f"two{suffix}").read_bytes()
    if suffix == ".svg":
        size = re.search(rb'width="([\d.]+)pt" height="([\d.]+)pt"', content).groups()
        assert [float(number) for number in size] == pytest.approx([width, height], rel=1e-5)
    if suffix == ".pdf":
        size = re.search(rb"/MediaBox \[ ?0 0 ([\d.]+) ([\d.]+)", content).groups()
        assert [float(number) for number in size] == pytest.approx([width, height], rel=1e-5)


def test_the_calibration_pulse_is_a_millivolt_high_and_a_fifth_of_a_second_long():
    axes = draw_paper(drawing(beats(3, 5), ("I", "II", "III")), 0, 5, Paper()).axes[0]
    pulses = [line for line in axes.get_lines() if len(line.get_xdata()) == 6]
    assert len(pulses) == 3
    for pulse in pulses:
        high = np.asarray(pulse.get_ydata()) > min(pulse.get_ydata())
        assert np.ptp(pulse.get_ydata()) == pytest.approx(10)
        assert np.ptp(np.asarray(pulse.get_xdata())[high]) == pytest.approx(5)


def test_without_a_unit_there_is_no_pulse_and_the_signal_fits():
    figure = draw_paper(drawing(4000 * beats(2, 5), ("I", "II"), millivolts=False), 0, 5, Paper())
    axes = figure.axes[0]
    assert not [line for line in axes.get_lines() if len(line.get_xdata()) == 6]
    assert np.ptp(trace(axes)[1]) == pytest.approx(18)
    assert any("unit not known" in text.get_text() for text in axes.texts)


def test_what_is_written(shaded):
    words = [text.get_text() for text in draw_paper(shaded, 0, 10, Paper()).axes[0].texts]
    assert "made up.hea" in words
    assert "2026-03-01  12:30:15 to 12:30:25    25 mm/s    10 mm/mV    250 Hz" in words
    assert {"I", "II", "a verdict", "muscle", *(style.MEANINGS[what] for what in (*GRADES[1:], FAULT))} <= set(words)
    assert style.MEANINGS["good"] not in words


def patches(axes, colour):
    return [
        patch
        for patch in axes.patches
        if isinstance(patch, Rectangle) and to_rgb(patch.get_facecolor()) == to_rgb(colour)
    ]


@pytest.mark.parametrize(("what", "start", "stop"), [("fair", 1, 6), ("poor", 2, 5), ("unusable", 3, 4)])
def test_noise_is_shaded_and_hatched_where_it_is(shaded, what, start, stop):
    axes = draw_paper(shaded, 0, 10, Paper()).axes[0]
    shade = style.GRADE_SHADES[what]
    (area,) = [patch for patch in patches(axes, shade.colour) if patch.get_height() > 10]
    x, _ = trace(axes)
    assert area.get_x() - x[0] == pytest.approx(25 * start)
    assert area.get_width() == pytest.approx(25 * (stop - start))
    assert (area.get_hatch() or "") == shade.hatch


def test_a_page_shows_the_stretch_that_is_asked_for(shaded):
    axes = draw_paper(shaded, 3.5, 5.5, Paper()).axes[0]
    (area,) = [patch for patch in patches(axes, style.GRADE_SHADES["unusable"].colour) if patch.get_height() > 10]
    assert area.get_width() == pytest.approx(25 * 0.5)
    assert not [patch for patch in patches(axes, style.FAULT_SHADE.colour) if patch.get_height() > 10]


def test_a_gap_is_a_gap(shaded):
    axes = draw_paper(shaded, 0, 10, Paper()).axes[0]
    _, y = trace(axes, 1)
    assert np.isnan(y).nonzero()[0].tolist() == list(range(500, 750))


def test_rows_go_on_below_where_a_line_ends():
    layout = rows_layout(("I", "II"), 5.0, 30.0, 25.0)
    assert [(cell.lead, cell.row, cell.start, cell.stop) for cell in layout.cells] == [
        (0, 0, 5, 15),
        (1, 1, 5, 15),
        (0, 2, 15, 25),
        (1, 3, 15, 25),
        (0, 4, 25, 30),
        (1, 5, 25, 30),
    ]


def test_the_standard_page_has_each_lead_for_a_quarter_and_lead_ii_for_all():
    names = [name.upper() for name in reversed(STANDARD_LEADS)]
    layout = standard_layout(names, 10.0, 20.0, 25.0)
    shown = [(names[cell.lead], cell.row, cell.left, cell.start, cell.stop) for cell in layout.cells]
    assert shown[:4] == [
        ("I", 0, 0, 10, 12.5),
        ("AVR", 0, 62.5, 12.5, 15),
        ("V1", 0, 125, 15, 17.5),
        ("V4", 0, 187.5, 17.5, 20),
    ]
    assert shown[-1] == ("II", 3, 0, 10, 20)
    assert sorted(name for name, *_ in shown[:-1]) == sorted(names)
    with pytest.raises(LeadNameError, match=r"layout 3x4\+1: no lead V6: choose the layout rows"):
        standard_layout(STANDARD_LEADS[:-1], 0.0, 10.0, 25.0)


@pytest.mark.parametrize(
    ("start", "stop"), [(-1.0, 5.0), (5.0, 5.0), (0.0, 70.0), (np.nan, 5.0), (0.0, 200.0), (95.0, 105.0)]
)
def test_a_stretch_that_is_not_there_is_named_with_what_there_is(start, stop):
    with pytest.raises(OptionError, match=r"on paper: pass up to 60 s within 100 s, or draw a full disclosure"):
        draw_paper(drawing(beats(1, 100), ("I",)), start, stop, Paper())


def test_settings_out_of_range():
    with pytest.raises(OptionError, match=r"layout '6x2' is none of rows, 3x4\+1"):
        Paper("6x2")
    for settings_ in ({"speed": 0.0}, {"gain": 1000.0}, {"speed": float("nan")}):
        with pytest.raises(OptionError, match="pass 1 to 200 mm"):
            Paper(**settings_)


@settings(max_examples=8, deadline=None)
@given(
    leads=st.integers(1, 5),
    samples=st.integers(12, 3000),
    frequency=st.sampled_from([100.0, 360.0, 8000.0]),
    missing=st.floats(0.0, 1.0),
    layout=st.sampled_from(sorted(LAYOUTS)),
    seed=st.integers(0, 5),
)
def test_any_recording_is_drawn(leads, samples, frequency, missing, layout, seed):
    if layout == "3x4+1":
        leads = 12
    rng = np.random.default_rng(seed)
    signal = rng.normal(size=(leads, samples)) * 10.0 ** rng.integers(-6, 6)
    signal[rng.random(signal.shape) < missing] = np.nan
    names = list(STANDARD_LEADS) if leads == 12 else [f"导联 {number} $x^$" for number in range(leads)]
    recording = Recording.from_array(signal, frequency, lead_names=names)
    figure = recording.plot(layout=layout)
    figure.canvas.draw()


@pytest.mark.parametrize("samples", [1, 3])
def test_hardly_any_samples_are_drawn(samples):
    Recording.from_array([0.5] * samples, 100).plot().canvas.draw()


def test_many_leads_are_drawn():
    signal = np.tile(beats(1, 3), (49, 1))
    figure = Recording.from_array(signal, FREQUENCY).plot()
    assert sum(len(line.get_xdata()) > 10 for line in figure.axes[0].get_lines()) == 49
    figure.canvas.draw()


def test_axes_of_ones_own(shaded):
    from matplotlib.figure import Figure

    figure = Figure()
    axes = figure.subplots()
    assert draw_paper(shaded, 0, 10, Paper(), axes) is figure
    assert draw_heat_map(HeatMap(np.ones((1, 2)), np.arange(3.0), ("I",), "dB"), "", axes) is figure


@settings(max_examples=60, deadline=None)
@given(
    samples=st.integers(1, 400),
    columns=st.integers(1, 300),
    first=st.floats(0, 0.9),
    share=st.floats(0.05, 1.0),
    most=st.integers(1, 500),
)
def test_an_envelope_is_that_of_each_column_however_it_is_read(samples, columns, first, share, most):
    signal = np.random.default_rng(samples).normal(size=(2, samples)).astype(np.float32)
    shown = drawing(signal, ("I", "II"))
    start = first * shown.seconds
    stop = start + share * (shown.seconds - start)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("ecgnoise.figures.drawn.SAMPLES_AT_ONCE", most)
        low, high = envelope(shown, start, stop, columns)
    begin, end = shown.window(start, stop)
    edges = begin + np.round(np.linspace(0, end - begin, columns + 1)).astype(int)
    for column, (left, right) in enumerate(itertools.pairwise(edges)):
        part = signal[:, left:right]
        expected = (part.min(axis=1), part.max(axis=1)) if right > left else (np.full(2, np.nan),) * 2
        np.testing.assert_array_equal((low[:, column], high[:, column]), expected)


def test_a_long_stretch_is_read_a_part_at_a_time():
    asked = []

    class Watched:
        shape = (2, 40 * SAMPLES_AT_ONCE)

        def window(self, start, stop):
            asked.append(stop - start)
            return np.zeros((2, stop - start), np.float32)

    shown = replace(drawing(beats(2, 1), ("I", "II")), signal=Watched())
    figure = draw_disclosure(shown, 0, 0.0, shown.seconds, 3600.0)
    assert sum(asked) == Watched.shape[1]
    assert max(asked) <= SAMPLES_AT_ONCE // 2 + Watched.shape[1] // COLUMNS
    figure.canvas.draw()


def test_a_disclosure_has_a_line_per_minute_or_hour(shaded):
    assert [line_seconds(seconds) for seconds in (10, 3600, 3601, 86400)] == [60, 60, 3600, 3600]
    long = replace(shaded, signal=ArraySamples(np.tile(shaded.signal.array, 20)))
    axes = draw_disclosure(long, 0, 0.0, 200.0, 60.0).axes[0]
    assert [label.get_text() for label in axes.get_yticklabels()] == ["12:30:15", "12:31:15", "12:32:15", "12:33:15"]
    with pytest.raises(OptionError, match="200 lines of 1 s on a page: pass longer lines, or at most 60 s"):
        draw_disclosure(long, 0, 0.0, 200.0, 1.0)
    with pytest.raises(OptionError, match="pass a stretch within 200 s"):
        draw_disclosure(long, 0, 0.0, 201.0, 60.0)


def test_a_stretch_over_the_end_of_a_line_is_on_both(shaded):
    long = replace(
        shaded,
        signal=ArraySamples(np.tile(shaded.signal.array, 20)),
        leads=(Lead("I", (Stretch(50, 70, "poor"),)), Lead("II")),
    )
    axes = draw_disclosure(long, 0, 0.0, 200.0, 60.0).axes[0]
    colour = to_rgb(style.GRADE_SHADES["poor"].colour)
    areas = [found for found in axes.collections if to_rgb(found.get_facecolor()[0]) == colour]
    spans = [tuple(area.get_paths()[0].get_extents().extents.round(2).tolist()) for area in areas]
    assert spans == [(50.0, 0.02, 60.0, 0.98), (0.0, 1.02, 10.0, 1.98)]


def test_a_name_with_dollars_is_no_formula():
    figure = draw_paper(drawing(beats(1, 2), (r"$\frac$",), title="a$_$b"), 0, 2, Paper())
    figure.canvas.draw()
    assert {r"\$\frac\$", r"a\$_\$b"} <= {text.get_text() for text in figure.axes[0].texts}


def test_titles_fit():
    assert short("/home/me/a.hea") == "a.hea"
    assert short("/home/me/a.h5::/ecg[3]") == "a.h5::/ecg[3]"
    assert len(short("x" * 500)) == 91
    assert cut("y" * 500).endswith("y…")
    assert cut("two\nlines") == "two lines"


def test_another_suffix_is_refused(tmp_path, shaded):
    with pytest.raises(OutputError, match=r"suffix '.gif' is none of .svg, .png, .pdf"):
        write_figure(draw_paper(shaded, 0, 10, Paper()), tmp_path / "a.gif")
    assert not list(tmp_path.iterdir())


def shown_images():
    rows, columns = np.mgrid[:40, :256]
    original = 127 + 120 * np.sin(columns / 20) * rows / 40
    return ShownImages(
        signal=beats(1, 10)[0],
        start=20.0,
        stop=30.0,
        original=original,
        reconstruction=np.where(columns < 128, original, 100.0),
        white=255.0,
        frequencies=tuple(np.geomspace(0.2, 150, 40)),
        unit="mV",
        title="made up, lead II",
        score="PSNR 20.0 dB, poor",
    )


def test_axes_of_a_segment_are_in_seconds_and_hertz():
    figure = draw_segment(shown_images())
    scalogram = figure.axes[1]
    places = dict(zip([label.get_text() for label in scalogram.get_yticklabels()], scalogram.get_yticks(), strict=True))
    assert places["0.2"] == pytest.approx(0.5)
    assert 0 < places["1"] < places["10"] < places["100"] < 40
    assert scalogram.get_images()[0].get_extent() == [20.0, 30.0, 0, 40]
    counted = figure.axes[3].get_images()[0].get_array()
    assert counted[:, :128].max() == 0 < counted[:, 128:].max()


@pytest.mark.mpl_image_compare(tolerance=3, savefig_kwargs={"dpi": 60}, style="default", remove_text=True)
def test_picture_of_paper(shaded):
    return draw_paper(shaded, 0, 10, Paper())


@pytest.mark.mpl_image_compare(tolerance=3, savefig_kwargs={"dpi": 45}, style="default", remove_text=True)
def test_picture_of_the_standard_page():
    return draw_paper(drawing(beats(12, 10), STANDARD_LEADS), 0, 10, Paper("3x4+1"))


@pytest.mark.mpl_image_compare(tolerance=3, savefig_kwargs={"dpi": 45}, style="default", remove_text=True)
def test_picture_of_a_disclosure(shaded):
    long = replace(shaded, signal=ArraySamples(np.tile(shaded.signal.array, 20)))
    return draw_disclosure(long, 0, 0.0, 200.0, 60.0)


@pytest.mark.mpl_image_compare(tolerance=3, savefig_kwargs={"dpi": 45}, style="default", remove_text=True)
def test_picture_of_a_heat_map():
    values = np.linspace(-10, 30, 60).reshape(3, 20)
    values[1, 5:9] = np.nan
    return draw_heat_map(HeatMap(values, np.arange(21.0), ("I", "II", "III"), "dB", (18.0, 5.0, 0.0)), "made up")


@pytest.mark.mpl_image_compare(tolerance=3, savefig_kwargs={"dpi": 45}, style="default", remove_text=True)
def test_picture_of_a_segment():
    return draw_segment(shown_images())


def test_drawing_needs_matplotlib_and_says_so():
    code = (
        "import sys; sys.modules['matplotlib'] = None; sys.modules['matplotlib.figure'] = None\n"
        "import ecgnoise\n"
        "try: ecgnoise.simulate_ecg(10).plot()\n"
        "except ecgnoise.errors.MissingExtraError as error: print(error)"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout == "drawing needs the package matplotlib: pip install 'ecgnoise[plot]'\n"


def test_a_recording_draws_ten_seconds_or_what_there_is():
    ecg = simulate_ecg(12, lead_names=("I", "II"))
    for start, duration, seconds in ((0, None, 10), (5, None, 7), (1, 3, 3)):
        x, _ = trace(ecg.plot(start, duration).axes[0])
        assert np.ptp(x) == pytest.approx(25 * seconds, abs=0.2)
