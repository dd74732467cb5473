"""The store of PTB-XL: the images that are scored, made once, whole whenever it is stopped."""

import csv
import os
import random
import shutil
import signal
import subprocess
import sys
import time
from collections import namedtuple
from pathlib import Path

import numpy as np
import pytest
from click.testing import CliRunner

import ecgnoise
from ecgnoise import Recording, simulate_ecg
from ecgnoise.cli import main
from ecgnoise.errors import OptionError, OutputError, StoreError, UnreadableFileError
from ecgnoise.ptbxl.labels import LEADS, NOISES, parse_labels
from ecgnoise.ptbxl.prepare import draw, prepare, read_leads
from ecgnoise.ptbxl.store import StoreDescription, create_store, open_store
from ecgnoise.readers import read
from ecgnoise.scalogram.profile import COLUMNS, DEFAULT, PAPER, PROFILES, qrs_level, relative_levels, to_image
from ecgnoise.scalogram.superlet import superlet
from ecgnoise.scoring.scorer import Scorer
from ecgnoise.writers import write_recording

pytest.importorskip("zarr", reason="needs the extra ptbxl")

RECORDS = 10
BAD = 4  # of which the first four records are
FLAT = 5
DESCRIPTION = StoreDescription(DEFAULT, "uint8", 500)


def write_database(folder, rows):
    columns = ("filename_hr", "filename_lr", "scp_codes", *NOISES, "strat_fold")
    with (folder / "ptbxl_database.csv").open("w", newline="") as file:
        table = csv.writer(file)
        table.writerow(columns)
        table.writerows(rows)


@pytest.fixture(scope="module")
def ptbxl(tmp_path_factory):
    """Ten simulated records: one absent, one truncated, one at 250 Hz, one with a damaged header; one flat lead."""
    folder = tmp_path_factory.mktemp("ptb-xl")
    rows = []
    for number in range(RECORDS):
        names = [f"records{rate}/00000/{number:05}_{suffix}" for rate, suffix in ((500, "hr"), (100, "lr"))]
        remarks = (" , I-III,", "", "alles", "") if number == 6 else ("", "", "", "")
        rows.append((*names, "{'NORM': 100.0, 'SR': 0.0}", *remarks, 1 + number))
        for rate, name in zip((250 if number == 2 else 500, 100), names, strict=True):
            header = folder / f"{name}.hea"
            header.parent.mkdir(parents=True, exist_ok=True)
            quiet = simulate_ecg(10, rate, seed=number).signal
            signal = quiet + 0.01 * np.random.default_rng(number).normal(size=quiet.shape)
            if number == FLAT:
                signal[7] = 0.3
            if number != 0:
                write_recording(Recording.from_array(signal, rate, lead_names=LEADS), header)
    samples = folder / "records500/00000/00001_hr.dat"
    samples.write_bytes(samples.read_bytes()[:5000])
    (folder / "records500/00000/00003_hr.hea").write_text("00003_hr 12 five hundred")
    write_database(folder, rows)
    return folder


@pytest.fixture(scope="module")
def index(ptbxl):
    return parse_labels(ptbxl / "ptbxl_database.csv").records


@pytest.fixture(scope="module")
def made(ptbxl, index, tmp_path_factory):
    """An uninterrupted run, and the store it made."""
    out = tmp_path_factory.mktemp("stores") / "store"
    return prepare(ptbxl, index, out, DESCRIPTION, jobs=2), open_store(out)


def good(number):
    return number >= BAD


def test_bad_records_are_listed_and_the_others_are_there(made):
    outcome, store = made
    assert (outcome.records, outcome.done, outcome.now) == (RECORDS, RECORDS - BAD, RECORDS - BAD)
    assert [name[-8:] for name in sorted(outcome.failed)] == ["00000_hr", "00001_hr", "00002_hr", "00003_hr"]
    reasons = [outcome.failed[name] for name in sorted(outcome.failed)]
    for reason, word in zip(
        reasons, ("no such file", "208 samples, not 5000", "250 Hz, not 500 Hz", "header"), strict=True
    ):
        assert word in reason
    assert store.done.tolist() == [good(number) for number in range(RECORDS)]
    with pytest.raises(StoreError, match="record 2 is not there"):
        store.images([5, 2])


def test_the_store_describes_itself(made, index, ptbxl):
    _, store = made
    assert store.profile == DEFAULT
    assert store.description == DESCRIPTION
    assert store.index == index
    assert store.index[6].baseline_drift == (0, 1, 2)
    assert store.array("images").chunks == (1, 12, DEFAULT.rows, COLUMNS)


class ImagesSeenError(Exception):
    """Carries the images that a scorer shows its network."""


class Spy:
    def reconstruct(self, scalograms):
        raise ImagesSeenError(scalograms)


def scored_images(profile, file):
    """What the scoring path shows a network of this record."""
    scorer = Scorer(profile, Spy(), None, None, 12)
    with pytest.raises(ImagesSeenError) as seen:
        scorer.score(read(file).pick(LEADS))
    return seen.value.args[0]


def test_images_are_those_that_are_scored(made, ptbxl):
    _, store = made
    scalograms = scored_images(DEFAULT, ptbxl / "records500/00000/00007_hr.hea")
    (image,) = store.images([7])
    assert image.dtype == np.float32
    assert np.abs(image - scalograms.images).max() <= 0.5 + 1e-4
    assert np.abs(store.qrs_level[7] - scalograms.reference).max() < 1e-6
    assert np.array_equal(store.images([9, 7])[1], image)


@pytest.mark.parametrize("profile", PROFILES.values(), ids=lambda profile: profile.name)
def test_both_dtypes_hold_the_scored_images(ptbxl, index, tmp_path, profile):
    """Rounded images exactly as 8 bit where the profile rounds; float16 within the grey level that it resolves."""
    file = ptbxl / "records100/00000/00004_lr.hea"
    scalograms = scored_images(profile, file)
    for dtype in ("uint8", "float16"):
        description = StoreDescription(profile, dtype, 100)
        store = create_store(tmp_path / dtype, description, index)
        quantity, qrs = draw(read_leads(file, 100), description, superlet(profile, 100))
        assert quantity.dtype == dtype
        store.array(description.quantity)[4] = quantity
        store.array("done")[4] = True
        (image,) = open_store(tmp_path / dtype).images([4])
        apart = np.abs(image - scalograms.images).max()
        exact = profile.discretize and dtype == "uint8"
        assert apart == 0 if exact else apart <= (1 if profile.discretize or dtype == "uint8" else 0.2)
        assert np.isfinite(qrs).all()


def test_a_flat_lead_is_black_and_has_no_qrs_level(made, ptbxl):
    _, store = made
    assert np.flatnonzero(np.isnan(store.qrs_level[FLAT])).tolist() == [7]
    (image,) = store.images([FLAT])
    assert image[7].max() == 0
    assert image[6].max() > 0


def test_another_run_draws_nothing_twice_and_takes_what_was_mended(made, ptbxl, index, tmp_path):
    _, store = made
    out, source = tmp_path / "store", tmp_path / "ptb-xl"
    shutil.copytree(store.path, out)
    shutil.copytree(ptbxl, source)
    mended = Recording.from_array(simulate_ecg(10, 500, seed=1).signal, 500, lead_names=LEADS)
    write_recording(mended, source / "records500/00000/00001_hr.hea")
    calls = []
    outcome = prepare(source, index, out, DESCRIPTION, jobs=1, progress=lambda *call: calls.append(call))
    assert outcome.now == 1
    assert calls[-1] == (3, 3)  # the absent record is not tried
    assert open_store(out).images([1]).max() > 100


@pytest.mark.parametrize(
    ("other", "said"),
    [
        (StoreDescription(PAPER, "uint8", 500), "profile name is default, asked for paper"),
        (StoreDescription(DEFAULT, "float16", 500), "dtype is uint8, asked for float16"),
        (StoreDescription(DEFAULT, "uint8", 100), "sampling_frequency is 500, asked for 100"),
    ],
)
def test_a_store_is_never_mixed(made, ptbxl, index, other, said):
    _, store = made
    with pytest.raises(StoreError, match=said):
        prepare(ptbxl, index, store.path, other)


def test_a_store_of_other_records_is_refused(made, ptbxl, index):
    _, store = made
    with pytest.raises(StoreError, match="index has 10 records, asked for 9, first difference in row 9"):
        prepare(ptbxl, index[:-1], store.path, DESCRIPTION)


def test_what_is_no_store_stays_as_it_is(ptbxl, index, tmp_path):
    (tmp_path / "thesis.txt").write_text("mine")
    with pytest.raises(StoreError, match="no store"):
        prepare(ptbxl, index, tmp_path, DESCRIPTION)
    assert [path.name for path in tmp_path.iterdir()] == ["thesis.txt"]
    with pytest.raises(StoreError, match="no such folder"):
        open_store(tmp_path / "absent")


def test_a_full_disk_is_an_error_before_anything_is_written(ptbxl, index, tmp_path, monkeypatch):
    usage = namedtuple("usage", "total used free")
    monkeypatch.setattr(shutil, "disk_usage", lambda place: usage(10**9, 10**9, 500_000))
    with pytest.raises(OutputError, match=r"9 records need up to 0.00 GB, 0.00 GB are free"):
        prepare(ptbxl, index, tmp_path / "store", DESCRIPTION)
    assert not list(tmp_path.iterdir())


def test_a_folder_without_records_is_an_error(index, tmp_path):
    with pytest.raises(UnreadableFileError, match="none of 10 records is there"):
        prepare(tmp_path, index, tmp_path / "store", DESCRIPTION)


def run_command(ptbxl, out):
    """The program in a process of its own, in a group that a signal can reach as a whole."""
    command = [sys.executable, "-m", "ecgnoise", "ptbxl", "prepare", str(ptbxl), "--out", str(out), "--jobs", "2"]
    environment = os.environ | {"PYTHONPATH": os.pathsep.join(sys.path)}
    return subprocess.Popen(
        command, env=environment, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, start_new_session=True
    )


def wait_for(condition):
    limit = time.monotonic() + 20
    while not condition() and time.monotonic() < limit:
        time.sleep(0.005)


def alive(group):
    try:
        os.killpg(group, 0)
    except ProcessLookupError:
        return False
    return True


@pytest.mark.slow
def test_a_disk_that_fills_up_is_one_line_and_nothing_half_written(made, ptbxl, tmp_path):
    """Every file that grows too large fails as on a full disk; with room again the same command ends whole."""
    resource = pytest.importorskip("resource", reason="limits on files are those of Unix")
    limit = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (30_000, limit[1]))
    try:
        full = run_command(ptbxl, tmp_path / "store")
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, limit)
    _, errors = full.communicate(timeout=60)
    assert full.returncode == 2
    assert len(errors.splitlines()) == 1
    assert "cannot be written" in errors
    assert "make room" in errors
    assert not open_store(tmp_path / "store").done.any()
    again = run_command(ptbxl, tmp_path / "store")
    again.communicate(timeout=60)
    _, whole = made
    store = open_store(tmp_path / "store")
    assert np.array_equal(store.done, whole.done)
    assert np.array_equal(store.images(np.flatnonzero(store.done)), whole.images(np.flatnonzero(whole.done)))


@pytest.fixture(scope="module")
def many(ptbxl, tmp_path_factory):
    """The good and bad records of ``ptbxl`` five times over, by headers that share their samples."""
    folder = tmp_path_factory.mktemp("many") / "ptb-xl"
    shutil.copytree(ptbxl, folder)
    rows = []
    for number in range(5 * RECORDS):
        name = f"records500/00000/{number:05}_hr"
        original = ptbxl / f"records500/00000/{number % RECORDS:05}_hr.hea"
        if original.is_file():
            shutil.copy(original, folder / f"{name}.hea")
        rows.append((name, "", "{'NORM': 100.0}", "", "", "", "", 1))
    write_database(folder, rows)
    return folder


@pytest.mark.slow
def test_a_run_that_is_killed_or_stopped_goes_on_to_the_same_store(made, many, tmp_path):
    """Killed at a random moment after the first marks, stopped with Ctrl-C, and run to its end."""
    _, whole = made
    out = tmp_path / "store"
    killed = run_command(many, out)
    wait_for(lambda: list(out.glob("done/c.*")) or killed.poll() is not None)
    time.sleep(random.random() / 10)
    killed.kill()
    killed.wait()
    wait_for(lambda: not alive(killed.pid))
    if alive(killed.pid):
        os.killpg(killed.pid, signal.SIGKILL)
        pytest.fail("processes outlive the one that started them")
    killed.communicate()
    done = np.flatnonzero(open_store(out).done)
    assert done.size
    assert np.array_equal(open_store(out).images(done), whole.images(done % RECORDS))

    stopped = run_command(many, out)
    drawn = len(list(out.glob("images/c.*")))
    wait_for(lambda: len(list(out.glob("images/c.*"))) > drawn or stopped.poll() is not None)
    os.killpg(stopped.pid, signal.SIGINT)
    output, errors = stopped.communicate(timeout=60)
    if stopped.returncode != 1:  # else it was faster than the signal
        assert stopped.returncode == 130, errors
        assert errors.splitlines() == ["Stopped: records that are done stay; the same command goes on."]
        assert output == ""

    last = run_command(many, out)
    output, errors = last.communicate(timeout=60)
    assert last.returncode == 1, errors
    assert f"{5 * (RECORDS - BAD)} of {5 * RECORDS} records" in output
    assert "records500/00000/00002_hr: " in errors
    store = open_store(out)
    every = np.arange(5 * RECORDS) % RECORDS
    assert np.array_equal(store.done, whole.done[every])
    assert np.array_equal(store.qrs_level, whole.qrs_level[every], equal_nan=True)
    there = np.flatnonzero(store.done)
    assert np.array_equal(store.images(there), whole.images(every[there]))
    assert not list(out.glob("*/*.partial"))
    assert len((out / "failed.csv").read_text().splitlines()) == 1 + 5 * BAD


def test_errors_of_the_command_are_one_line(made, ptbxl):
    _, store = made
    arguments = ["ptbxl", "prepare", str(ptbxl), "--out", str(store.path), "--profile", "paper", "--dtype", "float16"]
    done = CliRunner().invoke(main, arguments)
    assert done.exit_code == 2
    assert done.stderr.startswith(f"Error: {store.path}: dtype is uint8, asked for float16; profile name is default")
    assert len(done.stderr.splitlines()) == 1


def test_relative_levels_are_kept_before_the_floor(ptbxl):
    """As 16 bit, training can move the levels and then add the floor."""
    leads = read_leads(ptbxl / "records500/00000/00004_hr.hea", 500)
    transform = superlet(DEFAULT, 500)
    kept, reference = draw(leads, StoreDescription(DEFAULT, "float16", 500), transform)
    levels = transform(np.stack([lead.signal for lead in leads]))
    assert np.abs(reference - qrs_level(levels, DEFAULT)).max() < 1e-6
    assert kept.min() < np.log10(DEFAULT.floor) - 0.5
    image = to_image(relative_levels(kept.astype(np.float32), np.zeros(12, np.float32), DEFAULT.floor), DEFAULT)
    scored = to_image(relative_levels(levels, reference, DEFAULT.floor), DEFAULT)
    assert np.abs(image - scored).max() < 0.2


def test_real_records_of_ptbxl(data, tmp_path):
    folder = data / "ptb-xl"
    index = parse_labels(folder / "ptbxl_database.csv").records
    some = [record for record in index if Path(folder / f"{record.filename_hr}.hea").is_file()][:4]
    outcome = prepare(folder, some, tmp_path / "store", StoreDescription(PAPER, "uint8", 500), jobs=1)
    assert outcome.done == len(some)
    assert not outcome.failed
    scalograms = scored_images(PAPER, folder / f"{some[3].filename_hr}.hea")
    assert np.array_equal(open_store(tmp_path / "store").images([3])[0], scalograms.images)


@pytest.fixture
def part(ptbxl, tmp_path):
    """A part of PTB-XL: two good records of ten."""
    folder = tmp_path / "part"
    folder.mkdir()
    shutil.copy(ptbxl / "ptbxl_database.csv", folder)
    for number in (6, 7):
        for name in (f"records500/00000/{number:05}_hr", f"records100/00000/{number:05}_lr"):
            (folder / name).parent.mkdir(parents=True, exist_ok=True)
            for suffix in (".hea", ".dat"):
                shutil.copy(ptbxl / f"{name}{suffix}", folder / f"{name}{suffix}")
    return folder


def ptbxl_command(*arguments):
    return CliRunner().invoke(main, ["ptbxl", *map(str, arguments)], prog_name="ecgnoise")


def test_a_part_of_ptbxl_is_no_list_of_failures(part, tmp_path):
    out = tmp_path / "store"
    asked = ptbxl_command("prepare", part, "--out", out, "--jobs", 1, "--existing-only")
    assert asked.exit_code == 0, asked.output
    assert asked.stdout == f"{out}: 2 of 10 records, 2 of them drawn now\n"
    assert f"8 of 10 records are not in {part}: left out" in asked.stderr.splitlines()
    assert "no such file" not in asked.stderr
    assert not (out / "failed.csv").exists()
    again = ptbxl_command("prepare", part, "--out", out, "--jobs", 1)
    assert again.exit_code == 1
    absent = [line for line in again.stderr.splitlines() if "--existing-only" in line]
    assert absent == [f"8 of 10 records are not in {part}: fetch them, or pass --existing-only"]
    assert "no such file" not in again.stderr
    assert len((out / "failed.csv").read_text().splitlines()) == 9


def test_a_damaged_record_counts_among_existing_ones(part, tmp_path):
    (part / "records500/00000/00007_hr.dat").unlink()
    done = ptbxl_command("prepare", part, "--out", tmp_path / "store", "--jobs", 1, "--existing-only")
    assert done.exit_code == 1
    assert "1 records cannot be drawn:" in done.stderr.splitlines()
    assert len((tmp_path / "store" / "failed.csv").read_text().splitlines()) == 2


def test_lists_of_a_part_have_its_records_only(part, tmp_path):
    done = ptbxl_command("index", part, "--out", tmp_path / "all")
    assert (done.exit_code, f"wrote {tmp_path / 'all' / 'labels.csv'}: 10 records" in done.stdout) == (0, True)
    done = ptbxl_command("index", part, "--out", tmp_path / "some", "--existing-only")
    assert done.exit_code == 0, done.output
    assert f"wrote {tmp_path / 'some' / 'labels.csv'}: 2 records" in done.stdout
    assert f"8 of 10 records are not in {part}: left out" in done.stderr.splitlines()
    with (tmp_path / "some" / "all.csv").open(newline="") as rows:
        assert {row["filename_hr"][-8:] for row in csv.DictReader(rows)} == {"00006_hr", "00007_hr"}


@pytest.mark.slow
@pytest.mark.filterwarnings("ignore::pytest.PytestUnraisableExceptionWarning")  # Dask's own event loops
@pytest.mark.filterwarnings("ignore::ResourceWarning")
def test_a_cluster_makes_the_same_store(ptbxl, index, made, tmp_path, monkeypatch):
    """On workers; what they cannot do is said, and ends the run."""
    pytest.importorskip("distributed", reason="needs the extra cluster")
    from ecgnoise.batch import cluster

    monkeypatch.setenv("PYTHONPATH", str(Path(ecgnoise.__file__).parents[1]))
    monkeypatch.setattr(cluster, "CALLS_A_TASK", 3)
    told, tried = [], []
    run = cluster.calls_on("local:2", "store", told.append)
    out = tmp_path / "store"
    outcome = prepare(ptbxl, index, out, DESCRIPTION, run=run, progress=lambda *call: tried.append(call))
    whole, store = made
    assert outcome == whole
    assert told[0].startswith("cluster tcp://127.0.0.1:")
    assert tried[-1][0] == tried[-1][1] == len(tried)
    files = [file.relative_to(store.path) for file in sorted(store.path.rglob("*")) if file.is_file()]
    assert files == [file.relative_to(out) for file in sorted(out.rglob("*")) if file.is_file()]
    for file in files:
        assert (out / file).read_bytes() == (store.path / file).read_bytes(), file
    monkeypatch.setattr(cluster, "CONNECT_SECONDS", 0.5)
    with pytest.raises(OptionError, match="no scheduler answers there"):
        prepare(ptbxl, index, out, DESCRIPTION, run=cluster.calls_on("tcp://127.0.0.1:9", "store"))


def test_a_cluster_and_jobs_are_not_for_one_run(ptbxl, tmp_path):
    arguments = ["ptbxl", "prepare", str(ptbxl), "--out", str(tmp_path / "store"), "--cluster"]
    for more, said in ((["local:2", "--jobs", "2"], "pass --jobs or --cluster"), (["nonsense"], "none of local:4")):
        done = CliRunner().invoke(main, [*arguments, *more], prog_name="ecgnoise")
        assert done.exit_code == 2
        assert said in done.stderr.splitlines()[-1]
