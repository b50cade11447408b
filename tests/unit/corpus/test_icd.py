"""ICD-10: forms, families and blocks, against the published table of chapters and simple_icd_10_cm."""

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


def test_a_procedure_cut_to_four_characters_is_one_and_counts_as_no_whole_one():
    assert icd.kind_of("0TTB") == icd.kind_of("0270") == "procedure"
    assert icd.family("BW03") == "PCS B"
    assert icd.block("0TTB") == "PCS 0T"
    assert not icd.is_valid("0TTB", "procedure")  # no code of MIMIC's is cut
    assert icd.kind_of("E11.9") == "diagnosis"


@pytest.mark.parametrize("code", ["", "I1", "I10.", "110", "i10", "0DTJ4Z", "0DTJ4ZI", "JAA10", "E119", "ABC"])
def test_other_forms_are_unknown(code):
    assert icd.kind_of(code) == icd.family(code) == icd.block(code) == "unknown"
    assert not icd.is_valid(code, "unknown")


@pytest.mark.parametrize(
    ("code", "family"),
    [
        ("D48.9", "II"), ("D49.0", "II"), ("D50.0", "III"), ("H59.9", "VII"), ("H60.0", "VIII"), ("C7A.1", "II"),
        ("O9A.1", "XV"), ("T98.3", "XIX"), ("QA0.0", "XVII"), ("U07.1", "XXII"), ("E90", "IV"), ("Y99.8", "XX"),
        ("I10", "IX"), ("J18.9", "X"), ("XW03331", "PCS X"), ("0DTJ4ZZ", "PCS 0"), ("D7021ZZ", "PCS D"),
        ("D99", "unknown"), ("K99.1", "unknown"), ("T99", "unknown"),  # well-formed, in no chapter of any edition
    ],
)  # fmt: skip
def test_families(code, family):
    assert icd.family(code) == family
    assert family in icd.FAMILY_NAMES


@pytest.mark.parametrize(
    ("code", "block"),
    [
        ("I10", "I10-I1A"), ("I1A.0", "I10-I1A"), ("C05.1", "C00-C14"), ("C7A.1", "C7A"), ("B10.81", "B10"),
        ("C76.0", "C76-C80"), ("0DTJ4ZZ", "PCS 0D"), ("I14.9", "I10-I1A"), ("E90", "unknown"),
    ],
)  # fmt: skip
def test_blocks(code, block):
    assert icd.block(code) == block


def test_chapters_and_blocks_agree_with_the_icd_10_cm_tables():
    names = icd10cm.get_all_codes(with_dots=True)
    numbers = [name for name in names if icd10cm.is_chapter(name)]
    roman = {str(arabic): chapter.number for arabic, chapter in enumerate(icd.CHAPTERS, start=1)}
    placed = {
        category: (roman[number], block)
        for number in numbers
        for outermost in icd10cm.get_children(number)
        for category, block in _categories(outermost)
    }
    assert len(numbers) == len(icd.CHAPTERS) == 22
    assert len(placed) > 1900
    assert {category: (icd.family(category), icd.block(category)) for category in placed} == placed


def _categories(block):
    """The categories in a block, each with its innermost block; a block of one category has that category's name."""
    children = icd10cm.get_children(block, prioritize_blocks=True)
    for child in children:
        if icd10cm.is_block(child) and child != block:
            yield from _categories(child)
        else:
            yield child, block
