"""The questionnaire is blinded, well formed, and holds the notes it should."""

import html
import json
import re
from dataclasses import replace
from pathlib import Path
from xml.etree import ElementTree as ET

import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from synthnotes.corpus import notes
from synthnotes.machinery.files import UserError
from synthnotes.questionnaire import sosci
from synthnotes.questionnaire.sosci_project import read_project
from synthnotes.questionnaire.survey import (
    SurveyNote,
    fill_form,
    make_answer_sheet,
    make_key,
    name_version,
    read_wording,
    sample_pairs,
)
from synthnotes.stages.questionnaire import main


def table(kind, words):
    return pd.DataFrame(
        {
            "note_id": [f"n{i}" for i in range(len(words))],
            "text": [" ".join([f"{kind}{i}"] * w) for i, w in enumerate(words)],
        }
    )


@pytest.fixture
def wording():
    return read_wording(Path("languages/en.yaml"))


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


@settings(max_examples=40)
@given(text=st.text(min_size=1))
def test_any_text_comes_back_from_the_project(text):
    wording = read_wording(Path("languages/sv.yaml"))
    document = sosci.write_project([SurveyNote(1, 1, "real", "n1", text)], wording, "q1")
    lead = read_project(document, "survey.xml").questions["N001"].lead
    shown = ET.fromstring(f"<r>{lead}</r>")
    assert " ".join(shown.itertext()).split() == sosci.FORBIDDEN.sub(" ", text).split()


NOTES = [
    SurveyNote(1, 1, "synthetic", "secret-id-1", "First.\n\nA <b> & c."),
    SurveyNote(2, 1, "real", "secret-id-1", "2nd."),
]


@pytest.mark.parametrize("language", ["en", "sv", "es"])
def test_the_project_is_blinded_and_comes_back_whole(language):
    wording = read_wording(Path(f"languages/{language}.yaml"))
    document = sosci.write_project(NOTES, wording, "q1234")
    for secret in (b"synthetic", b"secret-id-1"):
        assert secret not in document
    project = read_project(document, "survey.xml")
    assert (project.survey, project.title, project.language) == ("q1234", wording.title, wording.language)
    placed = [name for page in project.pages for name in page]
    assert len(placed) == len(set(placed))
    assert set(placed) == set(project.questions) - {"O001"}  # the page generator is drawn by the PHP of its page
    assert b"question('O001')" in document
    kinds = {name: question.kind for name, question in project.questions.items() if name.endswith("02")}
    assert {name: kinds[name] for name in ("N002", "R002", "C002", "J002", "K002", "M002")} == {
        "N002": "TextContent", "R002": "scale", "C002": "scale", "J002": "text", "K002": "text", "M002": "mentions",
    }  # fmt: skip
    assert project.questions["O001"].kind == "random"
    for name, ends in (("R001", wording.readability_ends), ("C001", wording.coherence_ends)):
        assert project.questions[name].ends == dict(zip((1, 5), ends, strict=True))
    assert project.questions["S001"].options == dict(enumerate(wording.consent_options, start=1))
    assert project.questions["S002"].options == dict(enumerate(wording.screening_options, start=1))
    assert project.screened_out == {("S001", 2), ("S002", 4)}
    assert project.questions["N001"].lead == "<p>First.</p><p>A &lt;b&gt; &amp; c.</p>"


@pytest.mark.parametrize("language", ["en", "sv", "es"])
def test_the_printed_form_is_blinded_and_holds_every_text(language):
    wording = read_wording(Path(f"languages/{language}.yaml"))
    template = Path("paper/questionnaire/form.html.j2").read_text()
    page = fill_form(template, NOTES, wording, "q1234", "form")
    for secret in ("synthetic", "secret-id-1", "<b>"):
        assert secret not in page
    shown = html.unescape(re.sub("<[^>]*>", "", page))
    for text in (wording.welcome, *wording.consent_options, *wording.coherence_ends, "A <b> & c.", "2nd.", "q1234"):
        assert text in shown
    assert page.count('class="box"') == 2 + 4 + len(NOTES) * 2 * 5
    assert not re.search(r"(src|href)=|url\(", page)  # nothing is fetched
    with pytest.raises(UserError, match="form: 'kind' is undefined"):
        fill_form("{{ kind }}", NOTES, wording, "q1234", "form")


def test_the_version_changes_with_notes_order_and_wording(wording):
    swapped = [replace(NOTES[0], number=2), replace(NOTES[1], number=1)]
    other = wording.model_copy(update={"goodbye": "Bye."})
    assert name_version(NOTES, wording) == name_version(list(NOTES), wording)
    assert len({name_version(NOTES, wording), name_version(swapped, wording), name_version(NOTES, other)}) == 3


def test_each_rater_has_an_order_of_their_own():
    notes = [SurveyNote(number, 1, "real", "id", "text") for number in range(1, 7)]
    sheet = make_answer_sheet(notes, "q1", raters=5, seed=3)
    orders = {tuple(rows.sort_values("position")["note"]) for _, rows in sheet.groupby("rater")}
    assert len(orders) == 5
    assert all(sorted(order) == [1, 2, 3, 4, 5, 6] for order in orders)
    assert (sheet[["readability", "coherence", "codes"]] == "").all(axis=None)
    assert not {"kind", "pair", "note_id"} & set(sheet)


def test_the_key_tells_kinds_but_no_text():
    frame = make_key(NOTES, "mimic", "q1")
    assert frame.columns.tolist() == ["survey", "corpus", "note", "pair", "kind", "note_id"]
    assert frame["kind"].tolist() == ["synthetic", "real"]


@pytest.mark.parametrize(
    ("old", "new", "message"),
    [
        ("goodbye:", "farewell:", "goodbye: Field required .*; farewell: Extra inputs"),
        ("screened_out: [None]", "screened_out: [Surgeon]", "names 'Surgeon', which is none of screening_options"),
        ('["Yes", "No"]', "[true, No]", r"consent_options\.0: Input should be a valid string \(found True\)"),
        ("[Not natural at all, ", "[", r"readability_ends\.1: Field required"),
        ("note: Discharge summary", "note: [Discharge summary]", "note: Input should be a valid string"),
        ("title: R", "title: 'R", "not valid YAML"),
        ("word_list:", "words:", "word_list: Field required .*; words: Extra inputs"),
        ("{input}", "{output}", "prompt must hold {instruction} and {input}"),
    ],
)
def test_a_broken_wording_is_refused(tmp_path, old, new, message):
    text = Path("languages/en.yaml").read_text()
    assert old in text
    broken = tmp_path / "wording.yaml"
    broken.write_text(text.replace(old, new))
    with pytest.raises(UserError, match=message):
        read_wording(broken)


BOMB = "".join(f'<!ENTITY e{i} "{f"&e{i - 1};" * 10}">' for i in range(1, 9))


@pytest.mark.parametrize(
    ("document", "message"),
    [
        ('<!DOCTYPE s [<!ENTITY x SYSTEM "file:///etc/hostname">]><s>&x;</s>', "refused"),
        ('<!DOCTYPE s [<!ENTITY % x SYSTEM "http://localhost/x.dtd"> %x;]><s/>', "refused"),
        (f'<!DOCTYPE s [<!ENTITY e0 "ha">{BOMB}]><s>&e8;</s>', "refused"),
        ("<surveyProject version='2.4'>", "not well-formed"),
        ("", "an empty file"),
        ("<html/>", "not a SoSci Survey project of the format 2.4"),
        ("<surveyProject version='3.0'/>", "found surveyProject, version 3.0"),
        ("<surveyProject version='2.4'/>", "holds 0 questionnaires"),
    ],
)
def test_dangerous_and_broken_projects_are_refused(document, message):
    with pytest.raises(UserError, match=message):
        read_project(document.encode(), "survey.xml")


def test_a_bomb_in_the_pages_of_a_project_is_refused(wording):
    """The pages are XML within XML, and parsed a second time."""
    root = ET.fromstring(sosci.write_project(NOTES, wording, "q1"))
    root.find(
        "questionnaire/attributes.specific/attr[@id='content']"
    ).text = '<!DOCTYPE q [<!ENTITY x SYSTEM "file:///etc/hostname">]><questionnaire>&x;</questionnaire>'
    with pytest.raises(UserError, match=r"survey\.xml, the questionnaire's pages: .* refused"):
        read_project(ET.tostring(root), "survey.xml")


def test_what_the_server_exports_is_read(wording):
    """A document type, neither fetched nor refused, and an XML declaration of the pages after a newline."""
    document = sosci.write_project(NOTES, wording, "q1").split(b"?>", 1)[1].decode()
    header = '<?xml version="1.0" encoding="UTF-8" ?>\n<!DOCTYPE surveyProject SYSTEM "doctype.survey.dtd">\n'
    pages = document[document.index("&lt;questionnaire") : document.index("&lt;/questionnaire&gt;") + 22]
    wrapped = f'\n<![CDATA[<?xml version="1.0"?>\n{html.unescape(pages)}]]>\n'
    project = read_project((header + document.replace(pages, wrapped)).encode(), "survey.xml")
    assert project == read_project(document.encode(), "survey.xml")
    assert project.screened_out == {("S001", 2), ("S002", 4)}


def test_the_stage_writes_all_files_of_one_version(tmp_path, monkeypatch):
    ids = [f"n{i}" for i in range(9)]
    table = {"note_id": ids, "patient_id": ids, "codes": [["I10"]] * 9, "descriptions": [[]] * 9, "fold": "train"}
    for kind in ("real", "synthetic"):
        notes.write(tmp_path / f"{kind}.parquet", pd.DataFrame(table | {"text": [f"{kind} " * 50] * 9}))
    paths = {name: tmp_path / name for name in ("project", "form", "sheet", "key", "results")}
    language, template = Path("languages/en.yaml"), Path("paper/questionnaire/form.html.j2")
    main("mimic", tmp_path / "real.parquet", tmp_path / "synthetic.parquet", language, template, **paths)
    written = json.loads(paths["results"].read_text())["version"]
    assert read_project(paths["project"].read_bytes(), "").survey == written
    assert written in paths["form"].read_text()
    for name, rows in (("sheet", 10 * 6), ("key", 6)):
        frame = pd.read_csv(paths[name])
        assert frame["survey"].unique().tolist() == [written]
        assert len(frame) == rows
