"""Both stages of the corpora, on data that the demo kit has not made: of these, too, the tests look at every count."""

import gzip
from pathlib import Path

from synthnotes.machinery import params
from synthnotes.machinery.files import read_json
from synthnotes.stages import cohort
from synthnotes.stages import corpus as preparation

ROOT = Path(__file__).parents[3]
MIMIC, SEPR = (params.read(ROOT / "params.yaml").corpora[corpus].source for corpus in ("mimic", "sepr"))
CODES = "subject_id,hadm_id,seq_num,icd_code,icd_version\n"
TITLES = "icd_code,icd_version,long_title\nI10,10,Hypertension\n"


def mimic_files(notes=40):
    """A small MIMIC by file: an admission for each note, two to a patient, all with the same three codes."""
    rows = "".join(f'{i}-DS-1,{i // 2},{i},1,"Chief Complaint:\nNote ""{i}"", {i}"\n' for i in range(notes))
    return {
        "note/discharge": "note_id,subject_id,hadm_id,note_seq,text\n" + rows,
        "hosp/diagnoses_icd": CODES
        + "".join(f"{i // 2},{i},1,{c},10\n" for i in range(notes) for c in ("I10", "E119")),
        "hosp/procedures_icd": CODES + "".join(f"{i // 2},{i},1,0DTJ4ZZ,10\n" for i in range(notes)),
        "hosp/d_icd_diagnoses": TITLES,
        "hosp/d_icd_procedures": TITLES,
    }


def put_release(folder, files, ending=".csv.gz", places=None):
    """Writes files of MIMIC below a folder, those of `note` and of `hosp` in their places there."""
    for name, content in files.items():
        path = folder / (places or {}).get(name.split("/")[0], "") / (name + ending)
        path.parent.mkdir(parents=True, exist_ok=True)
        data = content.encode() if isinstance(content, str) else content
        path.write_bytes(gzip.compress(data) if ending.endswith("gz") else data)


def parameters_of_own_data(minimum_patients=1):
    """params.yaml for own data, with results that may rest on that many patients."""
    text = (ROOT / "params.yaml").read_text(encoding="utf-8")
    own = {"demo: true": "demo: false", "minimum_patients: 10": f"minimum_patients: {minimum_patients}"}
    for there, changed in own.items():
        assert there in text
        text = text.replace(there, changed)
    return text


def prepare(folder, corpus):
    """Runs the stage `corpus` on the folder of that name; what it writes lies in `out`."""
    names = ("notes", "codes.csv", "records", "words.txt", "facts")
    language = ROOT / "languages" / f"{params.declaration(corpus).language}.yaml"
    return preparation.main(corpus, folder / corpus, *(folder / "out" / name for name in names), language)


def describe(folder, corpus):
    """Runs the stage `cohort` on what `prepare` has written; its results."""
    names = ("notes", "codes.csv", "records", "facts", "r.json", "attrition.csv")
    cohort.main(corpus, *(folder / "out" / name for name in names))
    return read_json(folder / "out/r.json")
