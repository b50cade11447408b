"""Exports that another program has saved again give the same answers as before, or one error that names the row."""

import csv
import io

import pandas as pd
import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st
from simulation import draw_ratings, export, interviews, make_notes
from test_answers import DOCUMENT, KEY, KEY_FILE, NOTES, PROJECT, PUBLISHED, SURVEY, filled_sheet

from synthnotes.machinery.files import UserError
from synthnotes.questionnaire.answers import from_sheet, from_sosci, from_tidy, read_key
from synthnotes.questionnaire.exports import normalised, read_table
from synthnotes.questionnaire.sosci_project import read_project

RATED = [name for note in NOTES for name in (f"R0{note.number:02d}_01", f"C0{note.number:02d}_01")]
NUMBERS = {"CASE", "S001", "S002", *RATED}


def interviewed():
    """Seven interviews: three raters, of whom one left out an answer, a refusal, a layman, a test, one who gave up."""
    rows = interviews(NOTES, draw_ratings(make_notes(3), raters=7, log_odds=0, seed=1), SURVEY)
    rows[1][RATED[0]] = "-9"
    rows[3]["S001"] = "2"  # no consent
    rows[4]["S002"] = "4"  # no medical training
    rows[5]["MODE"] = "pretest"
    rows[6].update(dict.fromkeys([*RATED, "S002"], ""))
    return rows


ROWS = interviewed()
EXPECTED = from_sosci(export(ROWS), KEY, PROJECT, "answers.csv")


def imported(rows, **options):
    return from_sosci(export(rows, **options), KEY, PROJECT, "answers.csv")


def same(found, expected=EXPECTED):
    assert found.counts == expected.counts
    order = ["rater", "pair", "kind"]
    left, right = (answers.ratings.sort_values(order, ignore_index=True) for answers in (found, expected))
    pd.testing.assert_frame_equal(left, right)


@pytest.mark.parametrize(
    ("spelled", "expected"),
    [
        *((cell, "2") for cell in ("2", "2.0", "2,0", "2.", "2,00", " 2 ", '"2"', "'2", '="2"', "02")),
        *((cell, "2") for cell in ("2e0", "2.0E+00", "0002.0", "\xa02\t", "\ufeff2")),
        *((cell, "-9") for cell in ("-9", "-9.0", "\N{MINUS SIGN}9", "-9,0")),
        *((cell, "") for cell in ("", " ", '""', "NaN", "NA", "#N/A", "None", "NULL", "<NA>", ".")),
        *((cell, "0") for cell in ("0", "00", "0.0", "-0")),
        ("1.01E+02", "101"), ("Real ", "real"), ("QA1B2", "qa1b2"), ("Åsa", "åsa"),
        ("A\N{COMBINING RING ABOVE}sa", "åsa"),
        # What is no whole number stays, for the reader of the column to refuse.
        ("3.5", "3.5"), ("3,5", "3,5"), ("1.000", "1.000"), ("1.23E+11", "1.23e+11"), ("1-2", "1-2"), ("²", "²"),
    ],
)  # fmt: skip
def test_a_cell_has_one_form(spelled, expected):
    assert normalised(spelled) == expected
    assert normalised(normalised(spelled)) == expected


def test_what_pandas_saved_again():
    """Floats where a cell is missing: `2.0` for no consent, `101.0` for a case; with and without its index."""
    table = pd.read_csv(io.BytesIO(export(ROWS, labels=False)), sep="\t").astype(dict.fromkeys(NUMBERS, float))
    assert "2.0" in table.to_csv()
    for options in ({}, {"index": False}, {"sep": ";", "decimal": ","}, {"na_rep": "NaN"}, {"encoding": "utf-16"}):
        content = io.BytesIO()
        table.to_csv(content, **options)
        same(from_sosci(content.getvalue(), KEY, PROJECT, "answers.csv"))


SPELLINGS = {
    "as it was": str,
    "float": lambda cell: f"{cell}.0",
    "decimal comma": lambda cell: f"{cell},0",
    "two decimals": lambda cell: f"{cell},00",
    "spaces": lambda cell: f" {cell}\xa0",
    "quotes": lambda cell: f'"{cell}"',
    "formula": lambda cell: f'="{cell}"',
    "leading zeros": lambda cell: cell if cell[0] == "-" else f"00{cell}",
}
CASES = {"upper": str.upper, "lower": str.lower, "title": str.title, "spaces": lambda name: f" {name} "}


@st.composite
def saved(draw):
    """A file, and how a program might save it: one spelling per column or per cell, empty columns and rows."""
    spelling = st.sampled_from(list(SPELLINGS))
    per_column = {name: draw(spelling) for name in sorted(NUMBERS)}
    missing = draw(st.sampled_from(["", "NaN", "NA", " ", "#N/A"]))
    head = CASES[draw(st.sampled_from(list(CASES)))]
    mode = CASES[draw(st.sampled_from(list(CASES)))]
    rows = []
    for row in ROWS:
        cells = {
            name: SPELLINGS[per_column[name]](cell) if cell and name in NUMBERS else cell for name, cell in row.items()
        }
        cells |= {name: missing for name in NUMBERS if not row[name]}
        cells |= {name: mode(row[name]) for name in ("MODE", "QUESTNNR")}
        rows.append({head(name): cell for name, cell in cells.items()})
    order = draw(st.permutations(range(len(rows))))
    names = draw(st.permutations(list(rows[0])))
    before, after = draw(st.integers(0, 2)), draw(st.integers(0, 2))
    blank = draw(st.sets(st.integers(0, len(rows))))
    separator = draw(st.sampled_from("\t;,|"))
    text = io.StringIO(newline="")
    quoting = draw(st.sampled_from([csv.QUOTE_MINIMAL, csv.QUOTE_ALL]))
    writer = csv.writer(
        text, delimiter=separator, quoting=quoting, lineterminator=draw(st.sampled_from(["\n", "\r\n"]))
    )
    if draw(st.booleans()):
        text.write(f"sep={separator}\r\n")
    wide = [""] * before, [""] * after
    writer.writerow([*wide[0], *names, *wide[1]])
    for place, number in enumerate(order):
        if place in blank:
            writer.writerow([""] * draw(st.integers(1, len(names) + before + after)))
        writer.writerow([*wide[0], *(rows[number][name] for name in names), *wide[1], *[""] * draw(st.integers(0, 3))])
    encoding = draw(st.sampled_from(["utf-8", "utf-8-sig", "utf-16", "utf-16-le", "utf-16-be", "cp1252"]))
    return text.getvalue().encode(encoding)


@given(saved())
def test_an_export_saved_again_gives_the_same_answers(content):
    same(from_sosci(content, KEY, PROJECT, "answers.csv"))


@given(st.data())
def test_any_cell_changed_in_any_way_gives_the_same_answers_or_one_error(data):
    """Whoever's answers were not used before is not used after it: what decides that is known, or refused."""
    number, name = data.draw(st.integers(0, 6)), data.draw(st.sampled_from(["S001", "S002", "MODE", "CASE"]))
    cell = ROWS[number][name]
    changed = data.draw(
        st.sampled_from(
            [f"{cell}.0", f"{cell},0", f"0{cell}", f"'{cell}", f"{cell};", "nein", "No", "2;0", "", "NaN", "7"]
        )
        | st.text(st.characters(exclude_characters='"', exclude_categories=["Cs", "Cc"]), max_size=4)
    )
    rows = [row | ({name: changed} if index == number else {}) for index, row in enumerate(ROWS)]
    try:
        found = imported(rows)
    except UserError:  # which names the line, see below
        return
    if normalised(changed) == cell or name == "CASE":
        assert found.counts == EXPECTED.counts
    else:  # another code that is one, or no answer where nothing hangs on it
        allowed = {"S001": ("1", "2", "", "-9", "-1"), "S002": ("1", "2", "3", "4", "", "-9", "-1")}
        assert normalised(changed) in allowed.get(name, ("interview", "pretest", "debug", "admin"))


@pytest.mark.parametrize(
    ("column", "cell", "message"),
    [
        ("S001", "nein", "S001 decides whether the answers count; it must be 1 or 2"),
        ("S001", "2.5", "S001 decides whether"),
        ("S001", "3", "S001 decides whether"),
        ("S001", "", "S001 decides whether"),
        ("S001", "-9", "S001 decides whether"),
        ("S002", "None", "S002 decides whether the answers count; it must be 1 or 2 or 3 or 4"),
        ("MODE", "test", "MODE must be interview or, for a test that is left out, pretest, debug, admin"),
        ("MODE", "", "MODE must be interview"),
        ("CASE", "1.23E+11", "CASE must be a whole number, written out with all of its digits"),
        ("CASE", "1,001", "CASE must be a whole number"),
        ("CASE", "", "CASE must be a whole number"),
        ("SERIAL", "1.23E+11", "SERIAL must be a whole number, written out with all of its digits or a name"),
        ("R001_01", "3,5", "readability must be a whole number from 1 to 5"),
        ("R001_01", "1-2", "readability must be a whole number from 1 to 5"),
        ("R001_01", "²", "readability must be a whole number from 1 to 5"),
    ],
)
@pytest.mark.parametrize("labels", [True, False])
@pytest.mark.parametrize("number", [0, 2])
def test_what_cannot_be_read_is_named_with_its_line(column, cell, message, labels, number):
    rows = [row | {name: "because" for name in row if name[0] == "J"} for row in ROWS]
    rows[number] = rows[number] | {column: cell}
    rows = [row | {column: row.get(column, "")} for row in rows]
    with pytest.raises(UserError, match=f"answers.csv, line {2 + labels + number}: {message}"):
        imported(rows, labels=labels)


def test_a_column_of_consents_that_went_empty_is_no_consent():
    with pytest.raises(UserError, match="line 2: S001 decides whether the answers count"):
        imported([row | {"S001": ""} | {n: "" for n in row if n[0] == "J"} for row in ROWS], labels=False)


@pytest.mark.parametrize("cut", [1, 3, len(RATED)])
def test_a_row_that_ends_early_is_named(cut):
    names = ["CASE", "QUESTNNR", "MODE", "S001", "S002", *RATED]
    lines = ["\t".join(names), *("\t".join(row[name] for name in names) for row in ROWS[:3])]
    lines[2] = "\t".join(lines[2].split("\t")[:-cut])
    with pytest.raises(UserError, match=rf"answers.csv, line 3: the row ends before its column {RATED[-cut]}"):
        from_sosci("\n".join(lines).encode(), KEY, PROJECT, "answers.csv")


def test_a_row_that_ends_before_what_nobody_needs_is_read():
    names = ["CASE", "QUESTNNR", "MODE", "S001", "S002", *RATED, "FINISHED", "REF"]
    lines = ["\t".join(names), *("\t".join(row[name] for name in names[:-2]) for row in ROWS)]
    same(from_sosci("\n".join(lines).encode(), KEY, PROJECT, "answers.csv"))


@pytest.mark.parametrize("ends", ["two later", "next"])
def test_a_quotation_mark_that_swallows_rows_is_refused(ends):
    """A tab-separated file without quoting, where a text begins with a mark and a later one ends with it."""
    names = ["CASE", "QUESTNNR", "MODE", "S001", "S002", *RATED, "J001_01", "FINISHED"]
    rows = [row | {"J001_01": "because", "FINISHED": "1"} for row in ROWS]
    rows[0]["J001_01"] = '"I thought'
    rows[1 if ends == "next" else 2]["J001_01"] = 'note"'
    lines = ["\t".join(names), *("\t".join(row[name] for name in names) for row in rows)]
    with pytest.raises(UserError, match=r"line \d: a quoted text of several lines ends here, and holds a whole row"):
        from_sosci("\n".join(lines).encode(), KEY, PROJECT, "answers.csv")


@pytest.mark.parametrize("mark", ['"I thought', 'he said "no'])
def test_a_quotation_mark_alone_is_refused_or_read(mark):
    names = ["CASE", "QUESTNNR", "MODE", "S001", "S002", *RATED, "J001_01"]
    rows = [row | {"J001_01": "because"} for row in ROWS]
    rows[2]["J001_01"] = mark
    content = "\n".join(["\t".join(names), *("\t".join(row[name] for name in names) for row in rows)]).encode()
    if mark.startswith('"'):
        with pytest.raises(UserError, match="line 4: not a CSV file: a quoted text does not end where a cell does"):
            from_sosci(content, KEY, PROJECT, "answers.csv")
    else:
        same(from_sosci(content, KEY, PROJECT, "answers.csv"))


@pytest.mark.parametrize(
    "changed",
    [
        lambda key: key.astype({"note": float, "pair": float}),
        lambda key: key.rename(columns=str.title),
        lambda key: key.assign(note=key["note"].map("{:03d}".format), pair=key["pair"].map("{:02d}".format)),
        lambda key: key.assign(kind=key["kind"].str.capitalize(), corpus="MIMIC ", survey=SURVEY.upper()),
        lambda key: key.assign(empty="").rename(columns={"empty": ""}),
    ],
)
def test_a_key_saved_again(changed):
    key = pd.read_csv(io.BytesIO(KEY_FILE))
    for options in ({"index": False}, {"sep": ";"}, {"encoding": "utf-16"}):
        content = io.BytesIO()
        changed(key).to_csv(content, **options)
        again = read_key(content.getvalue(), "key.csv")
        same(from_sosci(export(ROWS), again, PROJECT, "answers.csv"))


SHEET = filled_sheet()
OF_SHEET = from_sheet(SHEET.to_csv(index=False).encode(), KEY, "sheet.csv")


@settings(max_examples=40)
@given(st.sampled_from(list(SPELLINGS)), st.sampled_from(list(SPELLINGS)), st.sampled_from(list(CASES)), st.booleans())
@example("leading zeros", "float", "upper", True)
def test_a_sheet_saved_again(of_answers, of_ids, case, comma):
    sheet = SHEET.astype(str)
    for column in ("rater", "note", "readability", "coherence"):
        spelling = SPELLINGS[of_ids if column in ("rater", "note") else of_answers]
        sheet[column] = [spelling(cell) if cell else cell for cell in sheet[column]]
    sheet.loc[::2, "rater"] = SHEET["rater"].astype(str)[::2]  # one rater, spelled in two ways
    content = sheet.rename(columns=CASES[case]).to_csv(index=False, sep="," if comma else ";")
    same(from_sheet(content.encode("cp1252"), KEY, "sheet.csv"), OF_SHEET)


@pytest.mark.parametrize("change", ["float", "upper", "comma", "zeros"])
def test_tidy_ratings_saved_again(change):
    table = pd.read_csv(PUBLISHED, dtype=str)
    numbers = ["pair", "rater", "readability", "coherence"]
    if change == "upper":
        table = table.rename(columns=str.upper).map(str.upper)
    else:
        shape = {"float": "{}.0", "comma": "{},0", "zeros": "0{}"}[change]
        table[numbers] = table[numbers].map(shape.format)
    found = from_tidy(table.to_csv(index=False, sep=";").encode(), "ratings.csv")
    for corpus, expected in from_tidy(PUBLISHED.read_bytes(), "ratings.csv").items():
        same(found[corpus], expected)


@pytest.mark.parametrize(
    ("row", "message"),
    [
        ("mi mic,1,real,1,4,4", "corpus must be a name as in params.yaml"),
        ("mimic,1.5,real,1,4,4", "pair must be a whole number, written out"),
        ("mimic,1,real,1.2E+05,4,4", "rater must be a whole number, written out"),
        ("mimic,1,real,1", "the row ends before its column readability"),
        ("mimic,1,real,1,4,4,4", "7 cells, but the header has 6"),
    ],
)
def test_tidy_ratings_that_cannot_be_read(row, message):
    content = f"corpus,pair,kind,rater,readability,coherence\nmimic,1,synthetic,1,4,4\n{row}\n"
    with pytest.raises(UserError, match=f"ratings.csv, line 3: {message}"):
        from_tidy(content.encode(), "ratings.csv")


@pytest.mark.parametrize(
    ("old", "new", "ends"),
    [
        ("value('S001') == 2) {", "value('S001')==2){", True),
        ("value('S001') == 2) {", 'value("S001") === "2" )\n{\n', True),
        ("value('S001') == 2", "value('S001') != 1", False),
        ("value('S001') == 2", "value('S001') == 2 || value('S002') == 4", False),
        ("value('S001') == 2", "value('S001') == 9", False),
        ("value('S001') == 2", "value('S009') == 2", False),
    ],
)
def test_a_rule_that_ends_the_interview_is_read_or_refused(old, new, ends):
    """The survey server lets people edit it; one that is not understood would let refusals in."""
    document = DOCUMENT.replace(old.encode(), new.replace("&", "&amp;").encode())
    assert document != DOCUMENT
    if ends:
        assert read_project(document, "survey.xml").screened_out == PROJECT.screened_out
    else:
        with pytest.raises(
            UserError, match=r"survey.xml: (a page ends the interview by a rule|an answer \d to S00\d ends)"
        ):
            read_project(document, "survey.xml")


def test_no_two_columns_become_one():
    with pytest.raises(UserError, match="column 'Rater' stands twice"):
        read_table(b"rater;Rater\n1;2\n", "x.csv")
