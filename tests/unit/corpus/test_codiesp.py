"""CodiEsp's folder, whole and damaged, in an invented corpus of its shape: not a word of a real case."""

import shutil

import pandas as pd
import pyarrow.parquet as pq
import pytest
import yaml
from own_data import ROOT, describe, prepare

from synthnotes.corpus import codiesp
from synthnotes.corpus import notes as note_table
from synthnotes.machinery.files import UserError, read_json
from synthnotes.machinery.params import CodiespSource

SIZES = {"train": 12, "dev": 6, "test": 6}
LABELS = "{case}\ti10\n{case}\te11.9\n"


def case_of(part, number):
    return f"S0000-{part}-{number}"


def text_of(case):
    return f"Caso {case}: hipertensión y una ecografía del riñón.\n\nDiabetes conocida."


def put_corpus(root, labels=LABELS):
    """Writes the corpus as its archive unpacks: two diagnoses and a procedure, cut to four characters, in each case."""
    for part, size in {**SIZES, "background": 3}.items():
        for folder, words in (("text_files", text_of), ("text_files_en", lambda case: f"Case {case}: hypertension.")):
            (root / part / folder).mkdir(parents=True)
            for number in range(size):
                case = case_of(part, number)
                (root / part / folder / f"{case}.txt").write_text(words(case), encoding="utf-8")
        if part == "background":
            continue
        cases = [case_of(part, number) for number in range(size)]
        (root / part / f"{part}D.tsv").write_text("".join(labels.format(case=case) for case in cases))
        (root / part / f"{part}P.tsv").write_text("".join(f"{case}\tbt41\n" for case in cases))
        rows = []
        for case in cases:
            text = text_of(case)
            at = {
                word: (text.index(word), text.index(word) + len(word))
                for word in ("hipertensión", "ecografía", "riñón")
            }
            rows.append(f"{case}\tDIAGNOSTICO\ti10\thipertensión\t{at['hipertensión'][0]} {at['hipertensión'][1]}")
            pieces = ";".join(f"{start} {end}" for start, end in (at["ecografía"], at["riñón"]))
            rows.append(f"{case}\tPROCEDIMIENTO\tbt41\tecografía riñón\t{pieces}")
        (root / part / f"{part}X.tsv").write_text("\n".join(rows) + "\n", encoding="utf-8")


@pytest.fixture
def project(project):
    """A project that declares CodiEsp as configs/open.yaml does, in Spanish, and has it below data's folder."""
    put_corpus(project / "codiesp/final_dataset_v4_to_publish")
    declare(project, text="es")
    return project


def declare(project, **source):
    values = yaml.safe_load((project / "params.yaml").read_text(encoding="utf-8"))
    declared = yaml.safe_load((ROOT / "configs/open.yaml").read_text(encoding="utf-8"))["corpora"]["codiesp"]
    declared["source"] |= source
    declared["language"] = declared["source"]["text"]
    values |= {"corpora": {"codiesp": declared}} | {"noise": values["noise"] | {"corpora": []}}
    (project / "params.yaml").write_text(yaml.safe_dump(values), encoding="utf-8")


def refused(project, message):
    with pytest.raises(UserError, match=message) as error:
        prepare(project, "codiesp")
    assert "Caso" not in str(error.value)
    assert not (project / "out").exists()
    return str(error.value)


def test_the_official_parts_are_the_subsets(project):
    assert prepare(project, "codiesp").startswith("codiesp: 24 notes (L 12, S 6, E 6), 3 codes")
    for subset, part in {"l": "train", "s": "dev", "e": "test"}.items():
        table = note_table.read(project / f"out/notes/real_{subset}.parquet")
        assert set(table["note_id"]) == {case_of(part, number) for number in range(SIZES[part])}
        assert table["codes"].tolist() == [["BT41", "E11.9", "I10"]] * SIZES[part]
        assert (table["text"] == [text_of(case) for case in table["note_id"]]).all()
    codes = pd.read_csv(project / "out/codes.csv").set_index("code")
    assert codes["kind"].to_dict() == {"BT41": "procedure", "E11.9": "diagnosis", "I10": "diagnosis"}
    assert codes.loc["I10", "title"] == "Essential (primary) hypertension"
    results = describe(project, "codiesp")
    assert results["codes"]["without_description"] == 1  # the procedure: no list of the publishers lies beside
    assert results["attrition"]["released"]["patients"] is None


def test_without_the_official_parts_the_subsets_are_drawn(project):
    declare(project, text="es", official_parts=False)
    prepare(project, "codiesp")
    assert describe(project, "codiesp")["splits"]["by"] == "patient, iterative stratification"


def test_the_translation_is_read_on_wish(project):
    declare(project, text="en")
    prepare(project, "codiesp")
    assert (
        note_table.read(project / "out/notes/real_s.parquet")["text"].iloc[0]
        == f"Case {case_of('dev', 0)}: hypertension."
    )


def test_passages_are_kept_with_the_offsets_of_their_pieces(project):
    prepare(project, "codiesp")
    passages = pq.read_table(project / "out/facts/passages.parquet").to_pandas()
    assert len(passages) == 2 * 24
    procedure = passages[passages["kind"] == "procedure"].iloc[0]
    text = text_of(procedure["note_id"])
    pieces = [text[start:end] for start, end in zip(procedure["starts"], procedure["ends"], strict=True)]
    assert (procedure["code"], pieces) == ("BT41", ["ecografía", "riñón"])
    assert read_json(project / "out/facts/facts.json")["release"]["passages"] == 48


def test_cases_without_codes_are_further_unseen_notes(project):
    background = project / "codiesp/final_dataset_v4_to_publish/background/text_files"
    (background / "again.txt").write_text(text_of(case_of("test", 1)), encoding="utf-8")  # one of the test part's
    prepare(project, "codiesp")
    unseen = pq.read_table(project / "out/notes/unseen.parquet").to_pandas()
    assert unseen["note_id"].tolist() == [case_of("background", number) for number in range(3)]
    assert unseen["patient_id"].tolist() == unseen["note_id"].tolist()


def test_the_publishers_titles_are_taken_where_they_lie_beside(project):
    (project / "codiesp/codes").mkdir()
    for name, row in {
        "P": "bt41\tEcografía de riñón\tUltrasonography of kidney\n",
        "D": "i10\tHipertensión esencial\t\n",
    }.items():
        (project / f"codiesp/codes/codiesp-{name}_codes.tsv").write_text(row, encoding="utf-8")
    prepare(project, "codiesp")
    titles = pd.read_csv(project / "out/codes.csv").set_index("code")["title"]
    assert titles[["BT41", "I10"]].tolist() == ["Ecografía de riñón", "Hipertensión esencial"]
    assert titles["E11.9"].startswith("Type 2 diabetes")
    declare(project, text="en")
    prepare(project, "codiesp")
    assert pd.read_csv(project / "out/codes.csv").set_index("code")["title"]["BT41"] == "Ultrasonography of kidney"


@pytest.mark.parametrize("place", ["", "a/b/c", "codiesp-v4 (1)"])
def test_the_folder_may_lie_higher_or_deeper(project, place):
    there = project / "codiesp/final_dataset_v4_to_publish"
    there.rename(project / "unpacked")
    shutil.copytree(project / "unpacked", project / "codiesp" / place, dirs_exist_ok=True)
    assert prepare(project, "codiesp").startswith("codiesp: 24 notes")


def test_the_corpus_twice_is_refused(project):
    shutil.copytree(project / "codiesp/final_dataset_v4_to_publish", project / "codiesp/again")
    refused(project, "the corpus lies there 2 times: .*again.*final_dataset")


def test_no_corpus_is_told_with_where_to_get_it(project):
    shutil.rmtree(project / "codiesp/final_dataset_v4_to_publish")
    refused(project, r"no train/trainD\.tsv in it or below it\. Get CodiEsp, version 4, from Zenodo")


def test_a_test_part_without_labels_is_an_earlier_version(project):
    (project / "codiesp/final_dataset_v4_to_publish/test/testD.tsv").unlink()
    refused(project, r"testD\.tsv: missing\. Get CodiEsp, version 4.* Earlier versions have no codes of the part test")


@pytest.mark.parametrize(
    ("file", "line", "message"),
    [
        ("trainD.tsv", "S0000-train-99\ti10\n", r"trainD\.tsv: line 25: a case of which there is no text"),
        ("trainD.tsv", "S0000-train-1 i10\n", r"trainD\.tsv: line 25: 1 columns instead of 2"),
        (
            "trainX.tsv",
            "S0000-train-1\tDIAGNOSTICO\ti10\tx\t5 5000\n",
            r"line 25: offsets outside of the text, which has \d",
        ),
        ("trainX.tsv", "S0000-train-1\tDIAGNOSTICO\ti10\tx\t9 5\n", "line 25: offsets outside of the text"),
        (
            "trainX.tsv",
            "S0000-train-1\tDIAGNOSTICO\ti10\tx\tfive\n",
            "line 25: expected PROCEDIMIENTO or DIAGNOSTICO and offsets",
        ),
        ("trainX.tsv", "S0000-train-1\tOTRO\ti10\tx\t1 2\n", "line 25: expected PROCEDIMIENTO or DIAGNOSTICO"),
        (
            "trainX.tsv",
            "S0000-train-1\tDIAGNOSTICO\ti10\totra cosa\t1 2\n" * 2,
            "2 of 26 passages do not stand at their off",
        ),
        (
            "trainD.tsv",
            "".join(f"S0000-train-{n}\thipertensión\n" for n in range(9)),
            "9 of 33 codes have no form of an ICD-10",
        ),
    ],
)
def test_a_damaged_file_is_told_by_its_line(project, file, line, message):
    path = project / "codiesp/final_dataset_v4_to_publish/train" / file
    with path.open("a", encoding="utf-8") as content:
        content.write(line)
    assert str(path) in refused(project, message)


def test_a_text_that_is_not_utf_8_is_told(project):
    path = project / "codiesp/final_dataset_v4_to_publish/dev/text_files" / f"{case_of('dev', 2)}.txt"
    path.write_bytes("riñón".encode("latin-1"))
    assert str(path) in refused(project, "text that is not UTF-8")


def test_a_translation_that_is_missing_is_told(project):
    declare(project, text="en")
    (project / "codiesp/final_dataset_v4_to_publish/dev/text_files_en" / f"{case_of('dev', 2)}.txt").unlink()
    refused(project, r"text_files_en/S0000-dev-2\.txt: no such file")


def test_a_passage_that_is_a_character_off_is_kept(tmp_path):
    """A handful of the real corpus's are; many would mean that texts and offsets are of different versions."""
    put_corpus(tmp_path / "c")
    path = tmp_path / "c/train/trainX.tsv"
    first, *others = path.read_text(encoding="utf-8").splitlines()
    case, kind, code, quoted, offsets = first.split("\t")
    start, end = map(int, offsets.split())
    path.write_text("\n".join(["\t".join([case, kind, code, quoted, f"{start} {end + 1}"]), *others]), encoding="utf-8")
    found = codiesp.load(tmp_path, CodiespSource(reader="codiesp", text="es", official_parts=True), 1)
    assert len(found.passages) == 48
