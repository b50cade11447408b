"""ICD-10 in one place: how codes are printed, what kind they are, and the families that they belong to.

Diagnoses are codes of ICD-10-CM, ICD-10-SE or another national edition, procedures ICD-10-PCS codes. As printed, a
diagnosis has a dot after its third character unless it is three characters long (`I10`, `E11.9`); a procedure has seven
characters, or four, and no dot (`0DTJ4ZZ`). So the printed form alone tells the kind. What has neither form, or lies
outside of every chapter, is `unknown`: nothing here raises over a code.
"""

import re
from functools import cache, lru_cache
from itertools import chain, count, takewhile
from typing import Literal, NamedTuple

from synthnotes.corpus.cells import is_absent

Kind = Literal["diagnosis", "procedure", "unknown"]
UNKNOWN: Kind = "unknown"

# A second letter is that of ICD-10-CM's QA0 alone, and no code has two letters and two digits behind its dot: what else
# would look like a diagnosis are Swedish procedures (AAG00, DT016) and drugs (C09AA05).
DIAGNOSIS = re.compile(r"(?:[A-Z]\d[\dA-Z]|QA\d)(?:\.(?![A-Z]{2}\d\d)[\dA-Z]{1,4})?", re.ASCII)
PROCEDURE = re.compile(r"[0-9B-DF-HX][0-9A-HJ-NP-Z]{6}")  # PCS uses neither I nor O
CUT_PROCEDURE = re.compile(r"[0-9B-DF-HX][0-9A-HJ-NP-Z]{3}")  # to its first four characters, as CodiEsp has them
SWEDISH_PROCEDURE = re.compile(r"[A-Z]{3}\d\d|[A-Z]{2}\d{3}", re.ASCII)  # KVÅ, surgical and other

# Around and between codes stands whatever is no letter, digit, dot, dash or question mark (a doubt about the code):
# brackets, separators, and the marks of double-coded diagnoses and of codes that stand for none alone (dagger, plus).
_BETWEEN = re.compile(r"(?:[^\w.·?-]|_)+")
_SPACED = re.compile(  # E 11.9, I10 9, E11 .9, I10,9; but not two codes side by side
    r"(?<![\w.])([A-Z])\s*(\d[\dA-Z])(?:\s*[.·]\s*|\s+|[,_•])(\d[\dA-Z]?)(?![\w.])|(?<![\w.])([A-Z])\s+(?=\d)"
)
_PLAIN = str.maketrans(dict.fromkeys("‐‑‒–—−", "-") | {chr(0xFEE0 + place): chr(place) for place in range(0x21, 0x7F)})
_RANGE = re.compile(r"\s+-\s*(?=[A-Z]\d)|(?<=\d)-\s+(?=[A-Z]\d)")  # A00 - B99 is no more two codes than A00-B99
_WITHIN = re.compile(r"[.·]|-+P?$")  # I10.-; J45-P, the form of Swedish primary care


class Chapter(NamedTuple):
    """An ICD-10 chapter: its roman number, its first and last category in any edition, and its title."""

    number: str
    first: str
    last: str
    title: str


# The ranges are the widest of the WHO's edition, ICD-10-CM (D49, K94, O9A, QA0, V00, Y99) and ICD-10-SE (E90, T98).
CHAPTERS = (
    Chapter("I", "A00", "B99", "Infectious and parasitic diseases"),
    Chapter("II", "C00", "D49", "Neoplasms"),
    Chapter("III", "D50", "D89", "Blood and immune mechanism"),
    Chapter("IV", "E00", "E90", "Endocrine, nutritional and metabolic diseases"),
    Chapter("V", "F00", "F99", "Mental and behavioural disorders"),
    Chapter("VI", "G00", "G99", "Nervous system"),
    Chapter("VII", "H00", "H59", "Eye and adnexa"),
    Chapter("VIII", "H60", "H95", "Ear and mastoid process"),
    Chapter("IX", "I00", "I99", "Circulatory system"),
    Chapter("X", "J00", "J99", "Respiratory system"),
    Chapter("XI", "K00", "K95", "Digestive system"),
    Chapter("XII", "L00", "L99", "Skin and subcutaneous tissue"),
    Chapter("XIII", "M00", "M99", "Musculoskeletal system and connective tissue"),
    Chapter("XIV", "N00", "N99", "Genitourinary system"),
    Chapter("XV", "O00", "O9A", "Pregnancy, childbirth and the puerperium"),
    Chapter("XVI", "P00", "P96", "Conditions originating in the perinatal period"),
    Chapter("XVII", "Q00", "QA0", "Congenital malformations"),
    Chapter("XVIII", "R00", "R99", "Symptoms, signs and abnormal findings"),
    Chapter("XIX", "S00", "T98", "Injury, poisoning and other external consequences"),
    Chapter("XX", "V00", "Y99", "External causes of morbidity and mortality"),
    Chapter("XXI", "Z00", "Z99", "Factors influencing health status and contact with services"),
    Chapter("XXII", "U00", "U99", "Codes for special purposes"),
)

SECTIONS = {
    "0": "Medical and surgical",
    "1": "Obstetrics",
    "2": "Placement",
    "3": "Administration",
    "4": "Measurement and monitoring",
    "5": "Extracorporeal or systemic assistance and performance",
    "6": "Extracorporeal or systemic therapies",
    "7": "Osteopathic",
    "8": "Other procedures",
    "9": "Chiropractic",
    "B": "Imaging",
    "C": "Nuclear medicine",
    "D": "Radiation therapy",
    "F": "Physical rehabilitation and diagnostic audiology",
    "G": "Mental health",
    "H": "Substance abuse treatment",
    "X": "New technology",
}

# "X" is a chapter (respiratory) as well as a PCS section (new technology): sections are prefixed to keep them apart.
FAMILY_NAMES = (
    {chapter.number: chapter.title for chapter in CHAPTERS}
    | {f"PCS {section}": title for section, title in SECTIONS.items()}
    | {UNKNOWN: "Unknown"}
)


def format_code(code: str, kind: Kind) -> str:
    """Prints a code as the note table holds it, whatever dots, spaces, case, brackets or marks it comes with.

    Args:
        code: a code as a source file holds it, such as `I10`, `e11.9`, `E119`, `G63.0*`.
        kind: `diagnosis` puts a dot after the third character of longer codes, `procedure` none.

    Returns:
        The printed code; an empty text if there is none, and what has no valid form if there are several.
    """
    codes = codes_in(code, kind)
    return codes[0] if len(codes) == 1 else " ".join(codes)


@lru_cache(2**16)
def codes_in(text: str, kind: Kind) -> tuple[str, ...]:
    """The codes in a text, each as `format_code` prints it: split at white space, `,` `;` `|` `/`, brackets and marks.

    What programs write for no value (`nan`, `NULL`) is no code.
    """
    if is_absent(text):
        return ()
    spaced = _SPACED.sub(r"\1\2\3\4", _RANGE.sub("-", text.upper().translate(_PLAIN)))
    bare = (_WITHIN.sub("", part) for part in _BETWEEN.split(spaced))
    codes = [part for part in bare if part and not is_absent(part)]
    if kind == "diagnosis":
        codes = [f"{code[:3]}.{code[3:]}" if len(code) > 3 else code for code in codes]
    return tuple(codes)


def is_swedish_procedure(printed: str) -> bool:
    """Whether a code that was printed as a diagnosis has the form of KVÅ, the Swedish classification of procedures."""
    return SWEDISH_PROCEDURE.fullmatch(printed.replace(".", "")) is not None


def is_valid(code: str, kind: Kind) -> bool:
    """Whether a printed code has the form of its kind (whether an edition lists it is another question)."""
    form = {"diagnosis": DIAGNOSIS, "procedure": PROCEDURE}.get(kind)
    return form is not None and form.fullmatch(code) is not None


def kind_of(code: str) -> Kind:
    """The kind of a printed code, `unknown` if it has the form of neither; a procedure may be cut (`CUT_PROCEDURE`)."""
    if CUT_PROCEDURE.fullmatch(code):  # a diagnosis of four characters has a dot
        return "procedure"
    return next((kind for kind in ("diagnosis", "procedure") if is_valid(code, kind)), UNKNOWN)


@cache
def family(code: str) -> str:
    """The family of a printed code: the chapter of a diagnosis (`IX`), the section of a procedure (`PCS 0`).

    Families say how far from the truth a wrong code is (paper, 6.3.3); `FAMILY_NAMES` gives their titles. A code that
    has the form of neither kind, or whose category no chapter holds, belongs to `unknown`.
    """
    if kind_of(code) == "procedure":
        return f"PCS {code[0]}"
    if not is_valid(code, "diagnosis"):
        return UNKNOWN
    # Digits sort before letters, so that the categories of ICD-10-CM with a letter (C7A, I5A) stay in their chapters.
    return next((c.number for c in CHAPTERS if c.first <= category(code) <= c.last), UNKNOWN)


def category(code: str) -> str:
    """The first three characters of a code: the category of a diagnosis; body system and operation of a procedure."""
    return code[:3]


@cache
def block(code: str) -> str:
    """The block of a diagnosis, as ICD-10-CM draws them (`I10-I1A`); section and body system of a procedure (`PCS 0D`).

    Where blocks lie within blocks, the narrowest. `unknown` for a code of neither kind, and for a category between the
    blocks, such as some of ICD-10-SE.
    """
    if kind_of(code) == "procedure":
        return f"PCS {code[:2]}"
    if not is_valid(code, "diagnosis"):
        return UNKNOWN
    import simple_icd_10_cm as icd_10_cm  # takes a second or two: it reads the whole classification

    own = category(code)
    if icd_10_cm.is_category(own):
        parent = icd_10_cm.get_parent(own)
        return own if icd_10_cm.is_chapter(parent) else parent  # a block of one category has its name
    # A category of another edition goes by the ranges in the blocks' names, which nest.
    around = (name for name in _blocks() if name[:3] <= own <= name[-3:])
    return min(around, key=lambda name: name[-3:], default=UNKNOWN)


@cache
def _blocks() -> list[str]:
    """All blocks of ICD-10-CM, the last and narrowest first; found below the chapters, for most codes are no blocks."""
    import simple_icd_10_cm as icd_10_cm

    blocks: list[str] = []
    above = list(takewhile(icd_10_cm.is_valid_item, map(str, count(1))))  # chapters are called 1, 2 and so on
    while above:
        above = list(filter(icd_10_cm.is_block, chain.from_iterable(map(icd_10_cm.get_children, above))))
        blocks += above
    return sorted(blocks, reverse=True)
