"""Reports: one page that says what the results say, whatever they are called, and needs nothing else."""

import json
import re
import shutil
from html.parser import HTMLParser
from itertools import pairwise

import numpy as np
import pytest
from click.testing import CliRunner

from browser import needs_browser, open_browser, open_page, violations
from ecgnoise import Quantifier, Recording, find_recordings, score_files, simulate_ecg, write_recording, write_report
from ecgnoise.cli import main
from ecgnoise.errors import MissingFileError, OutputError, UnreadableFileError
from ecgnoise.report.tally import KEPT_VALUES, STATES, Tally, Thinned
from ecgnoise.results.grades import GRADES
from ecgnoise.results.lead_remark import SWAPPED, LeadRemark
from ecgnoise.results.tables import write_table
from ecgnoise.simulate import NoiseKind, add_noise
from results_by_hand import changed, graded

TAGS_WITHOUT_END = {"meta", "input", "br", "link", "rect", "path"}


class Page(HTMLParser):
    """The texts of a page by the tags they are in, headings, tables, and what it would load."""

    def __init__(self, text):
        super().__init__()
        self.open, self.headings, self.tables, self.loads, self.words = [], [], [], [], ""
        self.feed(text)
        self.close()

    def handle_starttag(self, tag, attributes):
        values = dict(attributes)
        self.loads += [values[name] for name in ("src", "href", "data", "action") if values.get(name)]
        if tag in TAGS_WITHOUT_END:
            return
        self.open.append(tag)
        if tag in {"h1", "h2", "h3"}:
            self.headings.append((tag, ""))
        elif tag == "table":
            self.tables.append([])
        elif tag == "tr":
            self.tables[-1].append([])
        elif tag in {"td", "th"}:
            self.tables[-1][-1].append("")

    def handle_startendtag(self, tag, attributes):
        assert tag in TAGS_WITHOUT_END

    def handle_endtag(self, tag):
        assert self.open.pop() == tag

    def handle_data(self, data):
        if self.open and self.open[-1] in {"script", "style"}:
            return
        self.words += data
        if self.open and self.open[-1] in {"h1", "h2", "h3"}:
            self.headings[-1] = (self.open[-1], self.headings[-1][1] + data)
        if "table" in self.open and "caption" not in self.open and self.tables[-1] and self.tables[-1][-1]:
            self.tables[-1][-1][-1] += data.strip() if "title" not in self.open else ""


def page_of(results, tmp_path, **settings):
    out = tmp_path / "report.html"
    left = write_report(results, out, **settings)
    text = out.read_text(encoding="utf-8")
    return text, Page(text), left


@pytest.fixture(scope="module")
def archive(tmp_path_factory):
    """Recordings with noise, one that is flat, one that is damaged; and what ecgnoise archive makes of them."""
    folder = tmp_path_factory.mktemp("archive")
    (folder / "recordings").mkdir()
    for number, snr in enumerate((30.0, 10.0, 0.0, -12.0)):
        clean = simulate_ecg(10, 250, seed=number, lead_names=("I", "II"))
        write_recording(add_noise(clean, NoiseKind.MUSCLE, snr, leads=["II"]), folder / "recordings" / f"r{number}.hea")
    flat = np.zeros((2, 2500), np.float32)
    write_recording(Recording.from_array(flat, 250, lead_names=("I", "II")), folder / "recordings" / "flat.hea")
    (folder / "recordings" / "bad.npz").write_bytes(b"PK\x03\x04 cut off")
    done = CliRunner().invoke(
        main, ["archive", str(folder / "recordings"), "--out", str(folder / "results"), "--quiet"]
    )
    assert done.exit_code == 1
    return folder


def test_numbers_are_those_of_the_results(tmp_path, archive):
    results = [
        entry.outcome
        for entry in score_files(find_recordings([archive / "recordings"]), Quantifier(threads=1))
        if hasattr(entry.outcome, "psnr")
    ]
    text, page, left = page_of(archive / "results", tmp_path)
    assert left == []
    assert f"{np.mean([result.analysable.mean() for result in results]):.1f} %" in page.words
    grades = {row[0]: int(row[1]) for row in page.tables[0][1:]}
    counted = [sum(int((result.grade == state).sum()) for result in results) for state in (*GRADES, "")]
    assert list(grades.values()) == counted
    assert list(grades) == list(STATES)
    leads = {row[0]: float(row[2]) for row in page.tables[1][1:]}
    for lead, name in enumerate(("I", "II")):
        assert leads[name] == pytest.approx(np.mean([result.analysable[lead] for result in results]), abs=0.05)
    rows = json.loads(re.search(r'id="rows">(.*?)</script>', text, re.DOTALL).group(1))
    assert [row[0] for row in rows][:1] == ["flat"]
    by_name = {result.record: result for result in results}
    for name, analysable, worst_lead, worst, *_ in rows:
        assert analysable == pytest.approx(by_name[name].analysable.mean(), abs=0.05)
        assert worst == pytest.approx(by_name[name].analysable.min(), abs=0.05)
        assert by_name[name].analysable[by_name[name].lead_names.index(worst_lead)] == by_name[name].analysable.min()
    assert str(results[0].model) in page.words
    assert "bad: " in page.words
    assert "flat" in [row[0] for row in page.tables[3][1:]]


def test_the_noisiest_come_first_with_their_pictures(tmp_path, archive):
    text, page, _ = page_of(archive / "results", tmp_path)
    names = [words for tag, words in page.headings if tag == "h3"]
    assert names[0] == "r3"
    assert "flat" not in names
    assert text.count('class="strip"') == len(names)
    assert re.search(r"<title>Lead II, 0 to 10 s: [^<]*unusable", text)


def test_headings_go_down_a_step_at_a_time(tmp_path, archive):
    _, page, _ = page_of(archive / "results", tmp_path)
    levels = [int(tag[1]) for tag, _ in page.headings]
    assert levels[0] == 1
    assert levels.count(1) == 1
    assert all(after - before <= 1 for before, after in pairwise(levels))


def test_nothing_is_loaded_from_elsewhere(tmp_path, archive):
    text, page, _ = page_of(archive / "results", tmp_path)
    assert page.loads == []
    assert not re.findall(r"https?://|url\((?!#)|@import", text)


def test_names_are_texts_and_nothing_else(tmp_path):
    name = "</script><script>alert(1)</script><b>\"'&\u2028"
    result = changed(graded(["gu", "uf"], lead_names=(name, "导联")), source=f"/f/{name.replace('/', '')}.hea")
    result = changed(result, lead_remarks=(LeadRemark((name, "导联"), SWAPPED),))
    text, page, left = page_of([result], tmp_path)
    assert "alert(1)</script>" not in text
    assert '<b>"' not in text
    assert text.count("<script") == 2
    assert json.loads(re.search(r'id="rows">(.*?)</script>', text, re.DOTALL).group(1))[0][2] in {name, "导联"}
    assert "导联" in page.words
    assert len(left) == 1


def test_what_cannot_be_read_any_more_is_said_in_its_place(tmp_path, archive):
    shutil.copytree(archive, tmp_path / "moved")
    (tmp_path / "moved" / "recordings" / "r3.dat").unlink()
    table = tmp_path / "t.csv"
    files = find_recordings([archive / "recordings"])
    rows = [
        row
        for entry in score_files([file for file in files if file.suffix == ".hea"], Quantifier(threads=1))
        for row in changed(entry.outcome, source=entry.outcome.source.replace(str(archive), "/elsewhere")).rows()
    ]
    write_table(rows, table)
    _, page, left = page_of(table, tmp_path)
    assert {entry.record for entry in left} == {"r0", "r1", "r2", "r3"}
    assert page.words.count("pass its folder with --recordings") == 4
    text, page, left = page_of(table, tmp_path, recordings=tmp_path / "moved")
    assert [entry.record for entry in left] == ["r3"]
    assert text.count('class="strip"') == 3


def test_another_recording_in_the_place_is_not_drawn(tmp_path):
    path = tmp_path / "a.hea"
    write_recording(add_noise(simulate_ecg(10, 250, lead_names=("I",)), NoiseKind.MUSCLE, -12.0), path)
    (entry,) = score_files([path], Quantifier(threads=1))
    write_recording(simulate_ecg(20, 250, lead_names=("I",)), path)
    _, _, left = page_of([entry.outcome], tmp_path)
    assert "pass the recording that was scored" in left[0].reason


def test_a_recording_that_only_the_caller_described_is_drawn(tmp_path):
    noisy = add_noise(simulate_ecg(10, 250, lead_names=("I", "II")), NoiseKind.MUSCLE, -12.0)
    np.savetxt(tmp_path / "bare.csv", noisy.signal.T * 1000, delimiter=",")
    out = tmp_path / "report.html"
    arguments = ["report", tmp_path / "bare.csv", "--out", out, "--sampling-frequency", 250, "--units", "uV"]
    done = CliRunner().invoke(main, [*map(str, arguments), "--leads", "I,II"])
    assert (done.exit_code, done.stdout, done.stderr) == (0, f"wrote {out}\n", "")
    text = out.read_text()
    assert text.count('class="strip"') == 1
    assert "(unknown unit) from foot to head" in text


@pytest.mark.parametrize(
    ("make", "error", "message"),
    [
        (lambda folder: folder / "absent", MissingFileError, "no such table or folder of results"),
        (lambda folder: folder, UnreadableFileError, "no parts of results"),
        (lambda folder: [], UnreadableFileError, "no results in it: score recordings first"),
    ],
)
def test_what_is_no_results_is_one_line(tmp_path, make, error, message):
    (tmp_path / "empty").mkdir()
    with pytest.raises(error, match=message):
        write_report(make(tmp_path / "empty"), tmp_path / "r.html")
    assert not (tmp_path / "r.html").exists()


def test_the_program_names_what_it_cannot_do(tmp_path, archive):
    runner = CliRunner()
    for arguments, message in (
        ([archive / "results", "--out", tmp_path / "r.pdf"], "suffix '.pdf' is not .html"),
        ([archive / "results", "--out", tmp_path / "no" / "r.html"], "cannot be written"),
        ([archive, "--out", tmp_path / "r.html"], "no parts of results"),
        ([archive / "recordings" / "bad.npz", "--out", tmp_path / "r.html"], "bad.npz"),
    ):
        done = runner.invoke(main, ["report", *map(str, arguments)])
        assert done.exit_code == 2
        assert len(done.stderr.splitlines()) == 1
        assert message in done.stderr
    assert not (tmp_path / "r.html").exists()


def test_another_suffix_is_refused(tmp_path):
    with pytest.raises(OutputError, match=r"suffix '.txt' is not .html"):
        write_report([graded(["g"])], tmp_path / "a.txt")


def many(count):
    """Results of so many recordings of twelve leads."""
    rng = np.random.default_rng(0)
    for number in range(count):
        letters = rng.choice(list("gfpu-"), size=(6, 3), p=(0.6, 0.2, 0.1, 0.05, 0.05))
        yield changed(graded(["".join(row) for row in letters]), source=f"/archive/folder/recording-{number:06d}.hea")


@pytest.mark.slow
def test_ten_thousand_recordings_are_a_small_page(tmp_path):
    text, page, left = page_of(list(many(10_000)), tmp_path)
    assert len(text.encode()) < 5_000_000
    assert len(page.tables[-1]) == 101
    assert len(left) == 25


def test_what_is_counted_does_not_depend_on_the_order():
    results = list(many(60))
    one, other = Tally(), Tally()
    for result in results:
        one.add(result)
    for result in reversed(results):
        other.add(result)
    assert one.states == other.states
    assert one.analysable == pytest.approx(other.analysable)
    assert [row.record for row in one.worst()][:3] == [row.record for row in other.worst()][:3]
    assert one.histogram() == other.histogram()
    assert sum(one.histogram()) == 60
    assert not {row.number for row in one.worst()} & {row.number for row in one.typical()}


def test_medians_of_very_many_values_need_little_memory():
    kept = Thinned()
    rng = np.random.default_rng(1)
    for _ in range(100):
        kept.add(rng.normal(10, 2, size=2_000).tolist())
    assert len(kept.values) <= KEPT_VALUES + 2_000
    assert kept.median == pytest.approx(10, abs=0.05)


@pytest.fixture(scope="module")
def address(tmp_path_factory, archive):
    out = tmp_path_factory.mktemp("page") / "report.html"
    results = [*many(250)]
    write_report(results, out)
    return f"file://{out}"


@pytest.fixture(scope="module")
def browser():
    with open_browser() as opened:
        yield opened


@needs_browser
def test_the_table_is_sorted_filtered_and_paged(browser, address):
    with open_page(browser, address) as page:
        rows = page.locator("#table tbody tr")
        assert rows.count() == 100
        assert page.locator("#where").inner_text() == "page 1 of 3"
        page.locator("#on").click()
        page.locator("#on").press("Enter")
        assert rows.count() == 50
        page.get_by_role("button", name="recording", exact=True).press("Enter")
        assert rows.nth(0).locator("td").nth(0).inner_text() == "recording-000000"
        page.get_by_role("button", name="recording", exact=True).click()
        assert rows.nth(0).locator("td").nth(0).inner_text() == "recording-000249"
        assert page.get_by_role("columnheader", name="recording", exact=True).get_attribute("aria-sort") == "descending"
        page.get_by_label("Show recordings with").fill("00012")
        assert rows.count() == 11  # 000012 and 000120 to 000129
        assert page.locator("#count").inner_text() == "11 of 250 recordings"
        page.get_by_label("Show recordings with").fill("")
        page.get_by_label("analysable at most").fill("50")
        shares = [float(rows.nth(number).locator("td").nth(1).inner_text()) for number in range(rows.count())]
        assert shares
        assert max(shares) <= 50


@needs_browser
@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_the_page_is_accessible(browser, archive, tmp_path, scheme):
    write_report(archive / "results", tmp_path / "r.html")
    with open_page(browser, f"file://{tmp_path}/r.html", color_scheme=scheme) as page:
        assert violations(page) == []


@needs_browser
def test_it_prints_on_pages(browser, archive, tmp_path):
    write_report(archive / "results", tmp_path / "r.html")
    with open_page(browser, f"file://{tmp_path}/r.html", color_scheme="dark") as page:
        page.emulate_media(media="print")
        assert page.evaluate("getComputedStyle(document.body).backgroundColor") == "rgb(255, 255, 255)"
        assert not page.locator("#controls").is_visible()
        content = page.pdf(prefer_css_page_size=True)
    assert content.startswith(b"%PDF")
    assert 2 <= len(re.findall(rb"/Type\s*/Page\b", content)) <= 12


@needs_browser
def test_without_scripts_there_is_a_table_too(browser, address):
    with open_page(browser, address, java_script_enabled=False) as page:
        assert page.locator("#table tbody tr").count() == 100
        assert page.get_by_text("The first 100; the others need scripts.").is_visible()
