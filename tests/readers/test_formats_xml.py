"""XML as it comes: long comments, other encodings, stray characters, and files made to do harm."""

import re
import time
import tracemalloc

import numpy as np
import pytest
from tests import format_makers as makers
from tests.format_makers import Ecg

from ecgnoise.errors import (
    SamplingFrequencyError,
    UnknownSamplingFrequencyError,
    UnknownUnitsError,
    UnreadableFileError,
)
from ecgnoise.readers import find_recordings, read
from ecgnoise.readers._shared.xml import root_name
from ecgnoise.simulate import simulate_ecg

MAKERS = [makers.hl7, makers.muse, makers.sierra, makers.mortara, makers.schiller, makers.cardiosoft]
ALL = [pytest.param(make, id=make.__name__) for make in MAKERS]
ROUNDING = 1.6e-3  # mV
BOM = "\ufeff"


@pytest.fixture(scope="module")
def ecg() -> Ecg:
    simulated = simulate_ecg(4, 250, seed=1, lead_names=("II", "V2"))
    return Ecg(simulated.signal.astype(np.float64))


def body(text: str) -> str:
    """An XML text without its declaration and type."""
    return re.sub(r"^<\?xml.*?\?>\s*(?:<!DOCTYPE.*?>\s*)?", "", text)


PROLOGUES = {
    "comment": "<!-- " + "x" * 5000 + " -->",
    "comment of 100 kB": '<?xml version="1.0" encoding="UTF-8"?><!-- ' + "x" * 100_000 + " -->\n",
    "comments": "<!--a-->\n" * 900,
    "comment that names others": "<!-- <restingecgdata> <AnnotatedECG> <RestingECG> <ECG> <html> -->",
    "instructions": '<?xml version="1.0"?><?xml-stylesheet type="text/xsl" href="x.xsl"?>\n<?pi ' + "y" * 6000 + "?>",
    "document type": '<!DOCTYPE r SYSTEM "r.dtd" [ <!ELEMENT r (a|b)*> <!-- ] --> ]>\n',
    "blanks": " \n\t" * 3000,
    "blanks before the declaration": '\n\n <?xml version="1.0" encoding="UTF-8"?>',
    "mark": BOM,
    "mark and declaration": BOM + '<?xml version="1.0" encoding="utf-8"?>',
    "declared as something else": '<?xml version="1.0" encoding="UTF-16"?>',
    "declared as nothing known": '<?xml version="1.0" encoding="x-unknown"?>',
    "control character first": "\x00\x1f",
}


@pytest.mark.parametrize("make", ALL)
@pytest.mark.parametrize("prologue", PROLOGUES.values(), ids=PROLOGUES)
def test_whatever_comes_before_the_root_element(make, prologue, tmp_path, ecg):
    path = make(tmp_path, ecg)
    expected = read(path)
    path.write_text(prologue + body(path.read_text()), encoding="utf-8")
    assert find_recordings([tmp_path]) == [path]
    recording = read(path)
    np.testing.assert_array_equal(recording.signal, expected.signal)
    assert recording.lead_names == expected.lead_names
    assert recording.start == expected.start


@pytest.mark.parametrize("make", ALL)
@pytest.mark.parametrize(
    "encoding", ["utf-16", "utf-16-le", "utf-16-be", "utf-8-sig", "iso-8859-1", "cp1252", "gb18030"]
)
def test_encodings(make, encoding, tmp_path, ecg):
    path = make(tmp_path, ecg)
    expected = read(path)
    declared = "utf-16" if encoding.startswith("utf-16") else encoding.removesuffix("-sig")
    letters = {"gb18030": "\u5fc3\u7535"}.get(encoding, "M\u00fcller")
    text = f'<?xml version="1.0" encoding="{declared}"?><!-- {letters} -->{body(path.read_text())}'
    path.write_bytes(text.encode(encoding))
    np.testing.assert_array_equal(read(path).signal, expected.signal)


@pytest.mark.parametrize("make", ALL)
def test_bytes_of_another_encoding_than_declared(make, tmp_path, ecg):
    path = make(tmp_path, ecg)
    expected = read(path)
    text = '<?xml version="1.0" encoding="UTF-8"?><!-- M\u00fcller -->' + body(path.read_text())
    path.write_bytes(text.encode("latin-1"))
    np.testing.assert_array_equal(read(path).signal, expected.signal)


@pytest.mark.parametrize("make", ALL)
@pytest.mark.parametrize("stray", ["\x01", "\x1b", "\x00", "\x0b", "\ufffe", "&#0;", "&#x1F;"])
def test_characters_that_xml_forbids_are_left_out_with_a_note(make, stray, tmp_path, ecg):
    path = make(tmp_path, ecg)
    expected = read(path)
    assert not any("forbids" in note for note in expected.notes)
    text = body(path.read_text())
    end = text.rindex("</")
    path.write_text(f"{text[:end]}<Remark>a{stray}b{stray}</Remark>{text[end:]}", encoding="utf-8")
    recording = read(path)
    np.testing.assert_array_equal(recording.signal, expected.signal)
    assert "left out of the XML: 2 characters that it forbids" in recording.notes
    assert recording.source == str(path)


@pytest.mark.parametrize("make", ALL)
def test_zero_bytes_at_the_end_are_left_out(make, tmp_path, ecg):
    path = make(tmp_path, ecg)
    expected = read(path)
    path.write_bytes(path.read_bytes() + bytes(300))
    np.testing.assert_array_equal(read(path).signal, expected.signal)


@pytest.mark.parametrize("make", ALL)
def test_what_cannot_be_mended_names_the_file_and_no_copy(make, tmp_path, ecg):
    path = make(tmp_path, ecg)
    text = path.read_text()
    path.write_text(text.replace("</", "<", 1) + "\x01")
    with pytest.raises(UnreadableFileError, match=r"r\.xml: not a whole .* file") as caught:
        read(path)
    assert "mended.xml" not in str(caught.value)
    assert "\n" not in str(caught.value)


LAUGHS = "<!DOCTYPE r [<!ENTITY a 'ha'>" + "".join(
    f"<!ENTITY {new} '{f'&{old};' * 10}'>" for old, new in zip("abcdefgh", "bcdefghi", strict=True)
)
BOMBS = {
    "entities": (LAUGHS + "]>", "<x>&i;</x>", "declares entities"),
    "one entity": ("<!DOCTYPE r [<!ENTITY a SYSTEM 'file:///etc/passwd'>]>", "<x>&a;</x>", "declares entities"),
    "large entity": (
        f"<!DOCTYPE r [<!ENTITY a '{'x' * 100_000}'>]>",
        "<x>" + "&a;" * 50_000 + "</x>",
        "declares entities",
    ),
    "deep": ("", "<a>" * 300_000 + "</a>" * 300_000, "200 deep"),
    "deep and not closed": ("", "<a>" * 300_000, "200 deep"),
    "elements": ("", "<a/>" * 4_000_000, "500000 elements"),
    "attributes": ("", "<a " + " ".join(f"n{number}=''" for number in range(600_000)) + "/>", "500000 attributes"),
}


@pytest.mark.parametrize("make", ALL)
@pytest.mark.parametrize("bomb", BOMBS)
def test_bombs_are_one_line_soon_and_small(make, bomb, tmp_path, ecg):
    path = make(tmp_path, Ecg(ecg.signal[:, :200], ecg.names))
    before, within, message = BOMBS[bomb]
    text = body(path.read_text())
    end = text.rindex("</")
    path.write_text(before + text[:end] + within + text[end:])
    begun = time.perf_counter()
    tracemalloc.start()
    try:
        with pytest.raises(UnreadableFileError, match=message) as caught:
            read(path)
        peak = tracemalloc.get_traced_memory()[1]
    finally:
        tracemalloc.stop()
    assert "\n" not in str(caught.value)
    assert peak < 10 * path.stat().st_size + (32 << 20)
    assert time.perf_counter() - begun < 10  # a fraction of a second on an idle machine


def test_a_file_with_many_elements_is_still_read(tmp_path, ecg):
    path = makers.hl7(tmp_path, ecg)
    expected = read(path)
    text = path.read_text()
    end = text.rindex("</")
    path.write_text(text[:end] + "<x y='1'/>" * 100_000 + text[end:])
    np.testing.assert_array_equal(read(path).signal, expected.signal)


@pytest.mark.parametrize(
    ("text", "name"),
    [
        ("<a>", "a"),
        ("<x:RestingECG xmlns:x='y'>", "RestingECG"),
        ("<!-- <b> --><a/>", "a"),
        ("<?xml version='1.0'?>", ""),
        ("<!-- not closed", ""),
        ("<!DOCTYPE a [ <!ELEMENT a", ""),
        ("<Resting", ""),
        ("plain text", None),
        ("", None),
        ("< 3", None),
    ],
)
def test_root_name(text, name):
    assert root_name(text.encode()) == name
    if text:
        assert root_name(text.encode("utf-16")) == name


def test_a_prefix_of_a_name_is_another_name(tmp_path):
    (tmp_path / "r.xml").write_text("<RestingECGMeasurements>1</RestingECGMeasurements>")
    assert find_recordings([tmp_path]) == []


# Mortara, Schiller, CardioSoft: what is their own


@pytest.mark.parametrize("make", [makers.mortara, makers.schiller, makers.cardiosoft])
def test_start_is_read(make, tmp_path, ecg):
    assert read(make(tmp_path, ecg)).start.isoformat() == "2021-02-24T08:30:15"


def changed(path, old, new):
    text = path.read_text()
    assert old in text
    path.write_text(text.replace(old, new))
    return path


def test_schiller_rate_with_a_strange_exponent_is_asked_for(tmp_path, ecg):
    path = changed(makers.schiller(tmp_path, ecg), "<exponent>1<", "<exponent>3<")
    with pytest.raises(UnknownSamplingFrequencyError, match="--sampling-frequency"):
        read(path)
    assert read(path, sampling_frequency=250).sampling_frequency == 250


def test_schiller_units_in_plain_text_are_asked_for(tmp_path, ecg):
    nested = f"<unitperbit>{makers.GAIN:g}</unitperbit><units>UV</units>"
    path = changed(makers.schiller(tmp_path, ecg), nested, f"{makers.GAIN:g}")
    with pytest.raises(UnknownUnitsError, match="--units"):
        read(path)
    np.testing.assert_allclose(read(path, units="uV").signal, ecg.signal, atol=ROUNDING)


def test_schiller_without_rhythm_names_what_there_is(tmp_path, ecg):
    path = changed(makers.schiller(tmp_path, ecg), "ECG_RHYTHMS", "ECG_OTHER")
    with pytest.raises(UnreadableFileError, match=r"without a rhythm \(ECG_AVERAGES, ECG_OTHER\)"):
        read(path)


def test_schiller_fewer_samples_than_announced(tmp_path, ecg):
    path = changed(makers.schiller(tmp_path, ecg), "<samplecount>1000<", "<samplecount>1001<")
    with pytest.raises(UnreadableFileError, match="1000 samples, 1001 announced"):
        read(path)


@pytest.mark.parametrize("make", [makers.schiller, makers.cardiosoft])
def test_an_empty_place_is_a_missing_sample_and_a_short_lead_is_told(make, tmp_path, ecg):
    path = make(tmp_path, ecg)
    expected = read(path).signal
    text = path.read_text()
    lead = ",".join(map(str, ecg.coded()[1].tolist()))
    cells = lead.split(",")
    cells[100] = ""
    text = re.sub(r"<samplecount>.*?</samplecount>|<ChannelSampleCountTotal>.*?</ChannelSampleCountTotal>", "", text)
    path.write_text(text.replace(lead, ",".join(cells[:-50])))
    recording = read(path)
    missing = np.isnan(recording.signal)
    assert not missing[0].any()
    assert np.flatnonzero(missing[1]).tolist() == [100, *range(950, 1000)]
    np.testing.assert_array_equal(recording.signal[~missing], expected[~missing])
    assert "shorter than the others, missing at the end: V2 (50 samples)" in recording.notes


@pytest.mark.parametrize("make", [makers.schiller, makers.cardiosoft])
def test_what_is_no_number_names_its_lead(make, tmp_path, ecg):
    path = make(tmp_path, ecg)
    lead = ",".join(map(str, ecg.coded()[1].tolist()))
    changed(path, lead, lead.replace(",", ",x", 1))
    with pytest.raises(UnreadableFileError, match=r"lead V2: could not convert"):
        read(path)


def test_cardiosoft_samples_that_are_not_valid_are_missing(tmp_path, ecg):
    path = makers.cardiosoft(tmp_path, ecg)
    expected = read(path).signal
    head, strip = path.read_text().split("<StripData>")
    valid = '<FirstValid units="Sample">10</FirstValid><LastValid units="Sample">993</LastValid>'
    path.write_text(f"{head}<StripData>{valid}{strip}")
    recording = read(path)
    assert np.isnan(recording.signal[:, [9, 994]]).all()
    np.testing.assert_array_equal(recording.signal[:, 10:994], expected[:, 10:994])
    assert "not valid by the file, missing at its ends: II (16 samples), V2 (16 samples)" in recording.notes


def test_cardiosoft_without_strips_names_what_there_is(tmp_path, ecg):
    path = makers.cardiosoft(tmp_path, ecg)
    path.write_text(re.sub("<StripData>.*</StripData>", "<FullDisclosure/>", path.read_text(), flags=re.DOTALL))
    with pytest.raises(UnreadableFileError, match=r"without StripData \(FullDisclosure, MedianSamples\)"):
        read(path)


def test_mortara_takes_no_other_ecg_element(tmp_path):
    (tmp_path / "r.xml").write_text("<ECG><value>1</value></ECG>")
    assert find_recordings([tmp_path]) == []


def test_a_muse_lead_with_a_time_offset_is_told(tmp_path, ecg):
    path = makers.muse(tmp_path, ecg)
    changed(path, "<LeadID>V2</LeadID>", "<LeadID>V2</LeadID><LeadTimeOffset>40</LeadTimeOffset>")
    assert "said to begin at another time than the others, not shifted: V2 (40)" in read(path).notes


# A sampling frequency that the file does not state

UNSTATED = [
    (makers.hl7, r"<increment [^>]*/>", ['<increment value="0.004"/>', '<increment value="0" unit="s"/>', ""]),
    (makers.hl7, r"<component><sequence><code code=.TIME_ABSOLUTE.*?</sequence></component>", [""]),
    (makers.muse, r"<SampleBase>.*?</SampleBase>", ["<SampleBase>0</SampleBase>", "<SampleBase>auto</SampleBase>", ""]),
    (makers.sierra, r'samplespersecond="[^"]*"', ['samplespersecond="0"', 'samplespersecond="-1"', ""]),
    (makers.mortara, r'SAMPLE_FREQ="[^"]*"', ['SAMPLE_FREQ="0"', 'SAMPLE_FREQ="x"', ""]),
]


@pytest.mark.parametrize(
    ("make", "pattern", "new"),
    [pytest.param(*case[:2], new, id=f"{case[0].__name__} {new[:40]}") for case in UNSTATED for new in case[2]],
)
def test_the_caller_states_a_sampling_frequency_that_xml_does_not(make, pattern, new, tmp_path, ecg):
    path = make(tmp_path, ecg)
    expected = read(path)
    text = path.read_text()
    assert re.search(pattern, text)
    path.write_text(re.sub(pattern, new, text))
    kind = SamplingFrequencyError if new else UnknownSamplingFrequencyError
    with pytest.raises(kind, match="sampling_frequency in Hz") as caught:
        read(path)
    assert "--sampling-frequency" in str(caught.value)
    recording = read(path, sampling_frequency=250)
    assert recording.sampling_frequency == 250
    assert (recording.lead_names, recording.start) == (expected.lead_names, expected.start)
    np.testing.assert_array_equal(recording.signal, expected.signal)
    assert any("250 Hz as stated" in note for note in recording.notes) == bool(new)
    assert recording.source == str(path)


@pytest.mark.parametrize("make", [makers.hl7, makers.muse, makers.mortara])
def test_a_sampling_frequency_of_the_caller_is_not_rounded(make, tmp_path, ecg):
    path = make(tmp_path, Ecg(ecg.signal, ecg.names, 0.0))
    assert read(path, sampling_frequency=249.6).sampling_frequency == 249.6


@pytest.mark.parametrize("make", [makers.schiller, makers.cardiosoft])
@pytest.mark.parametrize("rate", [0.0, -250.0, float("nan")])
def test_what_is_no_sampling_frequency_gives_way_to_that_of_the_caller(make, rate, tmp_path, ecg):
    path = make(tmp_path, Ecg(ecg.signal, ecg.names, rate))
    recording = read(path, sampling_frequency=250)
    assert recording.sampling_frequency == 250
    assert any("250 Hz as stated" in note for note in recording.notes)
    np.testing.assert_allclose(recording.signal, ecg.signal, atol=ROUNDING)
