"""A hospital's own corpus, 60 invented notes in German, brought by a declaration and a language file alone."""

import shutil
from itertools import product

import numpy as np
import pandas as pd
import pyarrow.parquet as pq
import pytest
import tiny_models
import yaml
from own_data import ROOT, describe

from synthnotes.corpus import notes as note_table
from synthnotes.errors.word_noise import list_words
from synthnotes.generation.records import read_records
from synthnotes.machinery import params, pipeline
from synthnotes.machinery.files import UserError, read_json
from synthnotes.preflight import check
from synthnotes.stages import coding, fidelity, privacy
from synthnotes.stages import corpus as preparation

WORDS = {"I10": "Bluthochdruck", "E11.9": "Zuckerkrankheit", "J18.9": "Lungenentzündung", "0DTJ4ZZ": "Blinddarm"}
GERMAN = {
    "name": "German",
    "prompt": "Aufgabe:\n{instruction}\n\nDiagnosen:\n{input}\n\nBrief:\n",
    "instruction": "Schreibe einen Arztbrief zu diesen Diagnosen.",
    "stop_words": "und der die das mit wurde nicht eine bei auf ist dem zur",
    "word_list": "de",
    "rouge_tokenizer": "unicode",
    "abbreviations": ["z.B", "bzw", "Dr"],
}
DECLARED = {
    "name": "Klinik",
    "description": "the hospital's own letters",
    "language": "de",
    "source": {
        "reader": "table",
        "notes": "briefe.csv",
        "columns": {"note_id": "fall", "text": "brief", "codes": "icd", "patient_id": "patient"},
        "titles": "katalog.csv",
        "title_columns": {"code": "schluessel", "title": "bezeichnung"},
        "procedures": True,
    },
    "access": "the hospital's archive",
    "models": {"generator": "any", "encoder": "any"},
    "corpus": {"minimum_notes_per_code": 2, "prompts_share": 0.3},
    "finetune": {},
    "generate": {},
    "coding": {"epochs": 1, "warmup_steps": 1, "chunk_tokens": 16},
    "questionnaire": {},
    "weights": {training: {} for training in params.TRAINING_SETS},
}


def letters(**changed):
    """60 letters of 40 patients, whose codes stand as text that separates them; each a text of its own."""
    rng = np.random.default_rng(5)
    chosen = [sorted(rng.choice(list(WORDS), 2, replace=False)) for _ in range(60)]
    begun = list(map(" ".join, product(("Seit", "Bekannt"), ("Wochen", "Tagen", "Jahren"), ("leicht", "stark"))))
    told = [
        f"{begun[n % 12]} {' und '.join(map(WORDS.get, own))} {'sehr ' * (n // 12)}.\nDer Patient wurde entlassen."
        for n, own in enumerate(chosen)
    ]
    patients = [n % 40 for n in range(60)]
    codes = ["; ".join(own) for own in chosen]
    columns = {"fall": [f"F{n:03d}" for n in range(60)], "patient": patients, "brief": told, "icd": codes}
    return pd.DataFrame(columns).assign(**changed)


@pytest.fixture
def project(project):
    """The fixture's folder with the pipeline, the declaration, the language file and the data: no line of code."""
    shutil.copy(ROOT / "dvc.yaml", project)
    shutil.copy(ROOT / "machine.yaml", project)
    declare(project)
    wording = yaml.safe_load((ROOT / "languages/en.yaml").read_text(encoding="utf-8"))["questionnaire"]
    (project / "languages").mkdir()
    speak(project, GERMAN | {"questionnaire": wording | {"language": "deu", "language_tag": "de"}})
    titles = pd.DataFrame({"schluessel": [*WORDS, "Z99"], "bezeichnung": [*WORDS.values(), "ohne Fall"]})
    (project / "data/klinik").mkdir(parents=True)
    titles.to_csv(project / "data/klinik/katalog.csv", index=False)
    letters().to_csv(project / "data/klinik/briefe.csv", index=False)
    return project


def declare(project, **changed):
    values = yaml.safe_load((project / "params.yaml").read_text(encoding="utf-8"))
    values["corpora"] = {"klinik": DECLARED | {"source": DECLARED["source"] | changed}}
    values["noise"]["corpora"] = []
    (project / "params.yaml").write_text(yaml.safe_dump(values), encoding="utf-8")


def speak(project, language):
    (project / "languages/de.yaml").write_text(yaml.safe_dump(language, allow_unicode=True), encoding="utf-8")


def prepare(project):
    out = [project / "out" / name for name in ("notes", "codes.csv", "records", "words.txt", "facts")]
    return preparation.main("klinik", project / "data/klinik", *out, project / "languages/de.yaml")


def test_the_pipeline_has_its_stages(project):
    made = pipeline.stages(project)
    assert {"corpus@klinik", "finetune@klinik", "coding@klinik-real_s-1337", "privacy@klinik"} <= set(made)
    assert "utility/klinik.json" in pipeline.result_files(made)
    assert not any("mimic" in name or "sepr" in name for name in made)


def test_it_goes_from_the_table_to_prompts_a_coder_and_privacy(project, monkeypatch):
    assert prepare(project).startswith("klinik: 60 notes")
    tables = {subset: note_table.read(project / f"out/notes/real_{subset}.parquet") for subset in "lse"}
    of_patient = pd.concat(tables.values(), keys=tables).reset_index(level=0).groupby("patient_id")["level_0"].nunique()
    assert (len(of_patient), of_patient.max()) == (40, 1)  # no patient in two subsets
    results = describe(project, "klinik")
    assert results["attrition"]["released"]["patients"] == 40
    assert results["attrition"]["released"]["admissions"] is None
    assert (results["codes"]["unique_procedures"], results["codes"]["unique_diagnoses"]) == (1, 3)

    record = read_records(project / "out/records/prompts.jsonl")[0]
    assert record.prompt.startswith("Aufgabe:\nSchreibe einen Arztbrief")
    assert record.prompt.endswith(f"{record.input}\n\nBrief:\n")
    assert set(record.input) <= set(WORDS.values())
    assert (project / "out/words.txt").read_text(encoding="utf-8").split()[:50] == list_words("de", 20_000)[:50]

    monkeypatch.setattr(tiny_models, "FILLERS", " ".join(letters()["brief"]).replace(".", " . ").split())
    encoder, notes = tiny_models.save_encoder(project / "encoder"), project / "out/notes"
    given = notes / "real_s.parquet", notes / "real_s.parquet", notes / "real_e.parquet", encoder, project / "models"
    codes, accelerate, work = project / "out/codes.csv", project / "accelerate", project / "work"
    assert "best epoch 1" in coding.main("klinik", 7, *given, codes, accelerate, work, project / "coder")
    assert read_json(project / "coder/coder.json")["best_epoch"] == 1

    copied = tables["s"].assign(text=tables["l"]["text"].iloc[0])
    note_table.write(project / "synthetic.parquet", copied)
    language = project / "languages/de.yaml"
    fidelity.main(notes / "real_s.parquet", project / "synthetic.parquet", language, project / "fidelity.json")
    outputs = [
        project / name for name in ("neighbours.parquet", "longest.csv", "privacy.json", "recall.csv", "passages.csv")
    ]
    compared = (
        notes / "real_l.parquet",
        project / "synthetic.parquet",
        notes / "real_e.parquet",
        notes / "real_s.parquet",
    )
    privacy.main(language, *compared, notes / "unseen.parquet", work, *outputs)
    found = pq.read_table(outputs[0]).to_pandas()
    assert (found.loc[found["kind"] == "synthetic", "recall"] == 1).all()  # copies, umlauts and all


@pytest.mark.parametrize(
    ("name", "write"),
    [
        ("briefe.parquet", lambda table, path: table.to_parquet(path)),
        ("briefe.feather", lambda table, path: table.to_feather(path)),
        ("briefe.csv.gz", lambda table, path: table.to_csv(path, index=False)),
    ],
)
def test_the_table_may_be_of_each_kind(project, name, write):
    prepare(project)
    before = [note_table.read(path) for path in sorted((project / "out/notes").glob("real_*"))]
    write(
        letters(icd=[text.split("; ") for text in letters()["icd"]] if "csv" not in name else letters()["icd"]),
        project / "data/klinik" / name,
    )
    declare(project, notes=name)
    prepare(project)
    for path, table in zip(sorted((project / "out/notes").glob("real_*")), before, strict=True):
        pd.testing.assert_frame_equal(note_table.read(path), table)


def test_codes_may_be_json_text(project):
    prepare(project)
    before = note_table.read(project / "out/notes/real_l.parquet")
    as_json = ['["' + text.replace("; ", '", "') + '"]' for text in letters()["icd"]]
    letters(icd=as_json).to_csv(project / "data/klinik/briefe.csv", index=False)
    prepare(project)
    pd.testing.assert_frame_equal(note_table.read(project / "out/notes/real_l.parquet"), before)


def test_a_diagnosis_of_seven_characters_keeps_its_dot_and_its_kind(project):
    """Without the dot it has the form of a procedure: H40.1111 would be one of ICD-10-PCS's hearing aids."""
    letters(icd=["H40.1111, 0DTJ4ZZ"] * 60).to_csv(project / "data/klinik/briefe.csv", index=False)
    prepare(project)
    codes = pd.read_csv(project / "out/codes.csv").set_index("code")["kind"].to_dict()
    assert codes == {"0DTJ4ZZ": "procedure", "H40.1111": "diagnosis"}


def test_without_patients_each_note_is_one_and_that_is_said(project):
    declare(project, columns=DECLARED["source"]["columns"] | {"patient_id": None})
    prepare(project)
    assert describe(project, "klinik")["attrition"]["released"]["patients"] is None
    monkeypatch_free = check.check(project / "data", project / "languages", params.read(), None)
    assert any(
        "names no patients; every note counts as one of its own" in finding.text for finding in _first(monkeypatch_free)
    )


def _first(findings):
    """The findings before those about the machine, of which none was given."""
    found = []
    for finding in findings:
        found.append(finding)
        if "disk, memory and GPUs" in finding.text:
            break
    return found


@pytest.mark.parametrize(
    ("changed", "message"),
    [
        ({"notes": "briefe.xlsx"}, r"briefe\.xlsx: no such file|expected a file that ends in"),
        (
            {"columns": DECLARED["source"]["columns"] | {"codes": "icd10"}},
            "column icd10 is missing .found: fall, patient",
        ),
        ({"titles": "titel.csv"}, r"titel\.csv: no such file"),
        ({"title_columns": {"code": "code", "title": "bezeichnung"}}, "column code is missing .found: schluessel"),
    ],
)
def test_a_declaration_that_does_not_fit_the_files_is_told(project, changed, message):
    declare(project, **changed)
    with pytest.raises(UserError, match=message):
        prepare(project)
    assert not (project / "out").exists()


def test_a_patient_that_is_missing_drops_the_note_and_is_counted(project):
    letters(patient=[None, *range(1, 60)]).to_csv(project / "data/klinik/briefe.csv", index=False)
    prepare(project)
    assert describe(project, "klinik")["attrition"]["with_patient"]["dropped"] == 1


def test_a_column_that_stands_there_twice_is_told(project):
    path = project / "data/klinik/briefe.csv"
    path.write_text(path.read_text(encoding="utf-8").replace("fall,patient,", "fall,fall,", 1), encoding="utf-8")
    with pytest.raises(UserError, match="column fall stands there 2 times"):
        prepare(project)


def test_a_language_without_a_file_is_refused_with_what_is_missing(project):
    (project / "languages/de.yaml").rename(project / "languages/at.yaml")
    with pytest.raises(
        UserError, match=r"de\.yaml: missing \(there: at\.yaml\)\. A language is a file with name, prompt"
    ):
        prepare(project)


@pytest.mark.parametrize("key", [*GERMAN, "questionnaire"])
def test_a_language_file_that_lacks_a_key_is_told(project, key):
    whole = yaml.safe_load((project / "languages/de.yaml").read_text(encoding="utf-8"))
    speak(project, {name: value for name, value in whole.items() if name != key})
    with pytest.raises(UserError, match=rf"de\.yaml: {key}: Field required"):
        prepare(project)
    assert not (project / "out").exists()


def test_a_questionnaire_that_lacks_a_text_is_told_before_days_of_training(project):
    whole = yaml.safe_load((project / "languages/de.yaml").read_text(encoding="utf-8"))
    del whole["questionnaire"]["goodbye"]
    speak(project, whole)
    with pytest.raises(UserError, match=r"de\.yaml, questionnaire: goodbye: Field required"):
        prepare(project)
