"""The stages of the corpus on a release of MIMIC-IV's full size: from PhysioNet's files to described note tables.

The release is made first, in a temporary folder that is removed afterwards: 331,793 invented discharge notes of some
1,500 words and about six million rows of codes, of which those of four admissions in ten are ICD-10, by frequencies
that fall as 1/rank. Making it is not timed. `python benchmarks/full_release.py SHARE` makes a part of it. What is timed
is what the stages call, in a process of its own: reading, selecting and cleaning (`mimic.load`); splitting and
describing (`divide`, `describe`); writing.
"""

import gzip
import sys
import tempfile
import time
from pathlib import Path
from typing import Any

import invented
import machine
import numpy as np
import pyarrow as pa
import pyarrow.csv as pacsv

from synthnotes.corpus import mimic, sources
from synthnotes.corpus import notes as note_table
from synthnotes.corpus.description import describe
from synthnotes.corpus.splits import divide
from synthnotes.machinery import params
from synthnotes.machinery.params import MimicSource

NOTES, ADMISSIONS, PATIENTS = 331_793, 430_000, 180_000
ROWS = {"diagnoses": 5_100_000, "procedures": 860_000}
CODES = {"diagnoses": 20_000, "procedures": 12_000}
ICD10 = 0.4  # of the patients
PLACES = {"note": "physionet.org/files/mimic-iv-note/2.2", "hosp": "physionet.org/files/mimiciv/3.1"}


def make(folder: Path, share: float) -> None:
    """Writes a share of a release as `wget -r` leaves it."""
    rng = np.random.default_rng(1)
    subjects = 10_000_000 + np.sort(rng.integers(0, max(1, int(PATIENTS * share)), int(ADMISSIONS * share)))
    admissions = 20_000_000 + rng.permutation(int(ADMISSIONS * share))
    icd10 = subjects * 2_654_435_761 % 1000 < 1000 * ICD10
    for kind, title in (("diagnoses", "Diagnosis"), ("procedures", "Procedure")):
        names = _names(kind)
        weights = 1 / (20 + np.arange(len(names)))
        row = np.sort(rng.integers(0, len(admissions), int(ROWS[kind] * share)))
        code = rng.choice(len(names), len(row), p=weights / weights.sum())
        version = np.where(icd10[row], 10, 9)
        old = np.char.mod("%05d", np.arange(len(names)) % 100_000)
        table = {
            "subject_id": subjects[row], "hadm_id": admissions[row], "seq_num": np.ones(len(row), int),
            "icd_code": np.where(version == 10, np.array(names)[code], old[code]), "icd_version": version,
        }  # fmt: skip
        _write(folder, f"hosp/{kind}_icd", pa.table(table))
        titles = [f"{title} {name}, of a longish official wording" for name in names]
        _write(
            folder,
            f"hosp/d_icd_{kind}",
            pa.table({"icd_code": names, "icd_version": [10] * len(names), "long_title": titles}),
        )
    _write_notes(folder, subjects, admissions, rng.permutation(len(admissions))[: int(NOTES * share)])


def _names(kind: str) -> list[str]:
    """Codes without dots, of the form of their kind, the most frequent first."""
    rng = np.random.default_rng(2)
    number = rng.permutation(100_000)[: CODES[kind]]
    if kind == "procedures":
        return [f"0{n:05d}Z" for n in number]
    return [f"{'ABCDEFGHJKLMNPQRSTZI'[n % 20]}{n // 1000:02d}{n % 1000 // 10:02d}" + f"{n % 10}" for n in number]


def _write(folder: Path, name: str, table: pa.Table) -> None:
    path = folder / PLACES[name.split("/")[0]] / f"{name}.csv.gz"
    path.parent.mkdir(parents=True, exist_ok=True)
    with gzip.open(path, "wb", compresslevel=1) as file:
        pacsv.write_csv(table, file)


def _write_notes(folder: Path, subjects: np.ndarray, admissions: np.ndarray, rows: np.ndarray) -> None:
    path = folder / PLACES["note"] / "note/discharge.csv.gz"
    path.parent.mkdir(parents=True, exist_ok=True)
    texts = invented.long_notes(invented.sections(), seed=3)
    with gzip.open(path, "wb", compresslevel=1) as file:
        file.write(b"note_id,subject_id,hadm_id,note_type,note_seq,charttime,storetime,text\n")
        for row, text in zip(np.sort(rows), texts, strict=False):
            start = f"{subjects[row]}-DS-{row},{subjects[row]},{admissions[row]},DS,{row},2150-01-01,2150-01-02"
            file.write(f'{start},"{text.replace(chr(34), chr(34) * 2)}"\n'.encode())


def measure(data: str) -> dict[str, Any]:
    """Times the stages' steps on a release."""
    folder, marks, names = Path(data), [time.perf_counter()], ("read_and_clean", "divide", "checksums_and_write")
    settings = (
        params.read(Path("params.yaml"))
        .of("mimic")
        .corpus.model_copy(update={"prompts_share": 0.10, "evaluation_share": 0.15})
    )
    corpus = mimic.load(folder, MimicSource(reader="mimic"), settings.minimum_notes_per_code)
    peak = machine.resource.getrusage(machine.resource.RUSAGE_SELF).ru_maxrss / 2**20
    marks.append(time.perf_counter())
    subsets = divide(corpus, settings, None)
    facts = {"corpus": "mimic", "sources_sha256": {}, "release": corpus.release, "names_patients": True}
    facts |= {
        "attrition": corpus.attrition.steps,
        "code_rows": corpus.attrition.code_rows,
        "split_file": None,
        "groups": subsets.groups,
    }
    described = describe(subsets.tables, subsets.codes, facts, settings)
    marks.append(time.perf_counter())
    for path in corpus.files:
        sources.sha256(path)
    for name, table in subsets.tables.items():
        note_table.write(folder / f"out/{name}.parquet", table)
    marks.append(time.perf_counter())
    return {
        "released": corpus.release["discharge_notes"],
        "code_rows": sum(kind["released"] for kind in corpus.attrition.code_rows.values()),
        "notes": len(corpus.notes),
        "codes": len(subsets.codes),
        "words": described["words_per_note"]["mean"],
        "seconds": dict(zip(names, np.diff(marks).tolist(), strict=True)),
        "peak_gib_read_and_clean": peak,
    }


def _gib(folder: Path) -> float:
    """How much the files below a folder hold."""
    return sum(path.stat().st_size for path in folder.rglob("*") if path.is_file()) / 2**30


def main(share: float) -> None:
    """Makes a release, measures the stages on it, prints and saves the figures."""
    with tempfile.TemporaryDirectory(prefix="release-") as name:
        started = time.perf_counter()
        make(Path(name), share)
        made = {"share": share, "made_in_seconds": time.perf_counter() - started, "gib_on_disk": _gib(Path(name))}
        print(f"made in {made['made_in_seconds']:.0f} s", flush=True)
        found = made | machine.in_child(__file__, "measure", name)
    for key, value in found.items():
        print(f"{key:>24} {value}")
    machine.save("full_release" if share == 1 else "part_of_release", found)


if __name__ == "__main__":
    if sys.argv[1:2] == ["measure"]:
        machine.report(measure(sys.argv[2]))
    else:
        main(float(sys.argv[1]) if len(sys.argv) > 1 else 1.0)
