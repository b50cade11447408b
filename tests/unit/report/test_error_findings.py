"""What the report says of errors where codes are rare, and of the notes that teach a coder."""

import pytest

from synthnotes.report import findings, tables
from synthnotes.report.kit.numbers import Numbers

MIMIC = tables.CORPORA["mimic"]


def with_rarity(folder, low, high, verdict):
    found = Numbers(folder, {})
    rarity = {"n": 74, "spearman": {"r": 0.1, "low": low, "high": high}, "verdict": verdict}
    found.include("errors.mimic", folder, {"codes": {"rarity": rarity}})
    return found


@pytest.mark.parametrize(
    ("verdict", "said"),
    [
        ("more where rare", "lose most where codes are rare"),
        ("less where rare", "lose most where codes are frequent"),
        ("not shown", "are not shown to lose most where codes are rare"),
    ],
)
def test_the_first_page_says_whether_rare_codes_lose_most_and_not_that_they_are_hard(tmp_path, verdict, said):
    """With any coder F1 is lower where codes are rare; the question is what synthetic notes change."""
    text = findings.errors(with_rarity(tmp_path, -0.1, 0.3, verdict), MIMIC)
    assert text.startswith(f"They **[{said}][errors.mimic.codes.rarity.verdict]**")
    assert "over [74]" in text


def test_the_first_page_says_where_too_few_codes_are_known(tmp_path):
    assert findings.errors(with_rarity(tmp_path, None, None, "not shown"), MIMIC) == "F1 of too few codes is known"


@pytest.mark.parametrize(("validates_on", "taught"), [("real_s", ["50", "30"]), ("real_l", ["45", "5"])])
def test_the_subsets_say_which_notes_teach_the_coder_of_real_l(tmp_path, validates_on, taught):
    found = Numbers(tmp_path, {})
    sizes = {"L": (50, 45, 5), "S": (30, 27, 3), "E": (20, 0, 0)}
    of = {
        name: {"notes": notes, "patients": 9, "codes": 4, "train": train, "validation": validation}
        for name, (notes, train, validation) in sizes.items()
    }
    split = {"notes": 1, "share_of_notes": 0.1, "share_wanted": 0.1, "share_of_codes_missing": 0, "kl_divergence": 0}
    folds = {subset: {"train": split, "validation": split} for subset in "LS"}
    splits = {"quality": dict.fromkeys("LSE", split), "folds": folds}
    found.include("cohort.mimic", tmp_path, {"subsets": of, "splits": splits})
    found.include("params", tmp_path, {"coding": {"real_l_validation": validates_on}})
    found.include("published.corpora.mimic", tmp_path, {"subsets": {name: {"notes": 1} for name in sizes}})
    rows = tables.subsets(found, [MIMIC])
    assert [[cell.split("]")[0].lstrip("[") for cell in row[5:7]] for row in rows[:2]] == [taught, ["27", "3"]]
    assert [row[5:7] for row in rows[2:]] == [[None, None]]
    of_l, of_s, _ = tables.subset_boxes(found, MIMIC).values()
    assert list(of_l.values())[3:] == taught
    assert "notes validate it" in of_s
    assert ("notes of S validate it" in of_l) == (validates_on == "real_s")
    parts = [row[0] for row in tables.split_quality(found, [MIMIC])]
    assert ("MIMIC-L, train" in parts) == (validates_on == "real_l")
    assert "MIMIC-S, train" in parts
