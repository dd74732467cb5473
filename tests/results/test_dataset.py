"""Folders of results as data sets."""

import pandas as pd
import pyarrow.dataset as ds
import pyarrow.parquet as pq
import pytest
from click.testing import CliRunner

from ecgnoise import ArchiveOptions, __version__, open_results, score_archive
from ecgnoise.batch.parts import SCHEMA_VERSION
from ecgnoise.cli import main
from ecgnoise.errors import OptionError, OutputError, UnreadableFileError
from ecgnoise.quantifier import Quantifier
from ecgnoise.readers import find_recordings
from ecgnoise.results.dataset import merge_results
from ecgnoise.simulate import simulate_ecg
from ecgnoise.writers import write_recording


@pytest.fixture
def results(tiny_model, tmp_path):
    (tmp_path / "in").mkdir()
    for seed in range(5):
        write_recording(simulate_ecg(10, 125, seed=seed, lead_names=["I", "V2"]), tmp_path / "in" / f"r{seed}.npz")
    (tmp_path / "in" / "r9.npy").write_bytes(b"\x93NUMPY no array")
    options = ArchiveOptions(model=str(tiny_model), threads=1, part_size=2)
    score_archive(find_recordings([tmp_path / "in"]), tmp_path / "results", options)
    return tmp_path / "results"


def test_each_part_says_what_it_was_made_with(results, tiny_model):
    for part in (results / "parts").iterdir():
        said = pq.read_metadata(part).metadata
        assert said[b"schema_version"] == str(SCHEMA_VERSION).encode()
        assert said[b"model"] == str(Quantifier(tiny_model, threads=1).model).encode()
        assert said[b"ecgnoise"] == __version__.encode()


@pytest.mark.parametrize("place", ["folder", "address"])
def test_open_results_is_lazy_and_holds_all_rows(results, place):
    opened = open_results(results if place == "folder" else f"file://{results}")
    assert isinstance(opened, ds.Dataset)
    pd.testing.assert_frame_equal(opened.to_table().to_pandas(), pd.read_parquet(results / "parts"))
    few = opened.to_table(columns=["record"], filter=ds.field("lead") == "V2")
    assert few["record"].to_pylist() == [f"r{seed}" for seed in range(5)]


def test_duckdb_and_polars_take_it(results):
    duckdb, polars = pytest.importorskip("duckdb"), pytest.importorskip("polars")
    opened = open_results(results)
    with duckdb.connect() as connection:
        connection.register("results", opened)
        assert connection.sql("SELECT count(*) FROM results WHERE lead = 'I'").fetchall() == [(5,)]
    assert polars.scan_pyarrow_dataset(opened).filter(polars.col("lead") == "I").collect().height == 5


@pytest.mark.parametrize("rows", [1, 3, 1000])
def test_merged_parts_hold_the_same_rows_in_the_same_order(results, tmp_path, rows):
    result = CliRunner().invoke(main, ["merge", str(results), "--out", str(tmp_path / "one"), "--rows", str(rows)])
    assert result.exit_code == 0, result.output
    pd.testing.assert_frame_equal(pd.read_parquet(tmp_path / "one" / "parts"), pd.read_parquet(results / "parts"))
    said = pq.read_metadata(tmp_path / "one" / "parts" / "part-00000.parquet").metadata
    assert said[b"recordings"] == b"6"
    assert b"r9.npy" in said[b"errors"]
    assert said[b"ecgnoise"] == __version__.encode()


def test_what_cannot_be_opened_or_merged_is_one_line(results, tmp_path):
    with pytest.raises(UnreadableFileError, match="no parts of results"):
        open_results(tmp_path)
    with pytest.raises(OutputError, match="there is something in it"):
        merge_results(results, results)
    part = results / "parts" / "part-00000.parquet"
    table = pq.read_table(part)
    with pq.ParquetWriter(part, table.schema) as writer:
        writer.write_table(table)
        writer.add_key_value_metadata({"model": "another", "ecgnoise": __version__, "schema_version": "1"})
    with pytest.raises(OptionError, match="made with model another and "):
        merge_results(results, tmp_path / "one")
    assert not (tmp_path / "one").exists()
    part.write_bytes(b"PAR1")
    with pytest.raises(UnreadableFileError, match="no whole parts of results"):
        open_results(results)
