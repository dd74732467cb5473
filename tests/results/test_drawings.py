"""What figures and notebooks show of a result: the time that its intervals and faults say, and nothing else."""

import re
from html.parser import HTMLParser

import numpy as np
import pytest

from ecgnoise import Quantifier, Recording, simulate_ecg
from ecgnoise.errors import OptionError, SignalShapeError
from ecgnoise.figures.drawn import FAULT
from ecgnoise.results.drawings import drawing_of_result, heat_map_of, images_of
from ecgnoise.results.grades import GRADES
from ecgnoise.simulate import NoiseKind, add_noise
from results_by_hand import changed, graded


@pytest.fixture(scope="module")
def recording():
    """30 s of three leads: one clean, one with muscle noise, one that is missing for a while."""
    clean = simulate_ecg(30, 250, seed=4, lead_names=("I", "II", "V1"))
    signal = add_noise(clean, NoiseKind.MUSCLE, -3.0, leads=["II"]).signal.copy()
    signal[2, 1000:2000] = np.nan
    return Recording.from_array(signal, 250, lead_names=clean.lead_names, source="folder/made.hea")


@pytest.fixture(scope="module")
def result(recording):
    return Quantifier(threads=1).quantify(recording, images=True)


def shaded(result, recording):
    faults = [(found.lead, found.start, found.stop) for found in result.fault_intervals()]
    return drawing_of_result(result, recording, faults, result.verdict())


def at(stretches, second):
    """What is seen at an instant: the last stretch that holds it."""
    return next((part.what for part in reversed(stretches) if part.start <= second < part.stop), "good")


def test_what_is_shaded_is_what_the_masks_say(result, recording):
    shown = shaded(result, recording)
    masks = {grade: result.mask(100.0, grade=grade) for grade in GRADES[1:]}
    faults = result.fault_intervals()
    for number, lead in enumerate(shown.leads):
        edges = np.array([[part.start, part.stop] for part in lead.stretches]).ravel()
        for t in range(0, 3000, 7):
            if len(edges) and np.abs(edges - t / 100).min() < 0.02:
                continue  # masks have whole samples
            bad = [grade for grade in GRADES[1:] if not masks[grade][number, t]]
            if any(found.lead == lead.name and found.start <= t / 100 < found.stop for found in faults):
                bad.append(FAULT)
            assert at(lead.stretches, t / 100) == (bad[-1] if bad else "good")


def test_no_grade_is_shown_where_a_fault_is(result, recording):
    lead = shaded(result, recording).leads[2]
    faults = [part for part in lead.stretches if part.what == FAULT]
    assert faults
    for part in lead.stretches:
        assert part.what == FAULT or all(part.stop <= fault.start or part.start >= fault.stop for fault in faults)


def test_the_track_is_the_local_snr_turned_over(result, recording):
    track = shaded(result, recording).leads[1].track
    np.testing.assert_array_equal(track.level, -result.local_snr[1].astype(float))
    np.testing.assert_array_equal(track.edges[:-1], result.span_start)
    assert set(track.kind[track.level > -3]) == {"muscle"}


def test_the_heat_map_is_the_local_snr(result):
    shown = heat_map_of(result)
    np.testing.assert_allclose(shown.values, result.local_snr, rtol=1e-6)
    assert shown.edges[-1] == result.seconds
    assert shown.bounds == result.limits.bounds


def test_a_long_heat_map_has_the_means_of_its_columns(monkeypatch, result):
    monkeypatch.setattr("ecgnoise.results.drawings.MOST_COLUMNS", 8)
    shown = heat_map_of(result)
    assert shown.values.shape == (3, 8)
    for column, snr in enumerate(np.split(result.local_snr, 8, axis=1)):
        for lead in range(3):
            known = snr[lead][np.isfinite(snr[lead])]
            expected = known.mean() if known.size else np.nan
            assert shown.values[lead, column] == pytest.approx(expected, rel=1e-6, nan_ok=True)


def test_without_noise_levels_whole_segments_are_shown():
    result = graded(["gfp", "u-g"])
    shown = drawing_of_result(
        result, Recording.from_array(np.zeros((2, 7500)), 250, lead_names=result.lead_names), [], ""
    )
    assert [at(shown.leads[0].stretches, second) for second in (5, 15, 25)] == ["good", "fair", "poor"]
    assert shown.leads[0].track is None
    map_ = heat_map_of(result)
    assert (map_.label, map_.bounds) == ("PSNR (dB)", None)
    np.testing.assert_array_equal(map_.values, result.psnr)


def test_a_segment_shows_the_images_of_its_score(result, recording):
    shown = images_of(result, recording, "II", 12.0)
    np.testing.assert_array_equal(shown.original, result.images.original[1, 1])
    np.testing.assert_array_equal(shown.signal, recording.signal[1, 2500:5000].astype(float))
    assert (shown.start, shown.stop) == (10, 20)
    assert shown.title == "made, lead II, 10 to 20 s"
    worst = images_of(result, recording, None, None)
    assert worst.score.startswith(f"PSNR {np.nanmin(result.psnr):.1f} dB")


def test_what_is_not_there_is_named(result, recording):
    with pytest.raises(OptionError, match="no lead V9; it has I, II, V1"):
        result.plot_segment(recording, "V9")
    with pytest.raises(OptionError, match="99 s: the recording has 30 s"):
        result.plot_segment(recording, "I", 99)
    with pytest.raises(OptionError, match="score with images=True"):
        changed(result, images=None).plot_segment(recording)
    for draw in (result.plot, result.plot_segment, result.plot_disclosure):
        with pytest.raises(SignalShapeError, match="pass the recording that was scored"):
            draw(recording.pick(["I"]))


def test_all_figures_are_drawn(result, recording):
    figures = (
        result.plot(recording, 5, 20),
        result.plot_overview(),
        result.plot_disclosure(recording),
        result.plot_segment(recording),
    )
    for figure in figures:
        figure.canvas.draw()
    assert "made.hea, lead I" in [text.get_text() for text in figures[2].texts]


class Cells(HTMLParser):
    """The texts of a table's cells, and what its tags hold."""

    def __init__(self, page):
        super().__init__()
        self.cells, self.open = [], []
        self.feed(page)
        self.close()

    def handle_starttag(self, tag, _attributes):
        self.open.append(tag)
        if tag in {"td", "th"}:
            self.cells.append("")

    def handle_startendtag(self, tag, attributes):
        assert tag == "rect"

    def handle_endtag(self, tag):
        assert self.open.pop() == tag

    def handle_data(self, data):
        if "td" in self.open or "th" in self.open:
            self.cells[-1] += data


def test_a_notebook_shows_a_row_per_lead(result):
    cells = Cells(result._repr_html_()).cells
    assert cells[5::5] == ["I", "II", "V1"]
    assert cells[8:20:5][1].startswith("muscle, ")
    assert [float(cell) for cell in cells[9::5]] == pytest.approx(result.analysable.round())
    assert cells[6] == "3 good"


def test_a_notebook_is_safe_and_small():
    result = graded(["gfpu-" * 2000] * 40, lead_names=[f"<script>{number}" for number in range(40)])
    page = result._repr_html_()
    assert "<script>" not in page
    assert "and 16 more leads" in page
    assert len(page) < 400_000
    assert not re.findall(r"https?:", page)
