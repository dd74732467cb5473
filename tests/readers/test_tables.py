"""Tables as other programs and people write them: their titles, columns, cells and what stands above them."""

import bz2
import gzip
import lzma
from pathlib import Path

import numpy as np
import pytest

from ecgnoise.errors import SignalShapeError, UnknownUnitsError, UnreadableFileError
from ecgnoise.readers import find_recordings, read
from ecgnoise.simulate import simulate_ecg

FS = 250.0
N = 3000
K = np.arange(N)


@pytest.fixture(scope="module")
def ecg() -> np.ndarray:
    """One lead in mV, of 12 s at 250 Hz."""
    return simulate_ecg(N / FS, FS, seed=1, lead_names=("II",)).signal[0].astype(np.float64)


def write(folder: Path, text: str | bytes, name: str = "t.csv") -> Path:
    path = folder / name
    path.write_bytes(text if isinstance(text, bytes) else text.encode())
    return path


def table(*columns, mark: str = ",", comma: bool = False) -> str:
    """Rows of columns: floats with four decimals, all else as it is."""

    def cell(value) -> str:
        text = f"{value:.4f}" if isinstance(value, float) else str(value)
        return text.replace(".", ",") if comma else text

    rows = zip(*(column.tolist() if isinstance(column, np.ndarray) else column for column in columns), strict=True)
    return "".join(mark.join(map(cell, row)) + "\n" for row in rows)


def check(path: Path, ecg: np.ndarray, **options):
    """The recording, whose first lead is the ECG at 250 Hz."""
    recording = read(path, **options)
    assert recording.sampling_frequency == FS
    np.testing.assert_allclose(recording.signal[0], ecg, atol=6e-4)
    return recording


# Which columns are leads


@pytest.mark.parametrize(
    ("titles", "lead"),
    [
        ("patient_id,ecg_mV,label,heart_rate,rpeak", "ecg"),
        ("gyro_x,Chest ECG (mV),RR,index,SpO2", "Chest ECG"),
        ("Fp1,EKG2 [mV],C3,O1,Fz", "EKG2"),
        ("subject,II (mV),class,HR,counter", "II"),
        ("acc_x,V5 (mV),acc_y,temperature,marker", "V5"),
        ("Atmung,Ableitung II (mV),Puls,Lage,Temperatur", "II"),
    ],
)
def test_columns_of_something_else_are_left_out_with_a_note(titles, lead, tmp_path, ecg):
    path = write(tmp_path, titles + "\n" + table(K % 5, ecg, K // 7 % 2, K % 3 + 70, K % 11))
    recording = check(path, ecg, sampling_frequency=FS)
    assert recording.lead_names == (lead,)
    for other in titles.split(","):
        assert other.startswith(lead) or lead in other or any(other in note for note in recording.notes)


def test_standard_leads_beside_one_called_ecg_are_read(tmp_path, ecg):
    path = write(tmp_path, "ECG I,V2,x\n" + table(ecg, ecg, K % 5))
    recording = check(path, ecg, sampling_frequency=FS, units="mV")
    assert recording.lead_names == ("I", "V2")
    assert recording.notes == ("left out, not ECG: x",)


@pytest.mark.parametrize("titles", ["", "a,b,c\n"])
def test_marks_and_counters_without_a_name(titles, tmp_path, ecg):
    path = write(tmp_path, titles + table(ecg, K // 300 % 2, K % 256))
    recording = check(path, ecg, sampling_frequency=FS, units="mV")
    assert len(recording.lead_names) == 1
    assert recording.notes[0].startswith("left out, not ECG: ")


def test_a_column_of_two_values_that_is_called_a_lead_stays(tmp_path, ecg):
    path = write(tmp_path, "II,V1\n" + table(ecg, K // 300 % 2))
    assert read(path, sampling_frequency=FS, units="mV").lead_names == ("II", "V1")


def test_text_columns_are_left_out(tmp_path, ecg):
    path = write(tmp_path, "patient,II,rhythm\n" + table(["a"] * N, ecg, ["N", "V"] * (N // 2)))
    assert check(path, ecg, sampling_frequency=FS, units="mV").notes == ("left out, text: patient, rhythm",)
    path = write(tmp_path, "patient,rhythm\n" + table(["a"] * N, ["N"] * N))
    with pytest.raises(UnreadableFileError, match="one column a lead"):
        read(path, sampling_frequency=FS, units="mV")


def test_units_of_columns(tmp_path, ecg):
    path = write(tmp_path, "ECG [adu],Temp (degC)\n" + table(np.round(ecg * 1000), np.full(N, 36.6)))
    recording = check(path, ecg, sampling_frequency=FS, units="uV")
    assert "the file gives the unit 'adu': taken as uV, as stated" in recording.notes
    with pytest.raises(UnknownUnitsError, match=r"'adu'.*--units"):
        read(path, sampling_frequency=FS)
    with pytest.raises(UnreadableFileError, match="degC"):
        read(write(tmp_path, "ECG (degC)\n" + table(ecg)), sampling_frequency=FS, units="mV")


# Cells


MISSING = ["#N/A", "N/A", "NA", "NaN", "null", "-", "", "inf", "#VALUE!", "1.#QNAN", "-1.#IND", "#NV", "NULL", "None"]


@pytest.mark.parametrize("cell", MISSING)
@pytest.mark.parametrize("at", [0, 1])
def test_a_cell_without_a_number_is_a_missing_sample_in_its_place(cell, at, tmp_path, ecg):
    rows = [[f"{value:.4f}", f"{-value:.4f}"] for value in ecg]
    rows[1000][at] = cell
    text = "II,V1\n" + "".join(",".join(row) + "\n" for row in rows)
    signal = read(write(tmp_path, text), sampling_frequency=FS, units="mV").signal
    assert np.argwhere(np.isnan(signal)).tolist() == [[at, 1000]]
    present = ~np.isnan(signal)
    np.testing.assert_allclose(signal[present], np.stack([ecg, -ecg])[present], atol=1e-4)


def test_rows_of_nothing_are_missing_samples_and_not_lines_to_skip(tmp_path, ecg):
    rows = table(ecg, ecg, mark="\t").splitlines()
    rows[500] = "\t"
    recording = read(write(tmp_path, "II\tV1\n" + "\n".join(rows) + "\n\t\n"), sampling_frequency=FS, units="mV")
    assert np.argwhere(np.isnan(recording.signal)).tolist() == [[0, 500], [1, 500]]
    rows = table(ecg).splitlines()
    rows[500] = ""
    signal = check_missing(write(tmp_path, "II\n" + "\n".join(rows) + "\n\n"), [500])
    np.testing.assert_allclose(signal[501:], ecg[501:], atol=1e-4)


def check_missing(path: Path, at: list[int]) -> np.ndarray:
    signal = read(path, sampling_frequency=FS, units="mV").signal[0]
    assert len(signal) == N
    assert np.flatnonzero(np.isnan(signal)).tolist() == at
    return signal


def test_empty_lines_of_style_are_no_samples(tmp_path, ecg):
    check(write(tmp_path, ("II\n" + table(ecg)).replace("\n", "\n\n")), ecg, sampling_frequency=FS, units="mV")


def test_zeros_that_a_power_cut_leaves(tmp_path, ecg):
    text = ("time (s),ECG (mV)\n" + table(K / FS, ecg)).encode() + bytes(5000)
    assert check(write(tmp_path, text), ecg).samples.shape == (1, N)


def test_remarks_and_rows_that_are_commented_out(tmp_path, ecg):
    rows = table(ecg, ecg).splitlines()
    remark = [*rows[:1000], "# electrode was off", *rows[1000:]]
    check(write(tmp_path, "# by hand\nII,V1\n" + "\n".join(remark)), ecg, sampling_frequency=FS, units="mV")
    rows[1000] = f"#{rows[1000]}"
    with pytest.raises(UnreadableFileError, match="line 1002 is a row of numbers after a #"):
        read(write(tmp_path, "II,V1\n" + "\n".join(rows)), sampling_frequency=FS, units="mV")


@pytest.mark.parametrize("value", [-(2**31), -(2**63)])
def test_the_smallest_whole_number_is_no_sample(value, tmp_path, ecg):
    counts = np.round(ecg * 1000).astype(int).tolist()
    counts[700] = value
    recording = read(write(tmp_path, "ecg\n" + table(counts)), sampling_frequency=FS, units="uV")
    assert np.flatnonzero(np.isnan(recording.signal[0])).tolist() == [700]
    assert recording.notes == ("1 sample is the smallest whole number, which stands for none: taken as missing",)


def test_a_comma_that_may_be_either_is_an_error(tmp_path):
    path = write(tmp_path, "ecg,x\n" + "".join(f'"4,{921 + at % 50}",1.5\n' for at in range(N)))
    with pytest.raises(UnreadableFileError, match=r"line 2: '4,921' may be 4921 or 4\.921.*decimal point"):
        read(path, sampling_frequency=FS, units="uV")


def test_commas_between_thousands(tmp_path, ecg):
    counts = np.round(ecg * 1000).astype(int)
    assert np.abs(counts).min() < 1000
    loud = counts * 10
    assert np.abs(loud).max() > 1000
    path = write(tmp_path, "ecg,II\n" + "".join(f'"{value:,}",1\n' for value in loud))
    signal = read(path, sampling_frequency=FS, units="uV").signal[0]
    np.testing.assert_allclose(signal, loud / 1000, atol=1e-6)
    path = write(tmp_path, "ecg;II\n" + "".join(f"{value:,.1f};1\n" for value in loud))
    np.testing.assert_allclose(read(path, sampling_frequency=FS, units="uV").signal[0], signal, atol=1e-6)


@pytest.mark.parametrize("decimals", [3, 4])
def test_decimal_commas_by_what_the_column_shows(decimals, tmp_path, ecg):
    text = "".join(f'"{value:.{decimals}f}"\t1\n'.replace(".", ",") for value in ecg)
    check(write(tmp_path, "ecg\tII\n" + text), ecg, sampling_frequency=FS, units="mV")
    check(write(tmp_path, "ecg,II\n" + text.replace("\t", ",")), ecg, sampling_frequency=FS, units="mV")
    alone = text.replace("\t1", "").replace('"', "")
    check(write(tmp_path, "ecg\n" + alone), ecg, sampling_frequency=FS, units="mV")
    check(write(tmp_path, alone), ecg, sampling_frequency=FS, units="mV")


def test_a_table_with_decimal_commas_and_points_between_thousands(tmp_path):
    values = np.linspace(-2000, 2000, N)
    german = [f"{value:,.2f}".translate(str.maketrans(",.", ".,")) for value in values]
    recording = read(write(tmp_path, "II;V1\n" + table(german, german, mark=";")), sampling_frequency=FS, units="uV")
    np.testing.assert_allclose(recording.signal[0], values / 1000, atol=1e-5)


@pytest.mark.parametrize(
    ("row", "said"),
    [
        ("0.5", "line 1002 has 1 columns, 2 before it"),
        ("0.5,0.4,0.3", "line 1002 has 3 columns, 2 before it"),
        ("0.5,ERR", "line 1002 is not a row of numbers: 'ERR' in column 2.*leave the cell empty"),
        ("II,V1", "line 1002 is not a row of numbers: 'II'"),
        ("end of part 1", "line 1002 is not a row of numbers: 'end of part 1'.*split the file"),
        ("0.5,1_000", "line 1002 is not a row of numbers: '1_000'"),
    ],
)
def test_rows_that_do_not_fit_are_named_and_never_spliced(row, said, tmp_path, ecg):
    rows = table(ecg, ecg).splitlines()
    rows[1000] = row
    with pytest.raises(UnreadableFileError, match=said):
        read(write(tmp_path, "II,V1\n" + "\n".join(rows)), sampling_frequency=FS, units="mV")


# What stands above the rows


@pytest.mark.parametrize("mark", ["\t", ";", " ", "   ", "|", ","])
def test_delimiters_with_and_without_sep(mark, tmp_path, ecg):
    text = (
        mark.join(["time (s)", "ECG_mV"] if mark.strip() else ["time_s", "ECG_mV"])
        + "\n"
        + table(K / FS, ecg, mark=mark)
    )
    check(write(tmp_path, text), ecg)
    check(write(tmp_path, text.replace("\n", mark + "\n")), ecg)
    if mark.strip() or mark == "\t":
        check(write(tmp_path, f"sep={mark}\n{text}"), ecg)
        check(write(tmp_path, f'"sep={mark}"\r\n' + text.replace("\n", "\r\n")), ecg)


@pytest.mark.parametrize("encoding", ["utf-8-sig", "utf-16", "utf-16-le", "utf-16-be", "latin-1"])
@pytest.mark.parametrize("end", ["\n", "\r\n", "\r"])
def test_encodings_and_line_ends(encoding, end, tmp_path, ecg):
    text = "time (s),ECG (\u00b5V)\n" + table(K / FS, ecg * 1000)
    check(write(tmp_path, text.replace("\n", end).encode(encoding)), ecg)


STATEMENTS = [
    "Sample Rate: 250",
    "Sampling rate = 250 Hz",
    "fs: 250",
    "SampleRate(Hz),250",
    "# fs=250",
    "Sampling Frequency (Hz);250",
    "sampling_rate\t0.25 kHz",
    "Sampling interval: 4 ms",
    "# Sampling frequency: 250,0",
    '"Sample Rate","250 Hz"',
    "4 msec/sample",
]


@pytest.mark.parametrize("line", STATEMENTS)
def test_lines_that_state_the_sampling_frequency(line, tmp_path, ecg):
    rows = table(ecg, ecg)
    check(write(tmp_path, f"{line}\nUnit: mV\nII,V1\n{rows}"), ecg)
    check(write(tmp_path, f"Recorded by somebody\n{line}\nII (mV),V1 (mV)\n{rows}"), ecg)
    recording = read(write(tmp_path, f"{line}\nII (mV),V1 (mV)\n{rows}"), sampling_frequency=500)
    assert recording.sampling_frequency == 500
    assert recording.notes == ("the header says 250 Hz: 500 Hz as stated",)
    check(write(tmp_path, f"{line}\nECG\n{table(ecg)}"), ecg, units="mV")


def test_lines_that_state_several_sampling_frequencies(tmp_path, ecg):
    path = write(tmp_path, f"ACC sample rate: 50\nECG sample rate: 250\nII (mV),V1 (mV)\n{table(ecg, ecg)}")
    check(path, ecg)
    path = write(tmp_path, f"sample rate: 50\nsample rate: 250\nII (mV),V1 (mV)\n{table(ecg, ecg)}")
    assert "several sampling frequencies" in check(path, ecg, sampling_frequency=FS).notes[0]


SHIMMER = "Shimmer_6A5B_Timestamp_Unix_CAL\tShimmer_6A5B_ECG_LL-RA_24BIT_CAL\nms\tmV\n"


@pytest.mark.parametrize("mark", ["\t", "  ", ","])
@pytest.mark.parametrize(
    ("head", "first"),
    [
        ("sep=\t\n" + SHIMMER, [f"{1577872800000 + 4 * at:.3f}" for at in K]),
        ("Shimmer_6A5B\tShimmer_6A5B\nTimestamp\tECG LL-RA\nCAL\tCAL\nmSecs\tmVolts\n", [f"{4 * at}.0" for at in K]),
        ("'Elapsed time'\t'MLII'\n'hh:mm:ss.mmm'\t'mV'\n", [f"'0:{at / FS:06.3f}'" for at in K]),
        ("   Elapsed time   MLII\n   (seconds)   (mV)\n", [f"  {at / FS:.3f}  " for at in K]),
        (
            "      Time      Date    MLII\n(hh:mm:ss.mmm) (dd/mm/yyyy)  (mV)\n",
            [f"[10:00:{at / FS:06.3f} 01/02/2020]" for at in K],
        ),
        ("sample #\tMLII\n\t(mV)\nSampling rate: 250\n", list(K)),
    ],
)
def test_several_lines_of_titles(head, first, mark, tmp_path, ecg):
    if "   " not in head:
        head = head.replace("\t", mark)
    elif mark == ",":
        mark = " \t "  # rdsamp prints these titles with blanks, and never commas between the numbers
    recording = check(write(tmp_path, head + table(first, ecg, mark=mark)), ecg)
    assert recording.lead_names[0] in {"MLII", "ECG LL-RA", "Shimmer_6A5B_ECG_LL-RA_24BIT_CAL"}


def test_exports_of_acqknowledge(tmp_path, ecg):
    head = "night.acq\n4 msec/sample\n2 channels\nECG, X, RSPEC-R\nmV\nRSP\nVolts\n"
    texts = [
        head
        + "min\tCH1\tCH2\n\t3000\t3000\n"
        + "".join(f"{at / FS / 60:.8f}\t{v:.4f}\t1\n" for at, v in enumerate(ecg)),
        head + "CH1\tCH2\n3000\t3000\n" + table(ecg, K % 7, [""] * N, mark="\t"),
        head + "milliSec,CH1,CH2,\n,3000,3000,\n" + table(4 * K, ecg, K % 7, [""] * N),
        head + "CH1\tCH2\n" + table(ecg, K % 7, mark="\t"),
        head + "CH1\tCH2\n3000\t3000\n" + table(ecg, K % 7, mark="\t"),
    ]
    for text in texts:
        recording = check(write(tmp_path, text, "n.txt"), ecg)
        assert recording.samples.shape == (1, N)
        assert recording.lead_names == ("ECG, X, RSPEC-R",)
        assert "RSP" in recording.notes[0]


def test_exports_of_labchart(tmp_path, ecg):
    head = "Interval=\t0.004 s\nExcelDateTime=\t4.3831416666e+04\t01/01/2020 10:00:00\nTimeFormat=\tStartOfBlock\n"
    head += "DateFormat=\t\nChannelTitle=\tECG\tResp\nRange=\t10.000 mV\t10.000 V\n"
    rows = table([f"{at / FS:.3f}" for at in K], ecg, K % 7, mark="\t").splitlines()
    rows[500] += "\t#* start of the test"
    recording = check(write(tmp_path, head + "\n".join(rows), "l.txt"), ecg)
    assert recording.lead_names == ("ECG",)
    rows[500] = "Interval=\t0.004 s"
    with pytest.raises(UnreadableFileError, match=r"line 507 is not a row of numbers: 'Interval= 0.004 s'.*split"):
        read(write(tmp_path, head + "\n".join(rows), "l.txt"))


def test_titles_after_a_number_sign_and_of_r(tmp_path, ecg):
    check(write(tmp_path, "# time (s),ECG (mV)\n" + table(K / FS, ecg)), ecg)
    text = '"II" "V1"\n' + table([f'"{at + 1}"' for at in K], ecg, ecg, mark=" ")
    for known in (text, text.replace(" ", ",")):
        assert check(write(tmp_path, known), ecg, sampling_frequency=FS, units="mV").lead_names == ("II", "V1")
    with pytest.raises(UnreadableFileError, match="the header has 2 columns, the rows have 3"):
        read(write(tmp_path, "II,V1\n" + table(ecg, ecg, ecg)), sampling_frequency=FS, units="mV")
    check(write(tmp_path, "II,V1\n" + table(ecg, ecg, [""] * N)), ecg, sampling_frequency=FS, units="mV")


def test_lists_of_facts_above_a_table(tmp_path, ecg):
    for facts in (
        "Patient,Bob\nAge,45\n",
        "Device,H3\nNotes,none\nSample Rate,250\n\n",
        "% made by hand\n",
        "Study of 2020\n",
    ):
        path = write(tmp_path, f"{facts}time (s),ECG (mV)\n" + table(K / FS, ecg))
        assert check(path, ecg).lead_names == ("ECG",)
    check(write(tmp_path, "% made, by hand\n" + table(ecg, ecg)), ecg, sampling_frequency=FS, units="mV")
    check(write(tmp_path, "Study of 2020\n" + table(ecg, ecg)), ecg, sampling_frequency=FS, units="mV")


def test_lines_that_are_neither_titles_nor_units_are_named(tmp_path, ecg):
    path = write(tmp_path, "II,V1\nleft,right\nold,new\n" + table(ecg, ecg))
    with pytest.raises(UnreadableFileError, match=r"3 lines look like titles: line 2 'left,right'.*one line of names"):
        read(path, sampling_frequency=FS, units="mV")


def test_text_without_rows_of_numbers(tmp_path):
    path = write(tmp_path, "record,quality\na,good\nb,bad\n")
    with pytest.raises(UnreadableFileError, match=r"no rows of numbers"):
        read(path)


# Compressed


COMPRESSED = {".csv.gz": gzip.compress, ".txt.gz": gzip.compress, ".tsv.bz2": bz2.compress, ".csv.xz": lzma.compress}


@pytest.mark.parametrize("suffix", COMPRESSED)
def test_compressed_tables(suffix, tmp_path, ecg):
    text = ("time (s),ECG (mV)\n" + table(K / FS, ecg)).encode()
    path = write(tmp_path, COMPRESSED[suffix](text), f"r{suffix}")
    check(path, ecg)
    assert find_recordings([tmp_path]) == [path]
    write(tmp_path, path.read_bytes()[:-2000], path.name)
    with pytest.raises(UnreadableFileError, match=r"damaged or cut short.*fetch it again"):
        read(path)


@pytest.mark.parametrize("suffix", COMPRESSED)
def test_what_expands_beyond_all_measure_is_refused(suffix, tmp_path, monkeypatch):
    monkeypatch.setattr("ecgnoise.readers._shared.base.FREELY_EXPANDED", 1 << 20)
    text = b"time,ECG (mV)\n" + b"0.000,0.000\n" * 2_000_000
    with pytest.raises(UnreadableFileError, match=r"expands to more than .* MiB"):
        read(write(tmp_path, COMPRESSED[suffix](text), f"bomb{suffix}"))


# Folders


def test_lists_of_records_and_labels_in_a_folder_are_no_recordings(tmp_path, ecg):
    write(tmp_path, "A00001,1\nA00002,2\nA00003,1\n" * 20, "REFERENCE.csv")
    write(tmp_path, "record,age,sex\n" + "".join(f"r{at},{at},m\n" for at in range(50)), "people.csv")
    write(tmp_path, "Notes: 5 electrodes.\nSeen 3 times, 2 good.\n", "notes.txt")
    path = write(tmp_path, "patient,II\n" + table(["a"] * N, ecg), "r.csv")
    assert find_recordings([tmp_path]) == [path]


def test_what_neurokit_finds_in_an_ecg_is_no_lead(tmp_path, ecg):
    marks = ["ECG_P_Onsets", "ECG_R_Offsets", "ECG_Phase_Completion_Atrial", "ECG_Quality", "RSA_P2T", "ECG_LeadOff"]
    rows = table(ecg, *[K // 400 % 2 if at < 2 else K % 7 * 0 + 1 for at in range(len(marks))])
    recording = check(write(tmp_path, ",".join(["ECG_Raw (mV)", *marks]) + "\n" + rows), ecg, sampling_frequency=FS)
    assert recording.lead_names == ("ECG_Raw",)
    assert recording.notes == (f"left out, not ECG: {', '.join(marks)}",)


@pytest.mark.parametrize("title", ["hr", "label", "packet", "signal_index"])
def test_a_column_that_the_caller_names_is_a_lead_whatever_it_is_called(title, tmp_path, ecg):
    path = write(tmp_path, f"{title}\n" + table(ecg))
    with pytest.raises(UnreadableFileError, match=rf"no column is an ECG lead \({title}\): name those .* \(--leads\)"):
        read(path, sampling_frequency=FS, units="mV")
    assert check(path, ecg, sampling_frequency=FS, units="mV", lead_names=[title]).lead_names == (title,)
    path = write(tmp_path, f"ECG,{title}\n" + table(-ecg, ecg))
    assert check(path, ecg, sampling_frequency=FS, units="mV", lead_names=[title]).lead_names == (title,)


def test_samples_in_a_column_called_sample_are_no_sample_numbers(tmp_path, ecg):
    path = write(tmp_path, "timestamp,sample\n" + table(K * 4, ecg))
    assert check(path, ecg, sampling_frequency=FS, units="mV").lead_names == ("sample",)
    recording = check(write(tmp_path, "sample,ECG\n" + table(K, ecg)), ecg, sampling_frequency=FS, units="mV")
    assert recording.notes == ("left out, sample numbers: sample",)


MARKS_OF_THOUSANDS = {
    "German": (".", ","),
    "French": ("\u202f", ","),
    "French in Windows": ("\u00a0", ","),
    "Swiss": ("'", "."),
    "of Office": ("\u2019", "."),
}


@pytest.mark.parametrize(("mark", "point"), MARKS_OF_THOUSANDS.values(), ids=MARKS_OF_THOUSANDS)
@pytest.mark.parametrize("digits", [0, 1])
def test_thousands_of_other_countries(mark, point, digits, tmp_path, ecg):
    def cell(value: float, digits: int) -> str:
        return f"{value:,.{digits}f}".translate({ord(","): mark, ord("."): point})

    rows = "".join(f"{cell(at * 4, 0)};{cell(value * 5000, digits)}\n" for at, value in zip(K, ecg, strict=True))
    recording = check(write(tmp_path, "Zeit [ms];EKG [uV]\n" + rows), 5 * ecg)
    assert recording.lead_names == ("EKG",)


def test_points_alone_that_stand_between_thousands(tmp_path, ecg):
    """As -1.234 stands beside 345 and never 345.000 or 1.2 does, in whole microvolts of a German spreadsheet."""
    cells = [f"{value * 5000:,.0f}".replace(",", ".") for value in ecg]
    check(write(tmp_path, "EKG [uV]\n" + "\n".join(cells)), 5 * ecg, sampling_frequency=FS)
    decimal = [f"{value * 5:.3f}" for value in ecg]  # 0.345 is no number with thousands
    check(write(tmp_path, "EKG [mV]\n" + "\n".join([*decimal[:-1], "0"])), [*(5 * ecg[:-1]), 0], sampling_frequency=FS)


@pytest.mark.parametrize("word", ["#N/A", "nan", "-", "#NV"])
@pytest.mark.parametrize("titles", ["ECG (mV)", "I (mV),II (mV)"])
def test_a_table_that_begins_or_ends_with_missing_samples(word, titles, tmp_path, ecg):
    """A lead that is off for more rows than are looked at to see what the columns hold."""
    leads = titles.count(",") + 1
    cells = [f"{value:.4f}" for value in ecg]
    first = [word] * 600 + cells[600:]
    path = write(tmp_path, f"{titles}\n" + "".join(",".join([cell] * leads) + "\n" for cell in first))
    recording = read(path, sampling_frequency=FS)
    assert recording.signal.shape == (leads, N)
    assert np.isnan(recording.signal[:, :600]).all()
    np.testing.assert_allclose(recording.signal[:, 600:], [ecg[600:]] * leads, atol=1e-4)
    last = cells[:-600] + [word] * 600
    path = write(tmp_path, f"{titles}\n" + "".join(",".join([cell] * leads) + "\n" for cell in last))
    recording = read(path, sampling_frequency=FS)
    np.testing.assert_allclose(recording.signal, [ecg[:-600]] * leads, atol=1e-4)
    assert recording.notes == ("left out, the last 600 rows, which hold nothing",)


@pytest.mark.parametrize("begin", [0, 100, 150])
def test_a_sheet_of_one_column_with_empty_cells(begin, tmp_path, ecg):
    import openpyxl

    book = openpyxl.Workbook(write_only=True)
    sheet = book.create_sheet("ECG")
    sheet.append(["ECG (mV)"])
    for at, value in enumerate(ecg.tolist()):
        sheet.append([None if begin <= at < begin + 300 else value])
    book.save(tmp_path / "t.xlsx")
    signal = read(tmp_path / "t.xlsx", sampling_frequency=FS).signal
    assert np.flatnonzero(np.isnan(signal[0])).tolist() == list(range(begin, begin + 300))
    assert signal.shape == (1, N)


def test_a_table_of_a_beat_a_row_is_not_one_of_leads(tmp_path):
    beats = np.random.default_rng(1).random((300, 188))
    path = write(tmp_path, "".join(",".join(f"{value:.5f}" for value in beat) + "\n" for beat in beats))
    with pytest.raises(SignalShapeError, match=r"188 columns without names, at most 64 .* if each row is a beat"):
        read(path, sampling_frequency=125, units="unknown")


@pytest.mark.parametrize("unit", ["adc", "LSB", "raw", "counts"])
def test_a_line_of_units_that_are_counts(unit, tmp_path, ecg):
    path = write(tmp_path, f"Time,ECG\ns,{unit}\n" + table(K / FS, ecg))
    with pytest.raises(UnknownUnitsError, match=rf"unit '{unit}'.*--units"):
        read(path)
    assert check(path, ecg, units="mV").notes == (f"the file gives the unit '{unit}': taken as mV, as stated",)


def test_identifiers_that_rise_are_no_times(tmp_path, ecg):
    path = write(tmp_path, "beat_id,ECG (mV)\n" + table(K, ecg))
    assert check(path, ecg, sampling_frequency=FS).notes == ("left out, not ECG: beat_id",)
