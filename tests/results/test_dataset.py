"""Folders of results as data sets."""

import pandas as pd
import pyarrow as pa
import pyarrow.dataset as ds
import pyarrow.parquet as pq
import pytest
from click.testing import CliRunner

from ecgnoise import ArchiveOptions, __version__, open_results, score_archive
from ecgnoise._internal.atomic import whole_files
from ecgnoise.batch.parts import SCHEMA_VERSION
from ecgnoise.batch.sources import Manifest
from ecgnoise.cli import main
from ecgnoise.errors import OptionError, OutputError, UnreadableFileError
from ecgnoise.quantifier import Quantifier
from ecgnoise.readers import find_recordings
from ecgnoise.results import merged
from ecgnoise.results.merged import merge_results
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


@pytest.mark.parametrize("place", ["folder", "address"])
def test_parts_that_are_being_written_are_left_out(results, place):
    before = open_results(results).count_rows()
    with whole_files(results / "parts" / "part-00009.parquet") as partial:
        partial.write_bytes(b"PAR1 half")
        assert open_results(results if place == "folder" else f"file://{results}").count_rows() == before


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


@pytest.fixture
def listed(tiny_model, tmp_path):
    """Results with columns of the list of recordings: a site of words, one of which needs quoting, and a year."""
    lines = ["path,site,year"]
    for seed, site in enumerate(["north", "süd/west", "north", "", "north"]):
        write_recording(simulate_ecg(10, 125, seed=seed, lead_names=["I", "V2"]), tmp_path / f"r{seed}.npz")
        lines.append(f"{tmp_path}/r{seed}.npz,{site},{2020 + seed % 2}")
    (tmp_path / "list.csv").write_text("\n".join(lines), encoding="utf-8")
    options = ArchiveOptions(model=str(tiny_model), threads=1, part_size=2)
    score_archive(Manifest(str(tmp_path / "list.csv")), tmp_path / "results", options)
    return tmp_path / "results"


@pytest.mark.parametrize("rows", [1, 1000])
def test_results_are_divided_by_columns_as_hive_has_them(listed, tmp_path, rows):
    command = [
        "merge",
        str(listed),
        "--out",
        str(tmp_path / "hive"),
        "--by",
        "site",
        "--by",
        "year",
        "--rows",
        str(rows),
    ]
    result = CliRunner().invoke(main, command)
    assert result.exit_code == 0, result.output
    files = sorted((tmp_path / "hive" / "parts").rglob("*.parquet"))
    assert {file.parent.relative_to(tmp_path / "hive" / "parts").as_posix() for file in files} == {
        "site=north/year=2020", "site=s%C3%BCd%2Fwest/year=2021", "site=__HIVE_DEFAULT_PARTITION__/year=2021",
    }  # fmt: skip
    before = open_results(listed).to_table().to_pandas()
    for place in (tmp_path / "hive", f"file://{tmp_path / 'hive'}"):
        after = open_results(place).to_table().to_pandas()
        order = after.sort_values(["path", "lead"]).reset_index(drop=True)
        pd.testing.assert_frame_equal(order, before.sort_values(["path", "lead"]).reset_index(drop=True))
    north = after[after["site"] == "north"].reset_index(drop=True)
    pd.testing.assert_frame_equal(north, before[before["site"] == "north"].reset_index(drop=True))
    said = [pq.read_metadata(file).metadata for file in files]
    assert sorted(one[b"recordings"] for one in said)[-1] == b"5"
    assert sum(int(one[b"recordings"]) for one in said) == 5


def test_an_empty_word_and_none_share_a_folder_and_lose_nothing(listed, tmp_path):
    part = next((listed / "parts").iterdir())
    table, said = pq.read_table(part), pq.read_metadata(part).metadata
    sites = pa.array(["", None] * (table.num_rows // 2), table.schema.field("site").type)
    table = table.set_column(table.schema.names.index("site"), "site", sites)
    with pq.ParquetWriter(part, table.schema) as writer:
        writer.write_table(table)
        writer.add_key_value_metadata({name: said[name.encode()] for name in ("model", "ecgnoise", "schema_version")})
    before = open_results(listed).count_rows()
    merge_results(listed, tmp_path / "hive", by=["site"])
    assert open_results(tmp_path / "hive").count_rows() == before


def test_duckdb_and_polars_read_the_folders(listed, tmp_path):
    duckdb, polars = pytest.importorskip("duckdb"), pytest.importorskip("polars")
    merge_results(listed, tmp_path / "hive", by=["site"])
    parts = tmp_path / "hive" / "parts"
    with duckdb.connect() as connection:
        files = f"read_parquet('{parts}/*/*.parquet', hive_partitioning=true)"
        assert connection.sql(f"SELECT count(*) FROM {files} WHERE site = 'north'").fetchall() == [(6,)]
    assert (
        polars.scan_parquet(parts, hive_partitioning=True).filter(polars.col("site") == "north").collect().height == 6
    )


def test_what_results_cannot_be_divided_by_is_one_line(listed, tmp_path, monkeypatch):
    with pytest.raises(
        OptionError,
        match="by place: the results have no such column: name another one, such as site, year, lead, grade",
    ):
        merge_results(listed, tmp_path / "hive", by=["place"])
    with pytest.raises(OptionError, match="by psnr_db: a column of double: name one of words"):
        merge_results(listed, tmp_path / "hive", by=["psnr_db"])
    monkeypatch.setattr(merged, "MOST_FOLDERS", 2)
    with pytest.raises(OptionError, match="by record: more than 2 values"):
        merge_results(listed, tmp_path / "hive", by=["record"])
    assert not (tmp_path / "hive").exists()


def test_a_disk_that_is_full_leaves_no_file_that_counts(listed, tmp_path, monkeypatch):
    write = pq.ParquetWriter.write_table

    def full(writer, table):
        if "süd/west" in table["site"].to_pylist():
            raise OSError(28, "No space left on device")
        write(writer, table)

    monkeypatch.setattr(pq.ParquetWriter, "write_table", full)
    with pytest.raises(OutputError, match="No space left on device"):
        merge_results(listed, tmp_path / "hive", by=["site"])
    assert not list((tmp_path / "hive").rglob("*"))


def test_merging_goes_on_where_it_was_killed(listed, tmp_path):
    (tmp_path / "hive" / "parts.unfinished").mkdir(parents=True)
    (tmp_path / "hive" / "parts.unfinished" / "part-00007.parquet").write_bytes(b"half")
    assert merge_results(listed, tmp_path / "hive") == 1
    assert [file.name for file in (tmp_path / "hive" / "parts").iterdir()] == ["part-00000.parquet"]
    assert [file.name for file in (tmp_path / "hive").iterdir()] == ["parts"]


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
