"""One small file of every format, made by the format's own library or by hand after its specification.

Each maker writes leads, (leads, time) in mV, with their names at a sampling frequency, and returns the path. The gain
of the first lead is 0 where ``gain`` is, and missing where it is None; makers of formats without gains ignore it.
"""

import base64
import binascii
import json
import math
import struct
import wave
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from xml.sax.saxutils import escape, quoteattr

import numpy as np

CLOCK = 599_630_000_000_000_000  # ns, of a chest strap in 2019
GAIN = 2.5  # uV a count, where a file says one
ORIGIN = 70.0  # uV of a count of 0, where a format has such
MFER_GAIN, MFER_OFFSET = 3, 40  # uV a count; counts that are added before
CODES = {"I": 1, "II": 2, "V1": 3, "V2": 4, "V5": 7}  # of SCP-ECG (section 3) and MFER (table 5-17): the same up to V2


@dataclass(frozen=True)
class Ecg:
    """What goes into a file."""

    signal: np.ndarray
    names: tuple[str, ...] = ("II", "V2")
    rate: float = 250.0
    gain: float | None = GAIN

    @property
    def counts(self) -> np.ndarray:
        """Of 1 uV."""
        return np.round(self.signal * 1000).astype("<i2")

    def coded(self, origin: float = 0.0) -> np.ndarray:
        """Counts of GAIN above the origin; of 1 uV for a lead without gain."""
        rows = [
            row * 1000 if gain is None else (row * 1000 - origin) / GAIN
            for row, gain in zip(self.signal, self.gains, strict=True)
        ]
        return np.round(rows).astype("<i2")

    @property
    def gains(self) -> list[float | None]:
        return [self.gain] + [GAIN] * (len(self.names) - 1)


Maker = Callable[[Path, Ecg], Path]


@dataclass(frozen=True)
class Format:
    """A format and what is to be expected of it.

    options: what the file does not say. rates: absurd sampling frequencies that it can hold. gain: what a gain of 0
    is: a fault, an error, or (None) something that the format has not. truncated: shares of the file that must be an
    error. short: shares that are read as far as they are whole, with a note. suffix: whether the format goes by its
    name.
    """

    reader: str
    make: Maker
    options: dict = field(default_factory=dict)
    rates: tuple[float, ...] = (0.0, -250.0, math.nan, 1e9)
    gain: str | None = None
    truncated: tuple[float, ...] = (0.01, 0.5, 0.99)
    short: tuple[float, ...] = ()
    lazy: bool = False
    by_suffix: bool = False


def wfdb_record(folder: Path, ecg: Ecg) -> Path:
    """Header and signal file after header(5) and signal(5) of the WFDB Applications Guide."""
    (folder / "r.dat").write_bytes(ecg.coded(ORIGIN).T.tobytes())
    gains = ["0" if gain == 0 else f"{1000 / GAIN:g}({-ORIGIN / GAIN:g})/mV" for gain in ecg.gains]
    lines = [f"r.dat 16 {gain} 16 0 0 0 0 {name}" for gain, name in zip(gains, ecg.names, strict=True)]
    path = folder / "r.hea"
    path.write_text("\n".join([f"r {len(lines)} {ecg.rate:g} {ecg.signal.shape[1]}", *lines]) + "\n")
    return path


def edf(folder: Path, ecg: Ecg) -> Path:
    return _edf(folder / "r.edf", ecg)


def bdf(folder: Path, ecg: Ecg) -> Path:
    return _edf(folder / "r.bdf", ecg)


def _edf(path: Path, ecg: Ecg) -> Path:
    """By edfio; the duration of a data record (EDF specification, header record, byte 244) says the rate.

    Data records of 1 s, where the signal is whole seconds. The counts of BDF go beyond 16 bits.
    """
    import edfio

    signal, file = (edfio.EdfSignal, edfio.Edf) if path.suffix == ".edf" else (edfio.BdfSignal, edfio.Bdf)
    bits, gain = (16, GAIN) if path.suffix == ".edf" else (24, 0.01)
    digital = -(2 ** (bits - 1)), 2 ** (bits - 1) - 1
    physical = tuple(round(ORIGIN + gain * limit, 1) for limit in digital)
    options = {"physical_dimension": "uV", "physical_range": physical, "digital_range": digital}
    signals = [
        signal(row * 1000, 250.0, label=name, **options) for row, name in zip(ecg.signal, ecg.names, strict=True)
    ]
    length = ecg.signal.shape[1]
    frame = 250 if length % 250 == 0 else length
    made = file(signals, data_record_duration=frame / 250)
    made.write(path)
    content = bytearray(path.read_bytes())
    if ecg.rate != 250.0:
        seconds = 0 if ecg.rate == 0 else frame / ecg.rate
        content[244:252] = f"{seconds:<8.2g}"[:8].encode()
    if ecg.gain == 0:  # physical minimum and maximum of the first signal are the same
        at = 256 + len(ecg.names) * (16 + 80 + 8)
        content[at : at + 8] = content[at + 8 * len(ecg.names) : at + 8 * len(ecg.names) + 8] = b"0       "
    path.write_bytes(content)
    return path


def ishne(folder: Path, ecg: Ecg) -> Path:
    """After Badilini 1998: magic, checksum, fixed header (table 1), samples of all leads by turns."""
    fixed = bytearray(512)
    leads = len(ecg.names)
    struct.pack_into("<4i", fixed, 0, 0, ecg.signal.shape[1], 522, 522)
    struct.pack_into("<6h", fixed, 128, 24, 12, 2021, 1, 2, 2021)
    struct.pack_into("<3h", fixed, 140, 8, 30, 15)
    struct.pack_into("<h", fixed, 146, leads)
    codes = {"I": 5, "II": 6, "III": 7, "V1": 11, "V2": 12}
    for at, (name, gain) in enumerate(zip(ecg.names[:12], ecg.gains, strict=False)):
        struct.pack_into("<h", fixed, 148 + 2 * at, codes.get(name, 1))
        struct.pack_into("<h", fixed, 196 + 2 * at, int(1000 * (gain or 0)))
    struct.pack_into("<h", fixed, 262, int(ecg.rate))
    path = folder / "r.ecg"
    path.write_bytes(b"ISHNE1.0" + struct.pack("<H", binascii.crc_hqx(fixed, 0xFFFF)) + fixed + ecg.coded().T.tobytes())
    return path


def dicom(folder: Path, ecg: Ecg) -> Path:
    """By pydicom; DICOM PS3.3 A.34.3 (12-lead ECG), C.10.9 (waveform)."""
    import pydicom
    from pydicom.dataset import Dataset, FileMetaDataset
    from pydicom.uid import ExplicitVRLittleEndian, TwelveLeadECGWaveformStorage, generate_uid

    main = dicom_group(ecg)
    short = dicom_group(Ecg(ecg.signal[:, :10], ecg.names, ecg.rate))
    median = dicom_group(Ecg(np.tile(ecg.signal, 2), ecg.names, ecg.rate))
    median.WaveformOriginality = "DERIVED"
    data = Dataset()
    data.file_meta = FileMetaDataset()
    data.file_meta.TransferSyntaxUID = ExplicitVRLittleEndian
    data.file_meta.MediaStorageSOPClassUID = data.SOPClassUID = TwelveLeadECGWaveformStorage
    data.file_meta.MediaStorageSOPInstanceUID = data.SOPInstanceUID = generate_uid()
    data.Modality = "ECG"
    data.AcquisitionDateTime = "20210224083015.5"
    data.WaveformSequence = [short, main, median] if ecg.signal.shape[1] > 10 else [main]
    path = folder / "r.dcm"
    pydicom.dcmwrite(path, data, enforce_file_format=True)
    if math.isnan(ecg.rate):  # which pydicom does not write
        path.write_bytes(path.read_bytes().replace(b"12345678", b"NaN     "))
    return path


def dicom_group(ecg: Ecg, unit: str = "uV", bits: int = 16):
    """A multiplex group; C.10.9.1.4.2: sensitivity in its units, times the correction factor."""
    from pydicom.dataset import Dataset

    def coded(value, scheme, meaning):
        item = Dataset()
        item.CodeValue, item.CodingSchemeDesignator, item.CodeMeaning = value, scheme, meaning
        return [item]

    group = Dataset()
    group.WaveformOriginality = "ORIGINAL"
    group.NumberOfWaveformChannels, group.NumberOfWaveformSamples = ecg.signal.shape
    group.SamplingFrequency = "12345678" if math.isnan(ecg.rate) else f"{ecg.rate:g}"
    group.WaveformBitsAllocated, group.WaveformSampleInterpretation = bits, {16: "SS", 32: "SL"}[bits]
    group.ChannelDefinitionSequence = []
    for name, gain in zip(ecg.names, ecg.gains, strict=True):
        channel = Dataset()
        if len(ecg.names) > 1000:  # nobody gets as far as this
            group.ChannelDefinitionSequence.append(channel)
            continue
        channel.ChannelSourceSequence = coded("5.6.3-9-1", "SCPECG", f"Lead {name} (Einthoven)")
        channel.WaveformBitsStored = bits
        if gain is not None:
            channel.ChannelSensitivity = f"{gain / 2:g}"
            channel.ChannelSensitivityUnitsSequence = coded(unit, "UCUM", "unit")
            channel.ChannelSensitivityCorrectionFactor, channel.ChannelBaseline = "2", f"{ORIGIN:g}"
        group.ChannelDefinitionSequence.append(channel)
    group.WaveformData = ecg.coded(ORIGIN).T.astype(f"<i{bits // 8}").tobytes()
    return group


def scp(folder: Path, ecg: Ecg) -> Path:
    """After EN 1064: 5.2 (record and section headers), 5.3 (section 0), 5.6 (section 3), 5.9 (section 6, plain)."""
    leads = len(ecg.names)
    length = ecg.signal.shape[1]
    interval = 0 if ecg.rate == 0 else round(1e6 / min(ecg.rate, 1e6))
    lead_definition = bytes([min(leads, 255), 4]) + b"".join(
        struct.pack("<2IB", 1, length, CODES.get(name, 0)) for name in ecg.names
    )
    rhythm = struct.pack("<2H2B", int(1000 * (ecg.gain or 0)), interval, 0, 0)
    rhythm += struct.pack(f"<{leads}H", *[2 * length] * leads) + ecg.coded().tobytes()
    bodies = {3: lead_definition, 6: rhythm}
    at = 6 + 16 + 120
    pointers, sections = b"", b""
    for number in range(12):
        size = 136 if number == 0 else 16 + len(bodies[number]) if number in bodies else 0
        pointers += struct.pack("<H2I", number, size, 7 if number == 0 else at + 1 if size else 0)
        if number and size:
            sections += _scp_section(number, bodies[number])
            at += size
    record = _scp_section(0, pointers) + sections
    record = struct.pack("<I", len(record) + 6) + record
    path = folder / "r.scp"
    path.write_bytes(struct.pack("<H", binascii.crc_hqx(record, 0xFFFF)) + record)
    return path


def _scp_section(number: int, body: bytes) -> bytes:
    content = struct.pack("<HI2B6s", number, 16 + len(body), 13, 13, b"SCPECG" if number == 0 else bytes(6)) + body
    return struct.pack("<H", binascii.crc_hqx(content, 0xFFFF)) + content


def _of_one_gain(ecg: Ecg) -> np.ndarray:
    """Counts of a format with one gain for all leads."""
    return ecg.counts if ecg.gain is None else ecg.coded()


def hl7(folder: Path, ecg: Ecg, unit: str = "uV") -> Path:
    """After the aECG implementation guide: GLIST_TS (time sequence) and SLIST_PQ (leads)."""
    step = "0" if ecg.rate == 0 else f"{1 / ecg.rate:.12g}"
    leads = "".join(
        f'<component><sequence><code code="MDC_ECG_LEAD_{name}"/><value xsi:type="SLIST_PQ">'
        f'<origin value="{0 if gain is None else ORIGIN:g}" unit="{unit}"/>'
        + ("" if gain is None else f'<scale value="{gain:g}" unit="{unit}"/>')
        + f"<digits>{' '.join(map(str, counts))}</digits></value></sequence></component>"
        for name, gain, counts in zip(ecg.names, ecg.gains, ecg.coded(ORIGIN), strict=True)
    )
    path = folder / "r.xml"
    path.write_text(
        '<?xml version="1.0" encoding="UTF-8"?>\n'
        '<AnnotatedECG xmlns="urn:hl7-org:v3" xmlns:xsi="http://www.w3.org/2001/XMLSchema-instance">'
        '<component><series><code code="RHYTHM"/><effectiveTime><low value="20210224083015"/></effectiveTime>'
        '<component><sequenceSet><component><sequence><code code="TIME_ABSOLUTE"/>'
        f'<value xsi:type="GLIST_TS"><head value="20210224083015"/><increment value="{step}" unit="s"/></value>'
        f"</sequence></component>{leads}</sequenceSet></component></series></component></AnnotatedECG>"
    )
    return path


def muse(folder: Path, ecg: Ecg, unit: str = "MICROVOLTS") -> Path:
    """After GE's restecg.xsd: Waveform with SampleBase and SampleExponent, LeadData in base 64."""
    leads = "".join(
        f"<LeadData><LeadID>{name}</LeadID><LeadSampleSize>2</LeadSampleSize>"
        + ("" if gain is None else f"<LeadAmplitudeUnitsPerBit>{gain:g}</LeadAmplitudeUnitsPerBit>")
        + f"<LeadAmplitudeUnits>{unit}</LeadAmplitudeUnits>"
        f"<WaveFormData>{base64.b64encode(counts.tobytes()).decode()}</WaveFormData></LeadData>"
        for name, gain, counts in zip(ecg.names, ecg.gains, ecg.coded(), strict=True)
    )
    path = folder / "r.xml"
    path.write_text(
        '<?xml version="1.0" encoding="ISO-8859-1"?>\n<!DOCTYPE RestingECG SYSTEM "restecg.dtd">\n<RestingECG>'
        "<TestDemographics><AcquisitionDate>02-24-2021</AcquisitionDate><AcquisitionTime>08:30:15</AcquisitionTime>"
        "</TestDemographics><Waveform><WaveformType>Rhythm</WaveformType>"
        f"<SampleBase>{ecg.rate:g}</SampleBase><SampleExponent>0</SampleExponent>{leads}</Waveform></RestingECG>"
    )
    return path


def sierra(folder: Path, ecg: Ecg) -> Path:
    """After Philips' SierraECG.xsd 1.04: parsedwaveforms, one lead after the other, in base 64."""
    resolution = "" if ecg.gain is None else f'resolution="{ecg.gain:g}"'
    path = folder / "r.xml"
    path.write_text(
        '<?xml version="1.0" encoding="UTF-8"?>\n<restingecgdata xmlns="http://www3.medical.philips.com">'
        "<documentinfo><documenttype>SierraECG</documenttype><documentversion>1.04</documentversion></documentinfo>"
        '<dataacquisition date="2021-02-24" time="08:30:15"/>'
        f'<waveforms><parsedwaveforms dataencoding="Base64" samplespersecond="{ecg.rate:g}" {resolution} '
        f'durationperchannel="{ecg.signal.shape[1] * 4}" numberofleads="{len(ecg.names)}" '
        f"leadlabels={quoteattr(' '.join(ecg.names))}>"
        f"{base64.b64encode(_of_one_gain(ecg).tobytes()).decode()}</parsedwaveforms></waveforms></restingecgdata>"
    )
    return path


def mortara(folder: Path, ecg: Ecg) -> Path:
    """As ELI electrocardiographs write it: a CHANNEL a lead, its counts in base 64, UNITS_PER_MV counts a mV."""
    counts = _of_one_gain(ecg)
    scale = "" if ecg.gain is None else f'UNITS_PER_MV="{1000 / ecg.gain if ecg.gain else 0:g}"'
    channels = "".join(
        f'<CHANNEL NAME={quoteattr(name)} {scale} DURATION="{len(row)}" SAMPLE_FREQ="{ecg.rate:g}" BITS="16" '
        f'FORMAT="SIGNED" ENCODING="BASE64" OFFSET="0" DATA="{base64.b64encode(row.tobytes()).decode()}"/>'
        for name, row in zip(ecg.names, counts, strict=True)
    )
    path = folder / "r.xml"
    path.write_text(
        '<?xml version="1.0" encoding="UTF-8"?>\n<ECG ACQUISITION_TIME="20210224083015" NUM_QRS="9">'
        f'<SUBJECT LAST_NAME="X" ID="1"/><SOURCE TYPE="CART" MANUFACTURER="Mortara"/>{channels}</ECG>'
    )
    return path


def schiller(folder: Path, ecg: Ecg) -> Path:
    """As SEMA writes it: wavedata of averages and of rhythms, with the unit of a count and counts after commas."""
    yres = "" if ecg.gain is None else f"<yres><unitperbit>{ecg.gain:g}</unitperbit><units>UV</units></yres>"
    resolution = (
        f"<resolution><samplerate><exponent>1</exponent><value>{ecg.rate:g}</value></samplerate>{yres}</resolution>"
    )
    channels = "".join(
        f"<channel><name>{escape(name)}</name><datastype>COMMASEPARATE</datastype><samplecount>{len(row)}</samplecount>"
        f"<data>{','.join(map(str, row.tolist()))},</data></channel>"
        for name, row in zip(ecg.names, _of_one_gain(ecg), strict=True)
    )
    root = "com.xiriuz.sema.xml.schillerEDI.SchillerEDI"
    average = "<channel><name>I</name><datastype>COMMASEPARATE</datastype><data>1,2,3</data></channel>"
    path = folder / "r.xml"
    path.write_text(
        f'<?xml version="1.0" encoding="UTF-8"?>\n<{root}><patdata><id>1</id></patdata><examdescript><startdatetime>'
        "<date>20210224</date><time>083015</time></startdatetime></examdescript><eventdata><event>"
        f"<wavedata><type>ECG_AVERAGES</type>{resolution}{average}</wavedata>"
        f"<wavedata><type>ECG_RHYTHMS</type>{resolution}{channels}</wavedata></event></eventdata></{root}>"
    )
    return path


def cardiosoft(folder: Path, ecg: Ecg) -> Path:
    """As CardioSoft 6 writes it: MedianSamples among the measurements, then StripData, counts with commas between."""
    resolution = "" if ecg.gain is None else f'<Resolution units="uVperLsb">{ecg.gain:g}</Resolution>'
    leads = "".join(
        f"<WaveformData lead={quoteattr(name)}>\t\t\t{','.join(map(str, row.tolist()))}</WaveformData>\n"
        for name, row in zip(ecg.names, _of_one_gain(ecg), strict=True)
    )
    head = f'<NumberOfLeads>{len(ecg.names)}</NumberOfLeads><SampleRate units="Hz">{ecg.rate:g}</SampleRate>'
    count = f"<ChannelSampleCountTotal>{ecg.signal.shape[1]}</ChannelSampleCountTotal>"
    median = f'{head}{resolution}<WaveformData lead="I">1,2,3</WaveformData>'
    path = folder / "r.xml"
    path.write_text(
        '<?xml version="1.0" encoding="ISO-8859-1" ?>\n<CardiologyXML><ObservationType>RestECG</ObservationType>'
        "<ObservationDateTime><Hour>8</Hour><Minute>30</Minute><Second>15</Second><Day>24</Day><Month>2</Month>"
        f"<Year>2021</Year></ObservationDateTime><RestingECGMeasurements><MedianSamples>{median}</MedianSamples>"
        f"</RestingECGMeasurements><StripData>{head}{count}{resolution}{leads}</StripData></CardiologyXML>"
    )
    return path


def mfer(folder: Path, ecg: Ecg, preamble: bytes = b"\x40\x20MFR Standard 12 leads ECG       ") -> Path:
    """After MFER part 1, table 5-64: a preamble, then tag, length, value; a length over 127 has its own before it."""
    (leads, length), counts = ecg.signal.shape, ecg.counts
    exponent, mantissa = (4, 100_000) if ecg.rate == 1e9 else (0, int(ecg.rate))
    tags = [
        (0x01, b"\x01"),  # little-endian
        (0x05, struct.pack("<H", leads)),  # channels
        (0x04, struct.pack("<I", length)),  # block length
        (0x06, struct.pack("<H", 1)),  # sequences
        (0x0A, b"\x00"),  # 16-bit integers
        (0x0B, struct.pack("<BbI", 0, exponent, mantissa)),  # rate: Hz, exponent, mantissa
    ]
    if ecg.gain is not None:
        tags.append((0x0C, struct.pack("<Bbh", 0, -6, MFER_GAIN if ecg.gain else 0)))  # volts, exponent, mantissa
        tags.append((0x0D, struct.pack("<h", MFER_OFFSET)))
        counts = np.round(ecg.signal * 1000 / MFER_GAIN - MFER_OFFSET).astype("<i2")
    content = preamble + b"".join(bytes([tag, len(value)]) + value for tag, value in tags)
    for channel, name in enumerate(ecg.names):
        lead = bytes([0x09, 2]) + struct.pack("<H", CODES.get(name, 0))
        number = bytes([channel]) if channel < 128 else bytes([0x80 | channel >> 7, channel & 0x7F])
        content += b"\x3f" + number + bytes([len(lead)]) + lead
    samples = counts.tobytes()
    content += b"\x1e\x84" + struct.pack(">I", len(samples)) + samples + b"\x80\x00"
    path = folder / "r.mwf"
    path.write_bytes(content)
    return path


def kardia(folder: Path, ecg: Ecg) -> Path:
    """After the Kardia API documentation, GET /v1/recordings/:id: data.raw, amplitudeResolution in nV."""
    raw = {
        "frequency": ecg.rate,
        "samples": {
            {"I": "leadI", "II": "leadII"}.get(name, name): counts.tolist()
            for name, counts in zip(ecg.names, _of_one_gain(ecg), strict=True)
        },
    }
    if ecg.gain is not None:
        raw["amplitudeResolution"] = int(1000 * ecg.gain)
    path = folder / "r.json"
    path.write_text(
        json.dumps({"id": "a", "recordedAt": "2021-02-24T08:30:15Z", "patientID": "b", "data": {"raw": raw}})
    )
    return path


def apple_watch(folder: Path, ecg: Ecg, comma: str = ".") -> Path:
    """After the export of the Health app: names and values, then one sample a line. It has one lead."""
    head = [
        "Name,A",
        'Date of Birth,"1 Jan 1990"',
        "Recorded Date,2021-02-24 08:30:15 +0100",
        "Symptoms,",
        'Device,"Watch5,1"',
    ]
    head += [f"Sample Rate,{ecg.rate:g} hertz", "", "", f"Lead,Lead {ecg.names[0]}"] + ["Unit,\u00b5V", ""] * (
        ecg.gain is not None
    )
    path = folder / "ecg_2021-02-24.csv"
    samples = [f"{value:.3f}".replace(".", comma) for value in ecg.signal[0] * 1000]
    path.write_text("\n".join([*head, *samples]) + "\n", encoding="utf-8")
    return path


def polar(folder: Path, ecg: Ecg) -> Path:
    """After Polar Sensor Logger: phone time, sensor time in ns, time in ms, uV. It has one lead."""
    step = 0 if ecg.rate == 0 else 1e9 / ecg.rate
    rows = [
        f"2021-02-24T08:30:15.{at % 1000:03};{'nan' if math.isnan(step) else CLOCK + round(at * step)};{at};{value}"
        for at, value in enumerate(ecg.counts[0])
    ]
    path = folder / "Polar_H10_ECG.txt"
    path.write_text("\n".join(["Phone timestamp;sensor timestamp [ns];timestamp [ms];ecg [uV]", *rows]) + "\n")
    return path


def csv(folder: Path, ecg: Ecg) -> Path:
    path = folder / "r.csv"
    time = np.arange(ecg.signal.shape[1]) * (1 / ecg.rate if ecg.rate else 0.0)
    title = ",".join(["time (s)", *(f"{name} (mV)" for name in ecg.names)])
    np.savetxt(path, np.column_stack([time, ecg.signal.T]), "%.9f", ",", header=title, comments="")
    return path


def opensignals(folder: Path, ecg: Ecg) -> Path:
    """After files of OpenSignals: a header in JSON, then a sequence number, a digital input and 16 bits a lead."""
    counts = np.round((ecg.signal / 3 + 0.5) * 2**16).astype(int)
    device = {"sensor": ["ECG"] * len(ecg.names), "device name": "00:00", "column": ["nSeq", "DI", *ecg.names]}
    device |= {"time": "8:30:15.250", "date": "2021-2-24", "device": "biosignalsplux", "sampling rate": ecg.rate}
    device |= {"label": list(ecg.names), "resolution": [16] * len(ecg.names), "channels": [1], "mode": 0}
    header = f"# OpenSignals Text File Format. Version 1\n# {json.dumps({'00:00': device})}\n# EndOfHeader\n"
    rows = ["\t".join(map(str, [at, 0, *row])) + "\t\n" for at, row in enumerate(counts.T)]
    path = folder / "opensignals_0000_2021-02-24.txt"
    path.write_text(header + "".join(rows))
    return path


def wav(folder: Path, ecg: Ecg) -> Path:
    with wave.open(str(folder / "r.wav"), "wb") as file:
        file.setnchannels(len(ecg.names))
        file.setsampwidth(2)
        file.setframerate(ecg.rate)
        file.writeframes(ecg.counts.T.tobytes())
    return folder / "r.wav"


def spreadsheet(folder: Path, ecg: Ecg) -> Path:
    import openpyxl

    book = openpyxl.Workbook(write_only=True)
    sheet = book.create_sheet("ECG")
    sheet.append(["time (s)", *(f"{name} (mV)" for name in ecg.names)])
    for at, row in enumerate(ecg.signal.T.tolist()):
        sheet.append([at / ecg.rate if ecg.rate else 0.0, *row])
    book.save(folder / "r.xlsx")
    return folder / "r.xlsx"


def npy(folder: Path, ecg: Ecg) -> Path:
    np.save(folder / "r.npy", ecg.signal)
    return folder / "r.npy"


def npz(folder: Path, ecg: Ecg) -> Path:
    np.savez(folder / "r.npz", signal=ecg.signal * 1000, fs=ecg.rate, units="uV", lead_names=ecg.names)
    return folder / "r.npz"


def mat(folder: Path, ecg: Ecg) -> Path:
    from scipy.io import savemat

    names = np.array(ecg.names, dtype=object)
    savemat(folder / "r.mat", {"signal": ecg.signal * 1000, "fs": ecg.rate, "units": "uV", "lead_names": names})
    return folder / "r.mat"


def mat73(folder: Path, ecg: Ecg) -> Path:
    """As MATLAB writes it: HDF5 behind 512 bytes, dimensions in reverse, text as numbers, cells as references."""
    import h5py

    path = folder / "r73.mat"

    def text(group, name, value):
        dataset = group.create_dataset(name, data=np.array([[ord(letter)] for letter in value], np.uint16))
        dataset.attrs["MATLAB_class"] = np.bytes_("char")
        return dataset

    with h5py.File(path, "w", userblock_size=512) as file:
        file.create_dataset("signal", data=ecg.signal.T * 1000).attrs["MATLAB_class"] = np.bytes_("double")
        file.create_dataset("fs", data=[[ecg.rate]]).attrs["MATLAB_class"] = np.bytes_("double")
        text(file, "units", "uV")
        if len(ecg.names) < 1000:
            cells = [text(file.require_group("#refs#"), f"n{at}", name).ref for at, name in enumerate(ecg.names)]
            names = file.create_dataset("lead_names", data=np.array([cells], h5py.ref_dtype).T)
            names.attrs["MATLAB_class"] = np.bytes_("cell")
    with path.open("r+b") as opened:
        opened.write(b"MATLAB 7.3 MAT-file, Platform: GLNXA64".ljust(124) + b"\x00\x02IM")
    return path


def hdf5(folder: Path, ecg: Ecg) -> Path:
    import h5py

    with h5py.File(folder / "r.h5", "w") as file:
        file.attrs["units"] = "uV"
        group = file.create_group("patient/night")
        group["fs"] = ecg.rate
        signal = group.create_dataset("ecg", data=ecg.signal * 1000)
        if len(ecg.names) < 1000:  # attributes have at most 64 kB
            signal.attrs["lead_names"] = [str(name) for name in ecg.names]
    return folder / "r.h5"


def arrow_table(ecg: Ecg):
    import pyarrow

    table = pyarrow.table({f"{name} (mV)": row for name, row in zip(ecg.names, ecg.signal, strict=True)})
    return table.replace_schema_metadata({"sampling_frequency": f"{ecg.rate:g}"})


def parquet(folder: Path, ecg: Ecg) -> Path:
    from pyarrow import parquet as package

    package.write_table(arrow_table(ecg), folder / "r.parquet")
    return folder / "r.parquet"


def feather(folder: Path, ecg: Ecg) -> Path:
    from pyarrow import feather as package

    package.write_feather(arrow_table(ecg), folder / "r.feather")
    return folder / "r.feather"


KNOWN = {"sampling_frequency": 250.0, "units": "mV", "lead_names": ("II", "V2")}
FORMATS = (
    Format(
        "WfdbReader", wfdb_record, gain="note", truncated=(0.0,), short=(0.01, 0.5, 0.99), lazy=True, by_suffix=True
    ),
    Format("EdfReader", edf, gain="fault", truncated=(0.01,), short=(0.5, 0.99), lazy=True),
    Format("EdfReader", bdf, gain="fault", truncated=(0.01,), short=(0.5, 0.99), lazy=True),
    Format("IshneReader", ishne, rates=(0.0, -250.0), gain="fault", truncated=(0.01,), short=(0.5, 0.99), lazy=True),
    Format("DicomReader", dicom, gain="fault"),
    Format("ScpReader", scp, rates=(0.0, 1e9), gain="error"),
    Format("Hl7Reader", hl7, gain="fault"),
    Format("MuseReader", muse, gain="fault"),
    Format("SierraReader", sierra, gain="error"),
    Format("MortaraReader", mortara, gain="error"),
    Format("SchillerReader", schiller, gain="fault"),
    Format("CardioSoftReader", cardiosoft, gain="fault"),
    Format("KardiaReader", kardia, gain="error"),
    Format("MferReader", mfer, rates=(0.0, 1e9), gain="fault"),
    Format("AppleWatchReader", apple_watch, truncated=(0.01,)),
    Format("PolarReader", polar, truncated=(0.0005,)),
    Format("OpenSignalsReader", opensignals, truncated=(0.005,)),
    Format("Mat73Reader", mat73),
    Format("MatReader", mat),
    Format("Hdf5Reader", hdf5, lazy=True),
    Format("ParquetReader", parquet),
    Format("FeatherReader", feather),
    Format("WavReader", wav, {"units": "uV", "lead_names": ("II", "V2")}, rates=()),
    Format("SpreadsheetReader", spreadsheet, rates=(0.0, -250.0, 1e9)),
    Format("NpyReader", npy, KNOWN, rates=(), lazy=True),
    Format("NpzReader", npz),
    Format("CsvReader", csv, rates=(0.0, -250.0, 1e9), truncated=(0.0001,)),
)
