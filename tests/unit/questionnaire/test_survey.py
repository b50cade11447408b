"""The questionnaire is blinded, well formed, and holds the notes it should."""

from pathlib import Path
from xml.etree import ElementTree as ET

import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st

from synthnotes.files import UserError
from synthnotes.questionnaire import sosci
from synthnotes.questionnaire.survey import SurveyNote, key, sample_pairs
from synthnotes.stages.questionnaire import read_wording


def table(kind, words):
    return pd.DataFrame(
        {
            "note_id": [f"n{i}" for i in range(len(words))],
            "text": [" ".join([f"{kind}{i}"] * w) for i, w in enumerate(words)],
        }
    )


@pytest.fixture
def wording():
    return read_wording(Path("paper/questionnaire/mimic.yaml"))


def test_pairs_share_a_prompt_and_keep_within_the_limits():
    real, synthetic = table("real", [5, 10, 10, 10, 50]), table("synthetic", [10, 10, 3, 10, 10])
    chosen = sample_pairs(real, synthetic, pairs=2, minimum_words=5, maximum_words=20, seed=3)
    assert sorted(n.number for n in chosen) == [1, 2, 3, 4]
    for pair in (1, 2):
        first, second = sorted((n for n in chosen if n.pair == pair), key=lambda n: n.kind)
        assert first.note_id == second.note_id
        assert first.note_id in {"n0", "n1", "n3"}
        assert first.text.startswith("real")
        assert second.text.startswith("synthetic")


def test_the_order_is_shuffled_and_depends_on_the_seed():
    real, synthetic = table("real", [10] * 9), table("synthetic", [10] * 9)
    kinds = {tuple(n.kind for n in sample_pairs(real, synthetic, 4, 1, 20, seed)) for seed in range(6)}
    assert len(kinds) > 1
    assert sample_pairs(real, synthetic, 4, 1, 20, 7) == sample_pairs(real, synthetic, 4, 1, 20, 7)


def test_too_few_notes_are_told():
    with pytest.raises(UserError, match=r"asks for 3 pairs .* only 1 have 5 to 20 words"):
        sample_pairs(table("r", [10, 30, 2]), table("s", [10, 10, 10]), 3, 5, 20, seed=1)


@given(text=st.text(min_size=1))
def test_any_text_gives_well_formed_xml_with_the_text_in_it(text):
    wording = read_wording(Path("paper/questionnaire/sepr.yaml"))
    root = ET.fromstring(sosci.project([SurveyNote(1, 1, "real", "n1", text)], wording))
    (note,) = [q for q in root.iter("question") if q.findtext("description") == "Note 1"]
    shown = ET.fromstring(f"<r>{note.findtext('lead')}</r>")
    assert " ".join(shown.itertext()).split() == sosci.FORBIDDEN.sub(" ", text).split()


def test_the_project_is_blinded_and_complete(wording):
    notes = [SurveyNote(1, 1, "synthetic", "secret-id-1", "First."), SurveyNote(2, 1, "real", "secret-id-1", "Second.")]
    document = sosci.project(notes, wording)
    for secret in (b"synthetic", b"secret-id-1"):
        assert secret not in document
    root = ET.fromstring(document)
    assert root.get("version") == "2.4"
    names = {section_name(s) + f"{int(question_id(q)):02d}" for s in root.iter("section") for q in s.iter("question")}
    pages = ET.fromstring(root.findtext("questionnaire/attributes.specific/attr[@id='content']"))
    placed = [q.get("id") for q in pages.iter("question")]
    assert len(placed) == len(set(placed))
    assert set(placed) == names - {"O001"}  # the page generator is drawn by the PHP of its page
    assert "O001" in pages.findtext("page/php")


def section_name(section):
    return section.findtext("attributes.specific/attr[@id='id']")


def question_id(question):
    return question.findtext("attributes.specific/attr[@id='id']")


def test_the_key_tells_kinds_but_no_text():
    frame = key([SurveyNote(1, 1, "synthetic", "a", "text"), SurveyNote(2, 1, "real", "a", "text")])
    assert frame.columns.tolist() == ["number", "pair", "kind", "note_id"]
    assert frame["kind"].tolist() == ["synthetic", "real"]


def test_a_missing_wording_is_named(tmp_path):
    broken = tmp_path / "wording.yaml"
    broken.write_text(Path("paper/questionnaire/mimic.yaml").read_text().replace("goodbye:", "farewell:"))
    with pytest.raises(UserError, match="farewell, goodbye"):
        read_wording(broken)
