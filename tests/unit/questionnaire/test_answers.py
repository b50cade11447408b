"""Exports become ratings, whatever their encoding; what is missing is counted, what is wrong is refused."""

from pathlib import Path

import pandas as pd
import pytest
from simulation import draw_ratings, export, interviews, make_notes

from synthnotes.machinery.files import UserError
from synthnotes.questionnaire import sosci
from synthnotes.questionnaire.answers import from_sheet, from_sosci, from_tidy, read_key
from synthnotes.questionnaire.exports import read_table
from synthnotes.questionnaire.sosci_project import read_project
from synthnotes.questionnaire.survey import make_answer_sheet, make_key, name_version, read_wording
from synthnotes.stages.ratings import main, read_answers

PUBLISHED = Path("paper/published/ratings.csv")
NOTES = make_notes(3)
CORPORA = ["mimic", "sepr"]
WORDING = read_wording(Path("languages/en.yaml"))
SURVEY = name_version(NOTES, WORDING)
DOCUMENT = sosci.write_project(NOTES, WORDING, SURVEY)
PROJECT = read_project(DOCUMENT, "survey.xml")
KEY_FILE = make_key(NOTES, "mimic", SURVEY).to_csv(index=False).encode()
KEY = read_key(KEY_FILE, "key.csv")
RATINGS = draw_ratings(NOTES, raters=4, log_odds=0, seed=1)


@pytest.fixture
def rows():
    return interviews(NOTES, RATINGS, SURVEY)


def imported(rows, **options):
    return from_sosci(export(rows, **options), KEY, PROJECT, "answers.csv")


@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig", "utf-16", "utf-16-le", "utf-16-be"])
@pytest.mark.parametrize("separator", ["\t", ";", ","])
@pytest.mark.parametrize("labels", [True, False])
def test_every_form_of_export_gives_the_ratings_that_went_in(rows, encoding, separator, labels):
    result = imported(rows, encoding=encoding, separator=separator, labels=labels)
    expected = {
        (case, note.pair, note.kind): tuple(answers)
        for case, of_rater in enumerate(RATINGS.tolist(), start=101)
        for note, answers in zip(NOTES, of_rater, strict=True)
    }
    columns = ["rater", "pair", "kind", "readability", "coherence"]
    assert {row[:3]: row[3:] for row in result.ratings[columns].itertuples(index=False, name=None)} == expected


def test_lower_case_columns_are_those_of_sosci_too(rows):
    lower = [{name.lower(): cell for name, cell in row.items()} for row in rows]
    assert imported(lower).ratings.equals(imported(rows).ratings)


def test_what_is_missing_is_counted_and_left_out(rows):
    ratings = {note.number: note for note in NOTES}
    of_pair = {kind: next(n.number for n in NOTES if (n.pair, n.kind) == (2, kind)) for kind in ("real", "synthetic")}
    rows[0][f"R0{of_pair['real']:02d}_01"] = "-9"  # one of two answers about a note: its pair is gone
    for number in ratings:  # gave up before the first note
        rows[1][f"R0{number:02d}_01"] = rows[1][f"C0{number:02d}_01"] = ""
    rows[2]["S002"] = "4"  # no medical training
    rows[3]["MODE"] = "pretest"
    rows += interviews(NOTES, RATINGS[:2], SURVEY, first_case=200)
    rows[5]["S001"] = "2"  # no consent
    result = imported(rows)
    assert result.counts == {
        "interviews": 6,
        "tests": 1,
        "screened_out": 2,
        "without_a_pair": 1,
        "raters": 2,
        "incomplete": 1,
        "ratings": 4 + 6,
        "without_both_answers": 1,
        "without_the_other_note": 1,
    }
    assert sorted(result.ratings["rater"].unique()) == [101, 200]
    assert set(result.ratings.query("rater == 101")["pair"]) == {1, 3}


@pytest.mark.parametrize(
    ("column", "value", "message"),
    [
        ("R001_01", "0", "readability must be a whole number from 1 to 5"),
        ("R001_01", "6", "readability must be a whole number from 1 to 5"),
        ("C002_01", "3.5", "coherence must be a whole number"),
        ("C002_01", "good", "coherence must be a whole number"),
        ("CASE", "102", "this CASE stands in an earlier line already"),
        ("QUESTNNR", "q0000", f"QUESTNNR must be {SURVEY}"),
    ],
)
def test_wrong_answers_are_refused_with_their_line(rows, column, value, message):
    rows[2][column] = value
    for row in rows:  # one line per interview, so that lines are easily counted
        row.update({name: "because" for name in row if name[0] == "J"})
    with pytest.raises(UserError, match=f"answers.csv, line 5: {message}"):
        imported(rows)


def test_a_person_who_took_part_twice_is_refused(rows):
    people = [row | {"SERIAL": person} for row, person in zip(rows, ["a", "", "", "a"], strict=True)]
    with pytest.raises(UserError, match="this SERIAL stands in an earlier line already"):
        imported(people)


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (b"", "an empty file"),
        (b"\xef\xbb\xbf\r\n", "an empty file"),
        (b"CASE;QUESTNNR\r\n", "no answers, only a header"),
        (b"CASE;CASE\n1;2\n", "column 'CASE' stands twice"),
        (b"CASE;QUESTNNR\n1;2;3\n", "line 2: 3 cells, but the header has 2"),
        (b"CASE;\x81\n1;2\n", "neither UTF-8 nor UTF-16 nor Windows-1252"),
        (
            b"PK\x03\x04\x14\0[Content_Types].xml",
            r"it is an Office document .*, no CSV. Export it as UTF-8",
        ),
        (b"<html>", "it is a web page, no CSV. A server sent it"),
        (b"$FL2@(#) SPSS DATA FILE", "it is an SPSS file, no CSV. Export it"),
        (b"\x1f\x8b\x08\0", "it is a gzip-compressed file, no CSV. Export it"),
        (b'CASE;R\n1;"no end\n2;3\n', "line 2: not a CSV file: a quoted text does not end where a cell does"),
        (b'CASE;QUESTNNR\n1;"' + b"x" * 200_000 + b'"\n', "line 2: not a CSV file: field larger"),
        (b"name;age\nx;3\n", "column C001_01 is missing .found NAME, AGE"),
    ],
)
def test_files_that_are_no_export(content, message):
    with pytest.raises(UserError, match=message):
        from_sosci(content, KEY, PROJECT, "answers.csv")


def test_an_export_of_headings_alone_is_empty(rows):
    with pytest.raises(UserError, match="no interviews, only headings"):
        from_sosci(b"\r\n".join(export(rows).splitlines()[:2]), KEY, PROJECT, "answers.csv")


def test_an_export_without_a_single_pair_is_refused(rows):
    nobody = [row | {name: "-9" for name in row if name[0] in "RC" and name != "CASE"} for row in rows]
    with pytest.raises(UserError, match="no rater has rated both notes of any pair"):
        imported(nobody)


def test_a_key_that_does_not_fit(rows):
    larger, smaller = (make_key(make_notes(n), "mimic", SURVEY).to_csv(index=False).encode() for n in (4, 2))
    with pytest.raises(UserError, match=r"column C007_01 is missing"):
        from_sosci(export(rows), read_key(larger, "key.csv"), PROJECT, "answers.csv")
    with pytest.raises(UserError, match=r"column R005_01 belongs to a note that the key does not hold"):
        from_sosci(export(rows), read_key(smaller, "key.csv"), PROJECT, "answers.csv")
    other = read_key(KEY_FILE.replace(SURVEY.encode(), b"qother"), "key.csv")
    with pytest.raises(UserError, match=f"the key is of questionnaire qother, the project of {SURVEY}"):
        from_sosci(export(rows), other, PROJECT, "answers.csv")


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (lambda k: k.drop(columns="kind"), "column kind is missing"),
        (lambda k: k.assign(kind="real"), "pair 1 must have one real and one synthetic note"),
        (lambda k: k.iloc[1:], "must have one real and one synthetic note"),
        (lambda k: k.assign(note=1), "note 1 stands twice"),
        (lambda k: k.assign(pair="first"), "pair must be a whole number"),
        (lambda k: k.assign(survey=range(len(k))), "survey differs between rows"),
    ],
)
def test_a_broken_key_is_refused(change, message):
    broken = change(make_key(NOTES, "mimic", SURVEY)).to_csv(index=False).encode()
    with pytest.raises(UserError, match=message):
        read_key(broken, "key.csv")


def filled_sheet():
    """The sheet of four raters, filled with the simulated ratings; the fourth returned an empty one."""
    sheet = make_answer_sheet(NOTES, SURVEY, raters=4, seed=1).astype(object)
    for row in sheet.index[sheet["rater"] < 4]:
        rater, note = sheet.loc[row, ["rater", "note"]]
        sheet.loc[row, ["readability", "coherence"]] = RATINGS[rater - 1, note - 1]
    return sheet


def test_the_answer_sheet_gives_the_same_ratings():
    result = from_sheet(filled_sheet().to_csv(index=False, sep=";").encode("utf-16"), KEY, "sheet.csv")
    assert (result.counts["interviews"], result.counts["raters"], result.counts["without_a_pair"]) == (4, 3, 1)
    by_sosci = imported(interviews(NOTES, RATINGS[:3], SURVEY, first_case=1)).ratings
    order = ["rater", "pair", "kind"]
    assert result.ratings.sort_values(order, ignore_index=True).equals(by_sosci.sort_values(order, ignore_index=True))


@pytest.mark.parametrize(
    ("column", "value", "message"),
    [
        ("survey", "q0", "survey must be"),
        ("note", 7, "the key does not hold this note"),
        ("note", "x", "the key does not hold this note"),
        ("readability", 0, "readability must be a whole number"),
        ("rater", 2, "this rater has rated this note already"),
        ("rater", "", "rater must be given"),
    ],
)
def test_a_wrong_sheet_is_refused(column, value, message):
    sheet = filled_sheet()
    sheet.loc[0, column] = value
    with pytest.raises(UserError, match=rf"sheet.csv, line \d+: {message}"):
        from_sheet(sheet.to_csv(index=False).encode(), KEY, "sheet.csv")


def test_the_published_ratings_come_in_whole():
    result = from_tidy(PUBLISHED.read_bytes(), "ratings.csv")
    assert {corpus: answers.counts["ratings"] for corpus, answers in result.items()} == {"mimic": 60, "sepr": 32}
    ratings = pd.concat(answers.ratings for answers in result.values())
    assert ratings.reset_index(drop=True).equals(pd.read_csv(PUBLISHED))


@pytest.mark.parametrize(
    ("old", "new", "message"),
    [
        ("mimic,1,synthetic,1,4,4", "mimic,1,synthetic,1,0,4", "line 2: readability must be"),
        ("mimic,1,synthetic,1,4,4", "mimic,1,synthetic,1,4,6", "line 2: coherence must be"),
        ("mimic,1,synthetic,1,4,4", "mimic,1,synthetic,1,3.5,4", "line 2: readability must be"),
        ("mimic,1,synthetic,1,4,4", "mimic,1,synthetic,1,many,4", "line 2: readability must be"),
        ("mimic,1,synthetic,1,4,4", "mimic,1,generated,1,4,4", "line 2: kind must be real or synthetic"),
        ("mimic,1,synthetic,1,4,4", "mimic,,synthetic,1,4,4", "line 2: pair must be given"),
        ("mimic,1,synthetic,2,", "mimic,1,synthetic,1,", "line 3: this rater has rated this note already"),
        ("coherence\n", "contents\n", "column coherence is missing"),
    ],
)
def test_wrong_tidy_ratings_are_refused(old, new, message):
    text = PUBLISHED.read_text()
    assert old in text
    with pytest.raises(UserError, match=message):
        from_tidy(text.replace(old, new, 1).encode(), "ratings.csv")


def test_a_missing_half_of_a_pair_is_counted_never_averaged():
    text = (
        PUBLISHED.read_text()
        .replace("mimic,1,synthetic,1,4,4\n", "")
        .replace("sepr,1,synthetic,1,4,5", "sepr,1,synthetic,1,4,")
    )
    result = from_tidy(text.encode(), "ratings.csv")
    assert (result["mimic"].counts["ratings"], result["mimic"].counts["without_the_other_note"]) == (58, 1)
    assert (result["sepr"].counts["ratings"], result["sepr"].counts["without_both_answers"]) == (30, 1)
    assert result["mimic"].ratings.query("rater == 1 and pair == 1").empty


def test_numbers_of_spreadsheets_and_spaces_are_read():
    table = read_table(b" a ; b \n 4.0 ; x \n\n;\n", "x.csv")
    assert table.to_dict("list") == {"a": ["4"], "b": ["x"]}
    text = PUBLISHED.read_text().replace("mimic,1,synthetic,1,4,4", "mimic,1,synthetic,1,4.0,4")
    assert from_tidy(text.encode(), "")["mimic"].ratings["readability"].dtype == int


class TestStudyFolder:
    """A study of one's own in its folder, through the stage."""

    @pytest.fixture
    def folder(self, tmp_path, rows):
        folder = tmp_path / "answers" / "mimic"
        folder.mkdir(parents=True)
        for name, content in (("key.csv", KEY_FILE), ("survey.xml", DOCUMENT), ("answers.csv", export(rows))):
            (folder / name).write_bytes(content)
        return folder

    def test_is_evaluated(self, folder, tmp_path):
        paths = [tmp_path / name for name in ("own.json", "own-answers.csv", "own-differences.csv")]
        assert main(folder.parent, *paths) == "24 ratings, mimic: 4 raters"
        assert pd.read_csv(paths[1])["answers"].sum() == 2 * 24
        assert pd.read_csv(paths[2])["pairs"].sum() == 24
        assert "101" not in paths[2].read_text()  # raters have other numbers than on the server

    def test_of_tidy_ratings_of_no_corpus_is_refused(self, tmp_path):
        study = tmp_path / "ratings.csv"
        study.write_text(PUBLISHED.read_text().replace("mimic,", "mimik,"))
        with pytest.raises(UserError, match="ratings of mimik, which is no corpus"):
            main(study, *(tmp_path / name for name in ("own.json", "a.csv", "d.csv")))

    def test_of_a_printed_form(self, folder):
        (folder / "answers.csv").unlink()
        (folder / "sheet.csv").write_text(filled_sheet().to_csv(index=False))
        assert read_answers(folder.parent, CORPORA)["mimic"].counts["raters"] == 3

    @pytest.mark.parametrize("name", ["key.csv", "survey.xml"])
    def test_names_a_missing_file(self, folder, name):
        (folder / name).unlink()
        with pytest.raises(UserError, match=rf"{name}: no such file"):
            read_answers(folder.parent, CORPORA)

    def test_with_two_kinds_of_answers_or_none_is_refused(self, folder):
        (folder / "sheet.csv").write_text("x")
        with pytest.raises(UserError, match=r"expected either answers\.csv"):
            read_answers(folder.parent, CORPORA)

    def test_with_the_other_corpus_key_is_refused(self, folder):
        folder.rename(folder.with_name("sepr"))
        with pytest.raises(UserError, match="the key of a questionnaire on mimic; expected sepr"):
            read_answers(folder.parent, CORPORA)

    def test_without_a_corpus_is_refused(self, folder):
        with pytest.raises(UserError, match="no folder of a corpus in it; expected mimic or sepr"):
            read_answers(folder, CORPORA)

    @pytest.mark.parametrize("name", ["MIMIC", "Mimic"])
    def test_under_another_name_is_not_passed_over(self, folder, name):
        """Beside a folder that is read, nobody would miss it."""
        folder.rename(folder.with_name(name))
        with pytest.raises(UserError, match=f"{name}: rename this folder to mimic"):
            read_answers(folder.parent, CORPORA)
