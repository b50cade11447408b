"""ICD-10: forms and families, against the published table of chapters and simple_icd_10_cm."""

import pytest
import simple_icd_10_cm as icd10cm

from synthnotes.corpus import icd


@pytest.mark.parametrize(
    ("raw", "kind", "printed"),
    [
        ("I10", "diagnosis", "I10"),  # repair b: no trailing dot
        ("E119", "diagnosis", "E11.9"),
        (" e11.9 ", "diagnosis", "E11.9"),
        ("G630*", "diagnosis", "G63.0"),
        ("S72001A", "diagnosis", "S72.001A"),
        ("0dtj4zz", "procedure", "0DTJ4ZZ"),
        ("02703ZZ", "procedure", "02703ZZ"),
    ],
)
def test_codes_are_printed_with_the_dot_of_their_kind(raw, kind, printed):
    assert icd.format_code(raw, kind) == printed
    assert icd.is_valid(printed, kind)
    assert icd.kind_of(printed) == kind


@pytest.mark.parametrize("code", ["", "I1", "I10.", "110", "4019", "i10", "0DTJ4Z", "0DTJ4ZI", "JAA10", "E119", "ABC"])
def test_other_forms_have_no_kind(code):
    with pytest.raises(ValueError, match="neither"):
        icd.kind_of(code)


@pytest.mark.parametrize(
    ("code", "family"),
    [
        ("D48.9", "II"), ("D49.0", "II"), ("D50.0", "III"), ("H59.9", "VII"), ("H60.0", "VIII"), ("C7A.1", "II"),
        ("O9A.1", "XV"), ("T98.3", "XIX"), ("QA0.0", "XVII"), ("U07.1", "XXII"), ("E90", "IV"), ("Y99.8", "XX"),
        ("I10", "IX"), ("J18.9", "X"), ("XW03331", "PCS X"), ("0DTJ4ZZ", "PCS 0"), ("D7021ZZ", "PCS D"),
    ],
)  # fmt: skip
def test_families(code, family):
    assert icd.family(code) == family
    assert family in icd.FAMILY_NAMES


def test_chapters_agree_with_the_icd_10_cm_tables():
    chapters = icd10cm.get_all_codes(with_dots=True)
    numbers = [name for name in chapters if icd10cm.is_chapter(name)]
    roman = {str(arabic): chapter.number for arabic, chapter in enumerate(icd.CHAPTERS, start=1)}
    wrong = [
        category
        for number in numbers
        for block in icd10cm.get_children(number)
        for category in _categories(block)
        if icd.family(category) != roman[number]
    ]
    assert len(numbers) == len(icd.CHAPTERS) == 22
    assert wrong == []


def _categories(block):
    for child in icd10cm.get_children(block):
        if icd10cm.is_block(child):
            yield from _categories(child)
        else:
            yield child


def test_category_is_three_characters():
    assert icd.category("E11.9") == "E11"
