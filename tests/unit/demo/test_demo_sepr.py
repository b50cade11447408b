import itertools
from collections import Counter
from dataclasses import replace

import pandas as pd
import pytest

from synthnotes.demo import sepr
from synthnotes.demo.clinic import load_clinic, load_content
from synthnotes.demo.scale import DEMO, TOY

SCALE = replace(DEMO, sepr_notes=950, diagnoses=1000)


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    folder = tmp_path_factory.mktemp("sepr")
    sepr.write(folder, SCALE, seed=7)
    return folder


@pytest.fixture(scope="module")
def rows(folder):
    return pd.read_feather(folder / "notes.feather")


@pytest.fixture(scope="module")
def notes(rows):
    return rows[rows["text"] != ""]


def test_columns_and_size(rows):
    assert list(rows.columns) == ["_id", "text", "target"]
    assert len(rows) == SCALE.sepr_notes


def test_the_same_seed_gives_the_same_bytes_and_another_seed_other_notes(folder, tmp_path):
    sepr.write(tmp_path / "same", SCALE, seed=7)
    sepr.write(tmp_path / "other", SCALE, seed=8)
    for name in ("notes.feather", "descriptions.csv"):
        assert (tmp_path / "same" / name).read_bytes() == (folder / name).read_bytes()
    assert (tmp_path / "other" / "notes.feather").read_bytes() != (folder / "notes.feather").read_bytes()


def test_notes_have_the_length_and_number_of_codes_of_short_records(notes):
    assert notes["text"].str.split().map(len).between(40, 90).all()
    assert notes["target"].map(len).between(1, 5).all()


def test_codes_have_their_dot_and_are_sorted(notes):
    for codes in notes["target"]:
        assert list(codes) == sorted(set(codes))
        assert all(code[3] == "." for code in codes)


def test_descriptions_have_lower_case_codes_without_dots_and_swedish_titles(folder):
    titles = pd.read_csv(folder / "descriptions.csv", dtype=str).set_index("code")["transcription"]
    assert titles["i109"] == "Essentiell hypertoni"
    assert titles["i489"] == "Förmaksflimmer och förmaksfladder, ospecificerat"
    assert titles.index.str.fullmatch("[a-z][0-9]{3}").all()


def test_the_dirt_of_a_register(rows, folder):
    titled = set(pd.read_csv(folder / "descriptions.csv", dtype=str)["code"])
    frequency = Counter(code for codes in rows["target"] for code in codes)
    assert (rows["text"] == "").sum() == 1
    assert rows.loc[rows["text"] != "", "text"].duplicated().sum() == 1
    assert rows["_id"].duplicated().sum() == 1
    assert frequency["T88.7"] == 2
    assert {code for code in frequency if code.replace(".", "").lower() not in titled} == {"B02.9"}


def test_frequencies_have_a_long_tail(notes):
    frequency = Counter(code for codes in notes["target"] for code in codes)
    counts = sorted(frequency.values(), reverse=True)
    assert len(counts) >= 50
    assert sum(counts[:7]) > 0.3 * sum(counts)
    assert counts[-20] < counts[0] / 8


def test_prostate_only_in_men(notes):
    of_men = notes[notes["target"].map(lambda codes: bool({"N40.9", "C61.9"} & set(codes)))]["text"]
    assert len(of_men) > 0
    assert not of_men.str.contains("kvinna", case=False).any()


def test_no_placeholder_or_template_is_left(notes):
    assert not notes["text"].str.contains(r"[<>{}\[\]|]").any()


def test_swedish_letters_survive_in_a_small_vocabulary(notes):
    vocabulary = set(itertools.chain.from_iterable(notes["text"].str.lower().str.findall(r"\w+")))
    assert {"hjärtsvikt", "åter", "lågt", "förmaksflimmer", "blodtryck"} <= vocabulary
    assert len(vocabulary) < 2000


def test_problems_follow_the_order_of_the_codes(rows):
    by_code = {diagnosis.code: diagnosis for diagnosis in load_clinic("swedish").diagnoses}
    chosen = [by_code["I10.9"], by_code["J18.9"], by_code["S72.0"]]
    text = sepr.compose(chosen, load_content("swedish"), sepr.random.Random(1))
    assessment = text.splitlines()[-1].lower()
    places = [
        min(assessment.find(word) for word in words if word in assessment)
        for words in (("hypertoni", "blodtryck"), ("pneumoni", "lunginflammation"), ("höftfraktur", "collumfraktur"))
    ]
    assert places == sorted(places)


def test_too_many_problems_are_an_error_that_names_them():
    diagnoses = load_clinic("swedish").diagnoses[:12]
    with pytest.raises(ValueError, match=r"I10\.9"):
        sepr.compose(diagnoses, load_content("swedish"), sepr.random.Random(1))


def test_pretraining_texts_are_other_patients(notes):
    texts = [case.note for case in sepr.sample_pretraining_cases(300, seed=7)]
    assert len(texts) == 300
    assert texts == [case.note for case in sepr.sample_pretraining_cases(300, seed=7)]
    assert not set(texts) & set(notes["text"])


def test_a_toy_has_few_diagnoses(tmp_path):
    sepr.write(tmp_path, TOY, seed=7)
    codes = set(itertools.chain.from_iterable(pd.read_feather(tmp_path / "notes.feather")["target"]))
    assert len(codes - {"T88.7"}) <= TOY.diagnoses
