"""The speed benchmark's own arithmetic; what it measures is in docs/benchmarks.md."""

import numpy as np
import pytest

pytest.importorskip("torch", reason="needs the extra train")

from benchmarks import report, roofline, speed
from ecgnoise.models.folder import load_folder
from ecgnoise.scalogram.profile import DEFAULT
from ecgnoise.scalogram.superlet import superlet


def test_a_row_of_the_roofline_names_the_nearer_limit():
    work = roofline.Work(operations=2e6, bytes=1e3)
    assert roofline.row(work, 1e-3, product=4e9, copy=1e9)["share_of_limit"] == 0.5
    assert roofline.row(work, 1e-3, product=1e12, copy=4e6)["share_of_limit"] == 0.25
    assert roofline.row(work, 1e-3, 4e9, 1e9) | {"gb_s": 0.0} == {
        "mflop": 2.0,
        "mb": 0.001,
        "ms": 1.0,
        "gflop_s": 2.0,
        "gb_s": 0.0,
        "share_of_limit": 0.5,
    }


def test_superlets_of_more_wavelets_are_more_work():
    works = [roofline.superlet_work(superlet(DEFAULT, frequency)) for frequency in (250, 500, 1000)]
    assert works[0].operations < works[1].operations < works[2].operations < 1.6 * works[0].operations
    assert works[2].bytes - works[1].bytes == 4 * 5000


def test_operations_of_the_network_are_those_of_its_convolutions():
    work = roofline.network_work(load_folder("default"))
    assert 5e7 < work.operations < 5e9
    assert work.bytes > 4 * 4 * 40 * 256


@pytest.mark.slow
def test_stages_are_timed_without_changing_a_score():
    stages = speed.Stages()
    taken = stages.milliseconds(1)
    assert min(taken.values()) > 0
    assert sum(name.startswith("network") for name in taken) == 3
    np.testing.assert_array_equal(stages.reconstruction, stages.reconstructor.reconstruct(stages.scalograms))


@pytest.mark.parametrize(("ratio", "passes"), [(61.0, True), (59.9, False)])
def test_the_check_fails_where_it_is_too_slow(monkeypatch, capsys, ratio, passes):
    monkeypatch.setattr(speed, "compare", lambda rounds, rivals: {"ratio": ratio})
    if passes:
        speed.check(60)
    else:
        with pytest.raises(SystemExit, match="1"):
            speed.check(60)
    assert f"{ratio} times faster" in capsys.readouterr().out


def test_a_gpu_that_is_not_there_is_not_measured():
    assert report.device_sentence(None).startswith("not measured")
    figures = {"name": "GPU", "lead_segments_s": 51234, "largest_difference_db": 0.01}
    assert report.device_sentence(figures).startswith("51,234 lead-segments a second on one GPU")
