"""Codes as people write them: marks and separators, procedures among diagnoses, texts that stand for no value."""

import gzip

import pandas as pd
import pyarrow as pa
import pyarrow.feather as feather
import pytest
import simple_icd_10_cm as icd10cm
from hypothesis import given
from hypothesis import strategies as st
from own_data import SEPR

from synthnotes.corpus import icd, mimic
from synthnotes.corpus import table as tables
from synthnotes.corpus.attrition import Attrition, collect_titles, has_text
from synthnotes.corpus.cells import ABSENT, is_absent
from synthnotes.machinery.files import UserError

DISEASES = [name for name in icd10cm.get_all_codes(with_dots=True) if icd10cm.is_category(name)]
DISEASES += [name for name in icd10cm.get_all_codes(with_dots=True) if icd10cm.is_subcategory(name)]
TWO = ["I10.9", "E11.9"]
SPELLINGS = {
    "I10.9+": ["I10.9"], "E11.9*": ["E11.9"], "E10.4‡": ["E10.4"], "E10.4†": ["E10.4"], "U80.1!": ["U80.1"],
    "*G63.2": ["G63.2"], "(E11.9)": ["E11.9"], "[I10]": ["I10"], "<I10>": ["I10"], "“I10”": ["I10"], "'I10'": ["I10"],
    "J45-P": ["J45"], "j45.9-p": ["J45.9"], "I10-": ["I10"], "I10.-": ["I10"], "E11.–": ["E11"], "S72.00": ["S72.00"],
    "I10,": ["I10"], " i109 ": ["I10.9"], "I10\u00a0": ["I10"], "\ufeffI10": ["I10"], "I10\u200b": ["I10"],
    "{I10.9,E11.9}": TWO, "I10.9|E11.9": TWO, "I10.9/E11.9": TWO, "I10.9;E11.9": TWO, "I10.9, E11.9": TWO,
    "I10.9\tE11.9": TWO, "I109 E119": TWO, "I10.9 / E11.9": TWO, "['I10.9' 'E11.9']": TWO, '["I10.9", "E11.9"]': TWO,
    "['I10.9'\n 'E11.9']": TWO, "I10.9 & E11.9": TWO, "I10.9#E11.9": TWO, "I10.9_E11.9": TWO, r"I10.9\E11.9": TWO,
    "I10.9||E11.9": TWO, "{{I10.9}, {E11.9}}": TWO, "I10.9 (E11.9)": TWO, "I10.9:E11.9": TWO,
    "E10.2+N08.3*": ["E10.2", "N08.3"], "E10.2†N08.3*": ["E10.2", "N08.3"], "E10.2+ N08.3*": ["E10.2", "N08.3"],
    "I10 9": ["I10.9"], "E 11.9": ["E11.9"], "E11. 9": ["E11.9"], "E11·9": ["E11.9"], "F17.2A": ["F17.2A"],
    "I10,9": ["I10.9"], "I10,9;E11,9": TWO, "S72,00": ["S72.00"], "I10_9": ["I10.9"], '="I10.9"': ["I10.9"],
    "I10.9=E11.9": TWO, "I10.9→E11.9": TWO, "Ｉ１０．９": ["I10.9"], "E10.4＊": ["E10.4"], "E10.4⁺": ["E10.4"],
    "I10.9★": ["I10.9"], "I10\0\0": ["I10"],
    "#N/A": [], "(null)": [], "nan": [], "None, NULL": [], "": [], r"\N": [], "N/A": [],
}  # fmt: skip
# What has the form of no diagnosis must never become one: ranges, two codes side by side, other classifications.
NEVER = (
    "A00-B99", "A00 - B99", "A00- B99", "A00 – B99", "I10.9?", "I1٠", "U07.1¹",
    "I10-I15", "401.9", "4019", "V.", "ICD", "0DTJ4ZZ", "C09AA05", "N06AX11", "A0", "I10 4019", "10", "E",
    "AAG00", "GAA10", "JKB21", "AA001", "DT016", "QV001", "XS005", "AAG.00", "jka20", "38341003", "hemlig", "?",
)  # fmt: skip
KVA = ("AAG00", "GAA10", "JKB21", "FNG02", "TAB00", "ZXA00", "DT016", "AV034", "XS005", "QV001", "aag00", "AAG 00")


@pytest.mark.parametrize("text", SPELLINGS)
def test_spellings(text):
    assert tables.codes_in(text) == SPELLINGS[text]
    assert tables.codes_in([text]) == SPELLINGS[text]
    if len(SPELLINGS[text]) == 1:
        assert [icd.format_code(text, "diagnosis")] == SPELLINGS[text]
    assert all(tables.is_kept(code, "diagnosis") for code in SPELLINGS[text])


@pytest.mark.parametrize("text", NEVER)
def test_what_is_no_diagnosis_becomes_none(text):
    """Alone; in a list or a row of codes beside others; and where only one code may stand."""
    assert not [code for code in tables.codes_in(text) if tables.is_kept(code, "diagnosis")] or text == "I10 4019"
    assert [code for code in tables.codes_in(f"E11.9, {text}") if tables.is_kept(code, "diagnosis")][:1] == ["E11.9"]
    printed = icd.format_code(text, "diagnosis")
    assert not tables.is_kept(printed, "diagnosis")
    assert icd.family(printed) in (icd.UNKNOWN, "PCS 0") or icd.is_swedish_procedure(printed)


@pytest.mark.parametrize("code", KVA)
def test_swedish_procedures_are_told_from_diagnoses(code):
    (printed,) = set(tables.codes_in(code.replace(" ", "")))
    assert icd.is_swedish_procedure(printed)
    assert not tables.is_kept(printed, "diagnosis")
    assert icd.family(printed) == icd.block(printed) == icd.kind_of(printed) == icd.UNKNOWN


def test_every_diagnosis_of_icd_10_cm_has_the_form_and_none_is_taken_for_a_procedure():
    assert len(DISEASES) > 90_000
    assert not [code for code in DISEASES if not icd.is_valid(code, "diagnosis")]
    assert [c for c in DISEASES if icd.is_swedish_procedure(c)] == [
        c for c in DISEASES if len(c) == 6 and c[:3] == "QA0"
    ]


BETWEEN = [",", ";", "|", "/", " / ", ", ", "\t", "} {", "'\n '", "+", "*;", "‡ ", "† "]
SPELL = [str, str.lower, lambda code: code.replace(".", ""), lambda code: f"{code}*", lambda code: f"({code})"]


@given(
    st.lists(st.sampled_from(DISEASES), min_size=1, max_size=5, unique=True),
    st.lists(st.sampled_from(BETWEEN), min_size=6),
    st.sampled_from(SPELL),
)
def test_however_codes_are_written_they_are_the_same(codes, between, spell):
    text = spell(codes[0]) + "".join(b + spell(code) for b, code in zip(between, codes[1:], strict=False))
    assert tables.codes_in(text) == tables.codes_in([text]) == codes


@pytest.mark.parametrize("marked", ["i109+", "I10.9*", "{I10.9}", "I10.9†", "i109-p", "I10.9!", "[I10.9]", '"I10.9 "'])
def test_titles_keep_their_codes(tmp_path, marked):
    path = tmp_path / "descriptions.csv"
    path.write_text(f'code,transcription\n"{marked.replace(chr(34), "")}",Högt blodtryck\n', encoding="utf-8")
    assert tables.read_titles(path, SEPR) == {"I10.9": "Högt blodtryck"}
    assert collect_titles([marked], ["Hypertension"], "diagnosis") == {"I10.9": "Hypertension"}


@pytest.mark.parametrize(
    "absent", [*sorted(ABSENT), *sorted(map(str.upper, ABSENT)), "NaN", "None", " nan ", "\n", "", "\u00a0"]
)
def test_what_stands_for_no_value(tmp_path, absent):
    """It is no note, no id, no code and no title."""
    assert is_absent(absent)
    assert not has_text(pd.DataFrame({"text": [absent, None]})).any()
    assert mimic._digest(absent) == ""
    assert tables.codes_in([absent]) == tables.codes_in(absent) == []
    assert collect_titles(["I10"], [absent], "diagnosis") == {}
    if len(absent.splitlines()) < 2 and absent != "\n":
        table = pa.table({"_id": [absent, "1"], "text": ["a", "b"], "target": ["I10", "I10"]})
        feather.write_feather(table, tmp_path / "notes.feather")
        ids = tables.read_notes(tmp_path / "notes.feather", SEPR.columns)["note_id"]
        assert ids.isna().tolist() == [True, absent == "1"]
        path = tmp_path / "discharge.csv.gz"
        rows = f"{absent},1,1,a\n1,{absent},1,b\n1,1,1,{absent}\n1,1,1,nan is no number\n"
        path.write_bytes(gzip.compress(f"subject_id,hadm_id,note_seq,text\n{rows}".encode()))
        read = mimic.read_particulars(path)
        if not absent.strip():
            return
        assert read["subject_id"].tolist() == ["", "1", "1", "1"]
        assert read["hadm_id"].tolist() == ["1", "", "1", "1"]
        assert [bool(digest) for digest in read["digest"]] == [True, True, False, True]


def codes_file(tmp_path, targets):
    table = pa.table(
        {"_id": [str(n) for n in range(len(targets))], "text": ["hemlig"] * len(targets), "target": targets}
    )
    feather.write_feather(table, tmp_path / "notes.feather")
    (tmp_path / "descriptions.csv").write_text("code,transcription\ni109,Högt blodtryck\n", encoding="utf-8")
    return tmp_path


@pytest.mark.parametrize(
    ("other", "forms"),
    [
        ("401.9", r"9999 \(10\)"),
        ("A00-B99", r"A99-A99 \(10\)"),
        ("Höftfraktur", r"AAAAAAAAAAA \(10\)"),
        ("38341003006", r"99999999999 \(10\)"),
        ("C09AA05", r"A99AA99 \(10\)"),
    ],
)
def test_a_file_whose_codes_have_no_form_is_refused(tmp_path, other, forms):
    folder = codes_file(tmp_path, ["I10.9"] * 60 + [other] * 10)
    message = f"notes.feather: 10 of 70 codes have no form of an ICD-10 diagnosis: {forms}"
    with pytest.raises(UserError, match=message) as error:
        tables.load(folder, SEPR, 1)
    assert other not in str(error.value)
    assert "Expected codes such as I10, E11.9" in str(error.value)


def test_swedish_procedures_are_left_out_and_told(tmp_path, capsys):
    corpus = tables.load(codes_file(tmp_path, [["I10.9", "AAG00"]] * 30 + [["GAA10"]] * 10), SEPR, 1)
    assert set(map(tuple, corpus.notes["codes"])) == {("I10.9",)}
    assert corpus.attrition.code_rows["diagnosis"]["dropped_invalid"] == 40
    assert "40 of 70 codes are Swedish procedures (KVÅ) and are left out" in capsys.readouterr().err


def test_titles_whose_codes_have_no_form_are_refused(tmp_path):
    folder = codes_file(tmp_path, ["I10.9"] * 5)
    (folder / "descriptions.csv").write_text("code,transcription\n401.9,Högt\n40190,blodtryck\n", encoding="utf-8")
    with pytest.raises(
        UserError, match=r"descriptions.csv: 2 of 2 codes have no form .* diagnosis: 9999 .1., 99999 .1."
    ):
        tables.load(folder, SEPR, 1)


@pytest.mark.parametrize("broken", ["Högt\nblodtryck", "Högt\u2028blodtryck", "Högt\x85", "Högt\x0bblodtryck"])
def test_line_breaks_in_titles_are_refused(tmp_path, broken):
    folder = codes_file(tmp_path, ["I10.9"] * 5)
    (folder / "descriptions.csv").write_text(f'code,transcription\ni109,Blod\ne119,"{broken}"\n', encoding="utf-8")
    with pytest.raises(
        UserError, match=r"descriptions.csv: (line 3: a field goes on|row 2: column transcription must)"
    ):
        tables.load(folder, SEPR, 1)


@pytest.mark.parametrize(("kind", "form"), [("diagnosis", "AAAA99"), ("procedure", "9999")])
def test_a_release_whose_codes_have_no_form_is_refused(tmp_path, kind, form):
    path = tmp_path / f"{kind}.csv.gz"
    code = {"AAAA99": "ABCD10", "9999": "0066"}[form]
    rows = "".join(f"1,{code},10\n" for _ in range(9)) + "".join("1,4019,9\n" for _ in range(90))
    path.write_bytes(gzip.compress(f"hadm_id,icd_code,icd_version\n{rows}".encode()))
    with pytest.raises(UserError, match=rf"{path.name}: 9 of 9 codes have no form of an ICD-10 \w+: {form} .9."):
        mimic.read_codes(path, kind)


def test_several_codes_in_a_row_of_a_release_are_all_read():
    rows = [("1", "I10.9|E11.9", "10"), ("1", "e119", "10"), ("2", "{Z99.9, I10+}", "10"), ("3", "401.9;250", "9")]
    table = pd.DataFrame(rows, columns=["hadm_id", "icd_code", "icd_version"], dtype=str)
    attrition = Attrition(names_patients=True)
    codes = mimic.collect_codes({"diagnosis": table}, attrition)
    assert codes.to_dict() == {"1": ["E11.9", "I10.9"], "2": ["I10", "Z99.9"]}
    assert attrition.code_rows["diagnosis"] == {
        "released": 6, "kept": 4,
        "dropped_null": 0, "dropped_repeated": 1, "dropped_version_9": 1, "dropped_invalid": 0,
    }  # fmt: skip
