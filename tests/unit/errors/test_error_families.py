import numpy as np
import pytest
from scipy import sparse

from synthnotes.errors.families import families, family_confusion, family_distribution, family_errors

#        IX       IX       X        PCS 0      PCS X
CODES = ["I10", "I50.9", "J18.9", "0DTJ4ZZ", "XW03331"]
FAMILIES = families(CODES)


def matrix(*rows):
    return sparse.csr_array(np.array(rows, dtype=bool))


def test_wrong_codes_within_and_out_of_family(decisions_of):
    truth = [[1, 0, 0, 0, 0], [0, 0, 1, 0, 0], [0, 0, 0, 1, 0]]
    predicted = [[1, 1, 1, 0, 0], [0, 0, 0, 0, 1], [0, 0, 0, 1, 1]]
    # Note 1: I50.9 is in the chapter of I10, J18.9 is not. Notes 2, 3: "X" as a PCS section is neither chapter X of
    # J18.9 nor the section of the other procedure (repair n).
    assert family_errors(decisions_of(CODES, truth, predicted), FAMILIES) == {
        "wrong": 4,
        "within_category": 0,
        "within_block": 0,
        "within_family": 1,
        "out_of_family": 3,
        "of_unknown_family": 0,
        "within_category_share": 0,
        "within_block_share": 0,
        "within_family_share": 0.25,
        "out_of_family_share": 0.75,
        "of_unknown_family_share": 0,
    }


def test_errors_by_category_block_and_family(decisions_of):
    # E11.9 is true. E11.6 is of its category, E10.9 of its block (diabetes), E78.5 of its chapter, I10 of none.
    codes = ["E11.9", "E11.6", "E10.9", "E78.5", "I10"]
    errors = family_errors(decisions_of(codes, [[1, 0, 0, 0, 0]], [[0, 1, 1, 1, 1]]), families(codes))
    counts = [errors[name] for name in ("within_category", "within_block", "within_family", "out_of_family")]
    assert counts == [1, 2, 3, 1]


def test_codes_without_a_chapter_are_counted_and_are_no_family(decisions_of):
    codes = ["D99.1", "D98", "??", "I10"]  # well-formed but in no chapter, and no code at all
    predicted = [[0, 1, 1, 1]]
    errors = family_errors(decisions_of(codes, [[1, 0, 0, 1]], predicted), families(codes))
    assert (errors["wrong"], errors["within_family"], errors["of_unknown_family"]) == (2, 0, 2)
    assert (errors["within_block"], errors["out_of_family"]) == (0, 2)
    table = family_distribution(
        {"real": matrix(*predicted)}, families(codes), other_share=0, patients=np.zeros(1, dtype=int)
    )
    assert table[["family", "title", "predictions"]].values.tolist() == [
        ["unknown", "Unknown", 2], ["IX", "Circulatory system", 1],
    ]  # fmt: skip


def test_nothing_wrong_has_no_share(decisions_of):
    decisions = decisions_of(CODES, [[1, 0, 0, 0, 0]], [[1, 0, 0, 0, 0]])
    errors = family_errors(decisions, FAMILIES)
    assert errors["wrong"] == 0
    assert errors["within_family_share"] is errors["out_of_family_share"] is None
    assert family_confusion(decisions, FAMILIES).empty


@pytest.mark.parametrize(
    ("code", "chapter"),
    [
        ("XW03331", "XX"),
        ("BW28ZZZ", "I"),
        ("D01097Z", "II"),
        ("DW013ZZ", "III"),
        ("F07L0ZZ", "V"),
        ("HZ2ZZZZ", "VIII"),
        ("0DTJ4ZZ", "unknown"),
        ("J18.9", "X"),
        ("D50.0", "III"),
    ],
)
def test_published_families_file_procedures_by_their_letters(code, chapter):
    assert families([code], published=True).tolist() == [chapter]


def test_published_families_make_errors_within_a_family(decisions_of):
    # XW03331 in the place of V43.5: external causes by its first letter, no diagnosis at all in truth (repair n).
    codes = ["V43.5", "XW03331"]
    decisions = decisions_of(codes, [[1, 0]], [[0, 1]])
    assert family_errors(decisions, families(codes))["within_family"] == 0
    assert family_errors(decisions, families(codes, published=True))["within_family"] == 1


def test_confusion_by_hand(decisions_of):
    truth = [[1, 0, 1, 0, 0], [1, 0, 0, 0, 0], [0, 0, 0, 1, 0]]
    predicted = [[0, 1, 0, 0, 1], [1, 1, 0, 0, 0], [0, 0, 0, 0, 0]]
    truth, predicted = [*truth, truth[1]], [*predicted, predicted[1]]  # note 2 twice: a patient's, and another's
    # Note 1 misses I10 (IX) and J18.9 (X), and gets I50.9 (IX) and XW03331 (PCS X): a half each for IX and X. Note 2
    # misses nothing and gets I50.9. Note 3 misses a procedure and gets nothing.
    table = family_confusion(decisions_of(CODES, truth, predicted, [0, 0, 1, 2]), FAMILIES)
    found = {(row.missed, row.predicted): row.codes for row in table.itertuples()}
    assert found == {
        ("IX", "IX"): 0.5, ("X", "IX"): 0.5, ("IX", "PCS X"): 0.5, ("X", "PCS X"): 0.5, ("none", "IX"): 2.0,
    }  # fmt: skip
    assert table["missed"].iloc[0] == "none"
    assert table["patients"].tolist() == [2, 1, 1, 1, 1]
    assert table["share"].sum() == pytest.approx(1)


def test_families_that_are_small_everywhere_are_others():
    given = {
        "real": matrix([1, 1, 1, 0, 0], [1, 1, 0, 1, 1]),  # IX 4, X 1, PCS 0 1, PCS X 1
        "truth": matrix([1, 0, 1, 0, 0], [1, 0, 1, 0, 0]),  # IX 2, X 2
    }
    table = family_distribution(given, FAMILIES, other_share=0.2, patients=np.array([7, 7]))
    rows = [tuple(row) for row in table[["coder", "family", "predictions"]].itertuples(index=False)]
    # X is below the share for "real" alone, and so shown for both.
    assert rows == [
        ("real", "IX", 4), ("real", "X", 1), ("real", "Others", 2),
        ("truth", "IX", 2), ("truth", "X", 2), ("truth", "Others", 0),
    ]  # fmt: skip
    assert table["share"].tolist() == pytest.approx([4 / 7, 1 / 7, 2 / 7, 0.5, 0.5, 0])
    assert table["patients"].tolist() == [1, 1, 1, 1, 1, 0]  # both notes are one patient's
    assert table["title"].tolist()[:3] == ["Circulatory system", "Respiratory system", "Others"]


def test_a_coder_that_predicts_nothing_has_shares_of_zero():
    table = family_distribution(
        {"real": matrix([0] * 5), "truth": matrix([1] * 5)}, FAMILIES, 0, np.zeros(1, dtype=int)
    )
    assert (table.query("coder == 'real'")["share"] == 0).all()
