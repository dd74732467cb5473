"""Names and units of channels and columns: which of them are ECG leads.

A channel called ECG or EKG anywhere in its name is an ECG, unless another word of it says that it is something
derived from one, such as a heart rate. Where one is called so, the channels with neither that word nor the name of a
standard lead are left out. A name of another kind of signal, an identifier or a counter is never one of a lead;
electrodes on the head are left out beside other channels. What the caller names is a lead whatever it is called.
"""

import re
from collections.abc import Collection, Iterable, Sequence
from typing import Final

from ecgnoise.recording import MILLIVOLTS_PER, UNKNOWN_UNITS

PREFIX: Final = re.compile(r"(?:lead|ecg|ekg|ableitung|d[e\u00e9]rivation|derivaci[o\u00f3]n)[\s_:-]+", re.IGNORECASE)
LEAD_NAME: Final = re.compile(r"i|ii|iii|-?av[rlf]|v\d{1,2}r?|c[mc]\d|ml\w+|[xyz]|ecg\w*|ekg\w*", re.IGNORECASE)
ECG: Final = re.compile(r"e[ck]g", re.IGNORECASE)
AXES: Final = frozenset({"x", "y", "z"})  # of Frank's leads, but of an accelerometer beside a channel called ECG

# The first word of a channel's name where it is something else than an ECG.
OTHER_SIGNALS: Final = re.compile(
    r"abp|acc[xyz]?|airflow|art|atem|atmung|bdf|bewegung|bp|bvp|co|cvp|digital|druck|eda|edf|eeg|emg|eog|flow|green|gsr|gyro?[xyz]?|icp|imp|impedance|imu|lage|"
    r"infrared|ir|mag[xyz]?|nbp(dias|mean|sys)|nibp|pap|pcg|pleth|pouls|ppg|puls|pulse|quat[wxyz]?|red|resp|respiration|rip|sao|scg|"
    r"skin|snore|sound|spo|temp|temperatur|temperature|thorax|uap|uvp"
)
# Words that make any name one of something else, also beside ECG: identifiers, labels, counters, what is measured of
# an ECG, and what other sensors measure.
OTHER_WORDS: Final = re.compile(
    r"accel|acceleration|accelerometer|activity|age|altitude|annotations?|artifacts?|artefacts?|atrial|battery|beats?|bmi|bpm|"
    r"cadence|checksum|class|classification|confidence|count|counter|crc|date|datetime|day|detected|detection|edr|epoch|"
    r"errors?|events?|flag|fold|gender|gps|gyroscope|heart|height|hours?|hr|hrv|humidity|ibi|ids?|identifier|impedance|"
    r"index|intervals?|labels?|lat|latitude|leadoff|light|loff|lon|longitude|magnetometer|markers?|millis|minutes?|nn|"
    r"number|off|offsets?|onsets?|packet|patient|peaks?|phase|pitch|position|posture|pressure|probability|qrs|quality|"
    r"quaternion|rate|respiration|roll|rpeaks?|rri?|seconds?|seq|sequence|sex|snr|sqi|speed|status|steps|stim|stimulus|"
    r"subject|target|timestamps?|trigger|unix|valid|validity|ventricular|weight|yaw"
)

# Electrodes of the 10-20 system and its extensions, some of which may be called so in an ECG too (C1, T1, A2), and
# those that are in no ECG.
ELECTRODE: Final = re.compile(
    r"fp[12z]|af[3478z]|f(?:[1-9z]|10)|fc[1-6z]|ft(?:[789]|10)|t(?:[1-9]|10)|c[1-6z]|cp[1-6z]|tp(?:[789]|10)|p(?:[1-9z]|10)|"
    r"po[3478z]|o[12z]|[am][12]|[ni]z"
)
BRAIN: Final = re.compile(r"fp[12z]|af[3478z]|fc[1-6z]|ft(?:[789]|10)|cp[1-6z]|tp(?:[789]|10)|po[3478z]|[fcpo]z")
REFERENCES: Final = frozenset({"ref", "le", "ar", "avg", "av", "pol", "org", "cle", "ave"})

VOLTAGE_UNITS: Final = {unit.casefold(): unit for unit in MILLIVOLTS_PER} | {
    spelling.casefold(): unit
    for unit, spellings in {
        "V": ("volt", "volts"),
        "mV": ("millivolt", "millivolts", "milliv", "mvolt", "mvolts"),
        # The Greek letter and the sign of UTF-8, and the letter of Shift-JIS, as Latin-1 shows them.
        "uV": (
            "microvolt",
            "microvolts",
            "microv",
            "uvolt",
            "uvolts",
            "\u00ce\u00bcV",
            "\u00c2\u00b5V",
            "\u0083\u00caV",
        ),
        "nV": ("nanovolt", "nanovolts", "nvolt", "nvolts"),
    }.items()
    for spelling in spellings
}
# Units of other quantities: no statement of the caller makes them those of an ECG.
OTHER_UNITS: Final = re.compile(
    r"%.*|bpm|1?/min|mm\[?hg\]?|cm\[?h2o\]?|k?pa|hpa|°?[cfk]|deg[cf]?|degrees|m?g|m/s(2|\^2|²)|rad/s|deg/s|dps|m?l|l/(min|s)|k?hz|"
    r"s|sec|[mu\u00b5\u03bc]s|min|h|k?ohms?|us/cm|[mu]?a|lux|u?t|gauss|db|w|rpm"
)
RESULTS: Final = frozenset({"lead", "segment", "psnr_db", "grade", "fault"})
MASK: Final = ("mask", "lead_names", "sampling_frequency", "grade", "record", "model")  # arrays of one


def names_results(columns: Iterable[str]) -> bool:
    """Whether these are columns of a table of scores, as of an earlier run, and not of samples."""
    return set(columns) >= RESULTS


def voltage_unit(text: str) -> str | None:
    """The unit as MILLIVOLTS_PER spells it, or None where the text is not one of voltage."""
    return VOLTAGE_UNITS.get(text.strip(" \t\r\n\0").casefold())


def may_be_voltage(unit: str) -> bool:
    """Whether a unit that is not known as one of voltage may stand for one, such as ``adu``, ``NU`` or ``?V``."""
    return OTHER_UNITS.fullmatch(unit.strip(" \t\r\n\0").casefold()) is None


def is_known_unit(unit: str) -> bool:
    """Whether this is a unit of voltage, or ``unknown``."""
    return unit == UNKNOWN_UNITS or voltage_unit(unit) is not None


def is_other_signal(name: str) -> bool:
    """Whether a name is known to be that of something else than an ECG, such as RESP, heart_rate or patient_id."""
    if any(OTHER_WORDS.fullmatch(word) for word in _words(name)):
        return True
    first = re.match(r"[^\W\d_]+", name.strip().casefold())
    return not is_called_ecg(name) and first is not None and OTHER_SIGNALS.fullmatch(first.group()) is not None


def is_called_ecg(name: str) -> bool:
    """Whether ECG or EKG is a part of the name."""
    return ECG.search(name) is not None


def printable(name: str) -> str:
    """A name without control characters and bidirectional marks, which would tear a message apart."""
    return "".join(letter if letter.isprintable() else " " for letter in name).strip()


def lead_name(name: str) -> str:
    """A channel's name without the word for its kind: ``Lead II`` and ``ECG II`` are II; ``ECG 1`` stays."""
    short = PREFIX.sub("", name.strip(), count=1)
    return short if is_lead_name(short) else name.strip()


def is_lead_name(name: str) -> bool:
    """Whether this is what an ECG lead is called, such as aVR, V4R, MLII or ECG1."""
    return LEAD_NAME.fullmatch(name) is not None


def names_a_lead(name: str) -> bool:
    """Whether a channel's name alone says that it is an ECG lead: that of a standard lead, or called ECG."""
    return is_called_ecg(name) or is_lead_name(lead_name(name))


def ecg_rows(names: Sequence[str], asked: Collection[str] | None = None) -> list[int]:
    """The numbers of the names that may be those of leads: all that are not known to be other signals.

    Where one of them is called ECG, only those called so count, and standard leads but X, Y and Z. Else electrodes on
    the head are left out where there are others.
    asked: names that the caller gives, which are those of leads whatever they are.
    """
    wanted = {name.casefold() for name in asked or ()}
    named = {row for row, name in enumerate(names) if {name.casefold(), lead_name(name).casefold()} & wanted}
    return sorted({*named, *_by_name(names)})


def _by_name(names: Sequence[str]) -> list[int]:
    possible = [row for row, name in enumerate(names) if not is_other_signal(name)]
    if not any(is_called_ecg(names[row]) for row in possible):
        brain = any(map(_is_brain, names))
        return [row for row in possible if not (brain and _electrodes(names[row]))] or possible
    return [row for row in possible if is_called_ecg(names[row]) or _is_standard(names[row])]


def _is_standard(name: str) -> bool:
    short = lead_name(name)
    return is_lead_name(short) and short.casefold() not in AXES


def brain_notes(names: Sequence[str]) -> list[str]:
    """A note where leads have the names of electrodes on the head, which are read where there is nothing else."""
    found = [name for name in names if _is_brain(name)]
    return [f"called as electrodes of an EEG are: {', '.join(found)}"] if found else []


def _is_brain(name: str) -> bool:
    return any(BRAIN.fullmatch(word) for word in _electrodes(name))


def _electrodes(name: str) -> list[str]:
    """The electrodes that a name consists of, as ``Fp1-F7`` does; none where something else is in it."""
    words = [word for word in re.split(r"[\s_:.-]+", name.strip().casefold()) if word and word not in REFERENCES]
    return words if all(ELECTRODE.fullmatch(word) for word in words) else []


def _words(name: str) -> list[str]:
    """The words of a name in small letters, those of ``heartRate`` too."""
    together = re.findall(r"[^\W\d_]+", name.casefold())
    humps = re.findall(r"[A-Z]?[a-z]+|[A-Z]+(?![a-z])", name)
    return [*together, *(hump.casefold() for hump in humps)]
