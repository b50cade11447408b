import numpy as np
import pytest

from synthnotes.errors.decisions import Decisions
from synthnotes.errors.families import family_distribution, family_errors

#        IX       IX       X        PCS 0      PCS X
CODES = ["I10", "I50.9", "J18.9", "0DTJ4ZZ", "XW03331"]


def matrix(*rows):
    return np.array(rows, dtype=bool)


def test_wrong_codes_within_and_out_of_family():
    truth = matrix([1, 0, 0, 0, 0], [0, 0, 1, 0, 0], [0, 0, 0, 1, 0])
    predicted = matrix([1, 1, 1, 0, 0], [0, 0, 0, 0, 1], [0, 0, 0, 1, 1])
    # Note 1: I50.9 is in the chapter of I10, J18.9 is not. Notes 2, 3: "X" as a PCS section is neither chapter X of
    # J18.9 nor the section of the other procedure (repair n).
    assert family_errors(Decisions(CODES, truth, predicted)) == {
        "wrong": 4,
        "within_family": 1,
        "out_of_family": 3,
        "of_unknown_family": 0,
        "within_family_share": 0.25,
        "out_of_family_share": 0.75,
    }


def test_codes_without_a_chapter_are_counted_and_are_no_family():
    codes = ["D99.1", "D98", "??", "I10"]  # well-formed but in no chapter, and no code at all
    truth, predicted = matrix([1, 0, 0, 1]), matrix([0, 1, 1, 1])
    errors = family_errors(Decisions(codes, truth, predicted))
    assert (errors["wrong"], errors["within_family"], errors["of_unknown_family"]) == (2, 0, 2)
    table = family_distribution({"real": predicted}, codes, other_share=0)
    assert table[["family", "title", "predictions"]].values.tolist() == [
        ["unknown", "Unknown", 2], ["IX", "Circulatory system", 1],
    ]  # fmt: skip


def test_nothing_wrong_has_no_share():
    truth = matrix([1, 0, 0, 0, 0])
    errors = family_errors(Decisions(CODES, truth, truth))
    assert errors["wrong"] == 0
    assert errors["within_family_share"] is errors["out_of_family_share"] is None


def test_families_that_are_small_everywhere_are_others():
    given = {
        "real": matrix([1, 1, 1, 0, 0], [1, 1, 0, 1, 1]),  # IX 4, X 1, PCS 0 1, PCS X 1
        "truth": matrix([1, 0, 1, 0, 0], [1, 0, 1, 0, 0]),  # IX 2, X 2
    }
    table = family_distribution(given, CODES, other_share=0.2)
    rows = [tuple(row) for row in table[["coder", "family", "predictions"]].itertuples(index=False)]
    # X is below the share for "real" alone, and so shown for both.
    assert rows == [
        ("real", "IX", 4), ("real", "X", 1), ("real", "Others", 2),
        ("truth", "IX", 2), ("truth", "X", 2), ("truth", "Others", 0),
    ]  # fmt: skip
    assert table["share"].tolist() == pytest.approx([4 / 7, 1 / 7, 2 / 7, 0.5, 0.5, 0])
    assert table["title"].tolist()[:3] == ["Circulatory system", "Respiratory system", "Others"]


def test_a_coder_that_predicts_nothing_has_shares_of_zero():
    table = family_distribution({"real": matrix([0] * 5), "truth": matrix([1] * 5)}, CODES, other_share=0)
    assert (table.query("coder == 'real'")["share"] == 0).all()
