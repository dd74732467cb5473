"""Noise labels of PTB-XL and the lists of leads made of them."""

import csv
import gzip
from dataclasses import replace

import pytest
from click.testing import CliRunner
from hypothesis import given
from hypothesis import strategies as st

from ecgnoise.cli import main
from ecgnoise.errors import EcgNoiseError, OutputError, UnknownFormatError, UnreadableFileError
from ecgnoise.ptbxl.index import all_leads, evaluation_leads, index_sheet, read_index, training_leads
from ecgnoise.ptbxl.labels import (
    DATABASE_COLUMNS,
    LEADS,
    NOISES,
    label_sheet,
    parse_labels,
    parse_remark,
    read_labels,
)
from ecgnoise.ptbxl.rows import Sheet, write_sheets

EVERY = tuple(range(12))
DESCRIPTIONS = ("leicht", "mittel", "stark", "starke drift", "noise", "noisy recording", "stufen", "Abl.")
# Only in the table of PTB-XL 1.0.1; all have a wording that other records have too, or none.
REMOVED_SINCE = {
    *(137, 139, 140, 141, 142, 143, 145, 456, 458, 459, 461, 462, 2506, 2511, 3795, 3798, 3800, 3801, 3832, 5817),
    *(7777, 7779, 7782, 9821, 9825, 9888, 11810, 11814, 11815, 11817, 11838, 13791, 13793, 13796, 13797, 13799),
    *(15742, 18150),
}


@pytest.mark.parametrize(
    ("text", "leads"),
    [
        ("", ()),
        (" ,  ", ()),
        (" , I-AVR,  ", (0, 1, 2, 3)),
        (" , I --AVL,  ", (0, 1, 2, 3, 4)),
        (" , II, V1 - V6", (1, 6, 7, 8, 9, 10, 11)),
        (" , I,II,AVR,AVL.AVF;V1,  ", (0, 1, 3, 4, 5, 6)),
        ("v1, 3,  ", (6, 8)),
        (" , 2", (7,)),
        (" , V 4", (9,)),
        (" , V1V6", (6, 11)),
        ("V3, V1", (6, 8)),
        ("V2, V2", (7, 7)),
        ("V5, II-AVF,V5", (1, 2, 3, 4, 5, 10, 10)),
        ("aVL???", (4,)),
        (" , V5 stark!", (10,)),
        (" , mittel I,  ", (0,)),
        (" , I-AVF, noisy recording,", (0, 1, 2, 3, 4, 5)),
        (" , starke drift", EVERY),
        (" , noisy recording,", EVERY),
        ("alle Abl.", EVERY),
        ("alle, I,II", EVERY),
        (" , Alles,  ", EVERY),
        ("Elektroden vertauscht???", EVERY),
        ("Kontaktprobleme aVL ???", EVERY),
    ],
)
def test_wordings_of_the_table(text, leads):
    remark = parse_remark(text)
    assert remark.leads == leads
    assert remark.unknown == remark.unread == ()


@pytest.mark.parametrize(
    ("text", "leads", "unread"),
    [
        ("v1-6", (), ("v1-6",)),
        ("v3, v1-6", (8,), ("v1-6",)),
        ("I-ALF", (), ("i-alf",)),
        (" , I-V!,V5,V6", (10, 11), ("i-v",)),
        ("I,II,AVL-AVR", (0, 1), ("avl-avr",)),
        (" , v1-2, i-ii", (0, 1), ("v1-2",)),
        (" , avl-iii, Stark", EVERY, ("avl-iii",)),
    ],
)
def test_range_that_cannot_be_read_marks_nothing_and_is_named(text, leads, unread):
    remark = parse_remark(text)
    assert (remark.leads, remark.unread, remark.unknown) == (leads, unread, ())


@pytest.mark.parametrize("word", ["V7", "napf", "pace", "V", "V&", "ja", "3ES", "V1x", "0", "x-V3", "all"])
@pytest.mark.parametrize("beside", ["{}", "V3,{}", "alles, {}", " , {} stark,  "])
def test_unknown_word_is_named(word, beside):
    assert parse_remark(beside.format(word)).unknown == (word.lower(),)


def case(name, upper):
    return "".join(letter.upper() if up else letter.lower() for letter, up in zip(name, upper, strict=False))


NAMES = st.builds(case, st.sampled_from(LEADS), st.lists(st.booleans(), min_size=3, max_size=3))
DASHES = st.sampled_from(["-", " - ", "--", " -", "- "])
ENDS = st.tuples(st.integers(0, 11), st.integers(0, 11)).map(sorted)
RANGES = st.builds(lambda ends, dash: LEADS[ends[0]] + dash + LEADS[ends[1]], ENDS, DASHES)
SEPARATORS = st.sampled_from([",", ", ", ";", ".", " , "])


def leads_in(part):
    """The leads of a name or range, found by another way than the parser's."""
    first, *_, last = part.upper().replace("-", " ").split() * 2
    return [name for name in LEADS if LEADS.index(first) <= LEADS.index(name) <= LEADS.index(last)]


@given(parts=st.lists(NAMES | RANGES, min_size=1, max_size=6), separator=SEPARATORS, data=st.data())
def test_leads_and_ranges_in_any_order_and_dress(parts, separator, data):
    expected = sorted(LEADS.index(name) for part in parts for name in leads_in(part))
    remark = parse_remark(f" , {separator.join(parts)},  ")
    assert remark.leads == tuple(expected)
    assert parse_remark(separator.join(data.draw(st.permutations(parts)))) == remark
    described = parse_remark(separator.join([*parts, data.draw(st.sampled_from(DESCRIPTIONS))]))
    assert described == remark
    assert parse_remark(separator.join([*parts, "alles"])).leads == EVERY


@given(st.text(max_size=30))
def test_any_text_is_read_or_named(text):
    remark = parse_remark(text)
    assert list(remark.leads) == sorted(remark.leads)
    assert set(remark.leads) <= set(EVERY)
    if not (remark.leads or remark.unknown or remark.unread):
        assert not any(letter.isalnum() for letter in text)


def row(number, fold, codes="{'NORM': 100.0, 'SR': 0.0}", **remarks):
    values = {"filename_hr": f"records500/{number:05}_hr", "filename_lr": f"records100/{number:05}_lr"}
    values |= {"scp_codes": codes, "strat_fold": str(fold), "age": "56.0"}
    return values | dict.fromkeys(NOISES, "") | remarks


ROWS = (
    row(1, 3, static_noise=" , I-AVF,  ", burst_noise="V1"),
    row(2, 9, codes="{'NORM': 80.0}"),
    row(3, 10, baseline_drift="V6, V6", electrodes_problems="v6????"),
    row(4, 1, burst_noise="pace"),
    row(5, 2, codes="{'ABNORM': 100.0}", baseline_drift=" , v1-6"),
)


@pytest.fixture
def database(tmp_path):
    """A folder with a small ptbxl_database.csv."""
    return write_database(tmp_path / "ptb-xl", ROWS)


def write_database(folder, rows, columns=(*DATABASE_COLUMNS, "age")):
    folder.mkdir()
    with (folder / "ptbxl_database.csv").open("w", newline="", encoding="utf-8") as file:
        table = csv.DictWriter(file, columns, extrasaction="ignore")
        table.writeheader()
        table.writerows(rows)
    return folder / "ptbxl_database.csv"


def test_labels_of_records(database):
    labels = parse_labels(database)
    first, second, third, fifth = labels.records
    assert first.static_noise == (0, 1, 2, 3, 4, 5)
    assert first.burst_noise == (6,)
    assert first.clean == (7, 8, 9, 10, 11)
    assert (first.filename_lr, first.strat_fold) == ("records100/00001_lr", 3)
    assert second.clean == fifth.clean == EVERY
    assert second.scp_codes == {"NORM": 80.0}
    assert third.noises(11) == ("baseline_drift", "electrodes_problems")
    (dropped,) = labels.dropped
    assert (dropped.filename_hr, dropped.column, dropped.text) == ("records500/00004_hr", "burst_noise", "pace")
    (unread,) = labels.unread
    assert (unread.filename_hr, unread.text, unread.words) == ("records500/00005_hr", "v1-6", ("v1-6",))


def leads_by_record(rows):
    found = {}
    for lead_row in rows:
        found.setdefault(int(lead_row.filename_hr[-5 - 3 : -3]), []).append(lead_row.lead)
    return found


def test_lists_of_leads(database):
    records = parse_labels(database).records
    clean = [7, 8, 9, 10, 11]
    every = list(EVERY)
    assert leads_by_record(training_leads(records)) == {1: clean, 2: every, 5: every}
    assert leads_by_record(training_leads(records, norm_only=True)) == {1: clean}
    assert leads_by_record(evaluation_leads(records)) == {1: [0, 1, 2, 3, 4, 5, 6], 3: every}
    assert leads_by_record(all_leads(records)) == {1: every, 2: every, 3: every, 5: every}
    last = list(evaluation_leads(records))[-1]
    assert last == ("records500/00003_hr", 11, 10, ("baseline_drift", "electrodes_problems"))
    assert all(lead_row.labels == ("clean",) for lead_row in training_leads(records))


def test_one_record_is_not_trained_on_as_published(database):
    """The published training list leaves it out; it is evaluated like the others."""
    first, *_ = parse_labels(database).records
    named, other = (replace(first, filename_hr=f"records500/12000/{number}_hr") for number in (12722, 12723))
    assert not list(training_leads([named]))
    assert [row.lead for row in training_leads([other])] == [7, 8, 9, 10, 11]
    assert [row.lead for row in evaluation_leads([named])] == [0, 1, 2, 3, 4, 5, 6]
    assert len(list(all_leads([named]))) == 12


def test_tables_are_read_back(database, tmp_path):
    records = parse_labels(database).records
    labels, index = tmp_path / "new" / "labels.csv", tmp_path / "new" / "all.csv"
    write_sheets({labels: label_sheet(records), index: index_sheet(all_leads(records))})
    assert read_labels(labels) == records
    assert read_index(index) == tuple(all_leads(records))


def test_tables_are_written_whole_or_not_at_all(tmp_path):
    def stopped():
        yield (1,)
        raise KeyboardInterrupt

    old = tmp_path / "a.csv"
    old.write_text("old\n")
    with pytest.raises(KeyboardInterrupt):
        write_sheets({old: Sheet(("x",), [(1,)]), tmp_path / "b.csv": Sheet(("x",), stopped())})
    assert [path.name for path in tmp_path.iterdir()] == ["a.csv"]
    assert old.read_text() == "old\n"


def test_labels_are_those_of_the_published_program(data, reference, tmp_path):
    """Labels by the published program, commit 04f0efb82bd5, on the table of PTB-XL 1.0.3."""
    database, packed = data / "ptb-xl" / "ptbxl_database.csv", reference / "noise_labels_all_records.csv.gz"
    if not (database.exists() and packed.exists()):
        pytest.skip("needs ptb-xl/ptbxl_database.csv and noise_labels_all_records.csv.gz")
    unpacked = tmp_path / "reference.csv"
    unpacked.write_bytes(gzip.decompress(packed.read_bytes()))
    # The diagnoses of 12 records differ between the versions of PTB-XL.
    published = {record.filename_hr: replace(record, scp_codes={}) for record in read_labels(unpacked)}
    labels = parse_labels(database)
    ours = {record.filename_hr: replace(record, filename_lr=None, scp_codes={}) for record in labels.records}
    assert len(published) == 21791
    assert {name: ours[name] for name in published} == published
    assert {int(name[-8:-3]) for name in ours.keys() - published.keys()} <= REMOVED_SINCE
    words = {int(wording.filename_hr[-8:-3]): wording.words for wording in labels.dropped}
    assert words == {
        **{3291: ("v7",), 6664: ("napf",), 8543: ("pace",), 10367: ("v",), 11478: ("v&",)},
        **{12742: ("ja",), 12765: ("3es",), 13803: ("v&",)},
    }


BAD = {
    "empty": (b"", UnreadableFileError, "empty"),
    "no records": (",".join(DATABASE_COLUMNS).encode() + b"\n", UnreadableFileError, "no records"),
    "no CSV": (b"\x89PNG\r\n\x1a\n\x00\x00\xff\xfe", UnreadableFileError, "not a CSV file"),
    "another table": (b"record,label\n1,N\n", UnknownFormatError, "filename_hr"),
    "missing column": (
        ",".join(name for name in DATABASE_COLUMNS if name != "burst_noise").encode() + b"\n",
        UnknownFormatError,
        "burst_noise",
    ),
}


@pytest.mark.parametrize("name", BAD)
def test_bad_file(name, tmp_path):
    content, error, word = BAD[name]
    file = tmp_path / "ptbxl_database.csv"
    file.write_bytes(content)
    with pytest.raises(error, match=word) as caught:
        parse_labels(file)
    assert str(file) in str(caught.value)
    assert "\n" not in str(caught.value)


def test_absent_file(tmp_path):
    with pytest.raises(UnreadableFileError, match="No such file"):
        parse_labels(tmp_path / "ptbxl_database.csv")


def test_table_cut_off_within_a_row(database):
    database.write_bytes(database.read_bytes()[:-30])
    with pytest.raises(UnreadableFileError, match="line 6"):
        parse_labels(database)


@pytest.mark.parametrize(
    "change",
    [{"strat_fold": "11"}, {"strat_fold": ""}, {"strat_fold": "True"}, {"filename_hr": ""}]
    + [{"scp_codes": text} for text in ("", "NORM", "['NORM']", "{'NORM': 'x'}", "{[]: 1}", "(" * 9999)],
    ids=str,
)
def test_value_that_cannot_be(change, tmp_path):
    with pytest.raises(UnreadableFileError, match="line 3"):
        parse_labels(write_database(tmp_path / "x", [ROWS[0], ROWS[1] | change]))


@pytest.mark.parametrize(
    ("old", "new"),
    [("[6]", "[12]"), ("[6]", "6"), ("[6]", "[0.5]"), ("[7, 8, 9", "[8, 9"), ("[7, 8, 9", "[6, 7, 8, 9")],
)
def test_label_table_that_cannot_be(database, tmp_path, old, new):
    file = tmp_path / "labels.csv"
    write_sheets({file: label_sheet(parse_labels(database).records)})
    text = file.read_text()
    assert old in text
    file.write_text(text.replace(old, new, 1))
    with pytest.raises(UnreadableFileError, match="line 2"):
        read_labels(file)


@pytest.mark.parametrize(
    "values", ["x,12,1,clean", "x,-1,1,clean", "x,0,0,clean", "x,0,1,", "x,0,1,clean static_noise"]
)
def test_index_that_cannot_be(tmp_path, values):
    file = tmp_path / "index.csv"
    file.write_text(f"filename_hr,lead,fold,labels\nx,0,1,clean\n{values}\n")
    with pytest.raises(EcgNoiseError, match="line 3"):
        read_index(file)


def run(*arguments):
    return CliRunner().invoke(main, ["ptbxl", *map(str, arguments)])


def test_command(database, tmp_path):
    out = tmp_path / "new" / "out"
    done = run("index", database.parent, "--out", out)
    assert done.exit_code == 0, done.stderr
    assert sorted(path.name for path in out.iterdir()) == ["all.csv", "evaluation.csv", "labels.csv", "training.csv"]
    records = read_labels(out / "labels.csv")
    assert records == parse_labels(database).records
    assert read_index(out / "training.csv") == tuple(training_leads(records))
    assert read_index(out / "evaluation.csv") == tuple(evaluation_leads(records))
    assert "labels.csv: 4 records" in done.stdout
    assert "evaluation.csv: 19 leads, 11 clean, 1 baseline_drift, 6 static_noise" in done.stdout
    assert "1 of 5 records are left out" in done.stderr
    assert "records500/00004_hr: burst_noise 'pace'" in done.stderr
    assert "v1-6 (1)" in done.stderr
    assert run("index", database.parent, "--out", out, "--norm-only").exit_code == 0
    assert read_index(out / "training-norm.csv") == tuple(training_leads(records, norm_only=True))


def test_command_says_nothing_of_wordings_where_all_are_known(tmp_path):
    database = write_database(tmp_path / "x", ROWS[:3])
    assert run("index", database.parent, "--out", tmp_path / "out").stderr == ""


def test_command_with_unusable_folders(database, tmp_path):
    for folder, out in ((tmp_path / "nowhere", tmp_path / "out"), (database.parent, database)):
        done = run("index", folder, "--out", out)
        assert done.exit_code == 2
        assert done.stderr.startswith("Error: ")
        assert done.stderr.count("\n") == 1
    with pytest.raises(OutputError):
        write_sheets({database / "x.csv": Sheet(("x",), [])})


def test_group_without_a_command_shows_its_help():
    done = run()
    assert done.exit_code == 0
    assert "index" in done.stdout
