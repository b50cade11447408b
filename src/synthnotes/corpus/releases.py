"""Releases: where PhysioNet's files lie below data/mimic, and which version they are.

A release is found wherever its folder has been put: `wget -r` leaves `physionet.org/files/mimiciv/3.1/hosp/…`, the
archive unpacks to `mimic-iv-3.1/hosp/…`, and `hosp/…` may stand straight in data/mimic. Files are `.csv.gz`, or `.csv`
where somebody has unpacked them.
"""

import os
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path

from synthnotes.machinery import kinds
from synthnotes.machinery.files import UserError, is_dropping

ENDINGS = (".csv.gz", ".csv")  # of both, the one whose checksum PhysioNet publishes
CHECKSUMS = "SHA256SUMS.txt"
DEPTH = 6  # folders below data/mimic that are searched; `wget -r` needs five
CODE_COLUMNS = ["hadm_id", "icd_code", "icd_version"]
TITLE_COLUMNS = ["icd_code", "icd_version", "long_title"]
VERSION = re.compile(r"(?:^|[^\d.])(\d+(?:\.\d+)+)$")


@dataclass(frozen=True)
class Product:
    """What PhysioNet publishes under one title.

    Attributes:
        title: its name on PhysioNet.
        page: what to search PhysioNet for.
        files: the columns that the pipeline reads of each file, by its name without ending.
    """

    title: str
    page: str
    files: Mapping[str, list[str]]


MIMIC_IV = Product(
    "MIMIC-IV",
    "MIMIC-IV",
    {
        "hosp/procedures_icd": CODE_COLUMNS,
        "hosp/diagnoses_icd": CODE_COLUMNS,
        "hosp/d_icd_procedures": TITLE_COLUMNS,
        "hosp/d_icd_diagnoses": TITLE_COLUMNS,
    },
)
MIMIC_IV_NOTE = Product(
    "MIMIC-IV-Note",
    "MIMIC-IV-Note: Deidentified free-text clinical notes",
    {"note/discharge": ["subject_id", "hadm_id", "note_seq", "text"]},
)
PRODUCTS = (MIMIC_IV_NOTE, MIMIC_IV)


@dataclass(frozen=True)
class Release:
    """A product as it lies on disk.

    Attributes:
        product: what it is.
        root: the folder that holds `hosp` or `note`.
        version: as the folders' names tell it, such as `3.1`; None where they do not.
        files: the path of each of the product's files that is there, by name without ending.
    """

    product: Product
    root: Path
    version: str | None
    files: dict[str, Path]

    @property
    def label(self) -> str:
        """Title and version, for people."""
        return f"{self.product.title} {self.version or '(version not named)'}"

    @property
    def missing(self) -> list[str]:
        """The product's files that are not there."""
        return [name for name in self.product.files if name not in self.files]


def find_releases(folder: Path, product: Product) -> list[Release]:
    """Finds every release of a product below a folder, complete or not."""
    roots: dict[Path, dict[str, Path]] = {}
    for directory in folders_below(folder):
        for name in product.files:
            for ending in ENDINGS:
                path = directory / (name + ending)
                if path.is_file():
                    roots.setdefault(directory, {}).setdefault(name, path)
    releases = [Release(product, root, _version(root.relative_to(folder)), files) for root, files in roots.items()]
    return sorted(releases, key=lambda release: release.root)


def require_release(folder: Path, product: Product) -> Release:
    """Finds the one release of a product below a folder.

    Which version a result rests on must never depend on what else was downloaded, so two of them are an error.

    Raises:
        UserError: none, several, or one that lacks a file.
    """
    releases = find_releases(folder, product)
    if not releases:
        names = " and ".join(f"{name}.csv.gz" for name in product.files)
        raise UserError(f"{folder}: no such file as {names}. Get {product.title} from PhysioNet, and see `make check`.")
    if len(releases) > 1:
        places = ", ".join(f"{release.version or 'no version named'} in {release.root}" for release in releases)
        raise UserError(
            f"{folder}: {len(releases)} releases of {product.title}: {places}. Leave the one to use there and move the "
            "others elsewhere."
        )
    release = releases[0]
    if release.missing:
        raise UserError(
            f"{release.root / release.missing[0]}.csv.gz: no such file, though {release.label} is there. Get it from "
            f"PhysioNet, and see `make check`."
        )
    return release


def read_checksums(release: Release) -> dict[str, str]:
    """The SHA-256 sums in the release's own SHA256SUMS.txt, by path in the release; empty where the list is not there.

    Raises:
        UserError: the list is there, but is no text, or a web page.
    """
    path = release.root / CHECKSUMS
    if not path.is_file():
        return {}
    message = kinds.other_kind(path, kinds.TEXT)
    try:
        lines = path.read_text(encoding="utf-8-sig").splitlines()
    except UnicodeDecodeError:
        message = message or f"{path}: not text in UTF-8. Copy it again from its source."
    if message:
        raise UserError(message)
    sums = (line.strip().partition(" ") for line in lines)
    # `sha256sum` writes a name as `name`, `./name` or `*name`.
    return {name.strip().lstrip("*").removeprefix("./"): checksum.lower() for checksum, _, name in sums}


def folders_below(folder: Path) -> Iterator[Path]:
    """The folder and those below it, as deep as a release may lie; links are followed, hidden and waste folders not."""
    for name, below, _ in os.walk(folder, followlinks=True):
        directory = Path(name)
        below[:] = sorted(b for b in below if not b.startswith(".") and not is_dropping(Path(b)))
        if len(directory.relative_to(folder).parts) >= DEPTH:
            below.clear()
        yield directory


def _version(root: Path) -> str | None:
    """The version at the end of the innermost folder's name that has one."""
    matches = (VERSION.search(part) for part in reversed(root.parts))
    return next((match[1] for match in matches if match), None)
