"""The databases of recordings on PhysioNet that this project is built on and measured with.

Names, versions and licences are those of their pages at https://physionet.org/content/SLUG/VERSION/. A version is
never changed once it is published there, so the same name always gives the same files.
"""

from dataclasses import dataclass
from typing import Final

BASE_URL: Final = "https://physionet.org"
ATTRIBUTION: Final = "CC BY 4.0"
OPEN_DATA: Final = "ODC-By 1.0"


@dataclass(frozen=True)
class Database:
    """One version of a database.

    ``slug`` is its name in addresses. ``needed`` are glob patterns of the files that are wanted, where ``*`` also
    matches ``/``: the whole database, or it without the archives that hold the same recordings once more.
    """

    name: str
    slug: str
    version: str
    licence: str
    title: str
    needed: tuple[str, ...] = ("*",)

    def address(self, base_url: str = BASE_URL) -> str:
        """Where its files are, without a slash at the end."""
        return f"{base_url.rstrip('/')}/files/{self.slug}/{self.version}"


DATABASES: Final = (
    Database("ptb-xl", "ptb-xl", "1.0.3", ATTRIBUTION, "12 leads, 10 s, 21,799 records, some leads called noisy"),
    Database(
        "but-qdb", "butqdb", "1.0.0", ATTRIBUTION, "one lead, 24 h and more, 18 records in three classes of quality"
    ),
    Database(
        "challenge-2011",
        "challenge-2011",
        "1.0.0",
        OPEN_DATA,
        "12 leads, 10 s, acceptable or not",
        needed=("set-a/*", "set-b/*", "RECORDS*"),
    ),
    Database(
        "challenge-2017",
        "challenge-2017",
        "1.0.0",
        OPEN_DATA,
        "one lead, 9 to 61 s, some called too noisy",
        needed=("training/*", "validation/*", "RECORDS*", "REFERENCE*"),
    ),
    Database("nstdb", "nstdb", "1.0.0", OPEN_DATA, "recorded noise: baseline wander, muscle, electrode motion"),
    Database("mitdb", "mitdb", "1.0.0", OPEN_DATA, "two leads, 30 min, 48 records with marks of signal quality"),
    Database("ludb", "ludb", "1.0.1", OPEN_DATA, "12 leads, 10 s, 200 records, mostly clean"),
)
