"""The questionnaire as a SoSci Survey project (XML import format 2.4).

A project holds sections of questions, each known by the section's two characters and the question's two digits
(`R001`), and a questionnaire that places questions on pages. The page generator is a `random` question: SoSci draws its
entries in a random order, and a line of PHP on the page before the notes makes that order the order of the pages. Who
does not consent or is screened out goes to the end, likewise by PHP.
"""

import html
import re
from collections.abc import Iterable, Sequence
from typing import Any
from xml.etree import ElementTree as ET

from synthnotes.questionnaire.survey import SurveyNote, Wording

# What XML 1.0 cannot carry, not even escaped.
FORBIDDEN = re.compile("[^\t\n\r\x20-\ud7ff\ue000-\ufffd\U00010000-\U0010ffff]")

# Sections, by the questions that they hold; the number of a note is the number of its questions.
TEXTS, SCREENING, ORDER = "T0", "S0", "O0"
CONSENT, TRAINING = f"{SCREENING}01", f"{SCREENING}02"
NOTES, READABILITY, COHERENCE, WHY_READABILITY, WHY_COHERENCE, CODES = "N0", "R0", "C0", "J0", "K0", "M0"
NOTE_QUESTIONS = (NOTES, READABILITY, WHY_READABILITY, COHERENCE, WHY_COHERENCE, CODES)
ANSWERED = {"restrictions.answered": "yes"}
RATED = {"scale.display": "extrema", "composition": "extended"} | ANSWERED


def write_project(notes: Sequence[SurveyNote], wording: Wording, survey: str) -> bytes:
    """Writes the project that SoSci Survey imports.

    Args:
        notes: in blinded order, at most 99; their kind does not enter the project.
        wording: the texts around them.
        survey: the questionnaire's version; SoSci writes it as QUESTNNR beside every answer.

    Returns:
        A UTF-8 XML document.
    """
    root = ET.Element("surveyProject", version="2.4", program="oFb")
    child(root, "title", wording.title)
    child(root, "description")
    attributes(root, language=wording.language)
    texts = new_section(root, TEXTS, 1)
    for number, (name, text) in enumerate((("Welcome", wording.welcome), ("Definitions", wording.definitions)), 1):
        question(texts, number, "TextContent", name, lead=paragraphs([text]), character="html")
    screening = new_section(root, SCREENING, 2)
    choose(screening, 1, "Consent", wording.consent, wording.consent_options)
    choose(screening, 2, "Training", wording.screening, wording.screening_options)
    ask_per_note(root, notes, wording)
    order = question(new_section(root, ORDER, 9), 1, "random", "Page generator")
    attributes(order, rows=len(notes), data="\n".join(f"{n.number} P{n.number}" for n in notes))
    questionnaire = child(root, "questionnaire")
    child(questionnaire, "title", wording.title)
    attributes(questionnaire, id=survey, content=pages(notes, wording), goodbye=paragraphs([wording.goodbye]))
    ET.indent(root, space="")
    return ET.tostring(root, encoding="utf-8", xml_declaration=True)


def ask_per_note(root: ET.Element, notes: Sequence[SurveyNote], wording: Wording) -> None:
    """Adds the sections with one question for every note, in the order of `NOTE_QUESTIONS`."""
    asked: dict[str, tuple[str, str, str, dict[str, Any]]] = {
        NOTES: ("TextContent", "Note", wording.note, {"character": "html"}),
        READABILITY: ("scale", "Readability", wording.readability, RATED),
        WHY_READABILITY: ("text", "Justification", wording.justification, {}),
        COHERENCE: ("scale", "Coherence", wording.coherence, RATED),
        WHY_COHERENCE: ("text", "Justification", wording.justification, {}),
        CODES: ("mentions", "Codes", wording.codes, {"rows": 25, "offer": 5}),
    }
    ends = {READABILITY: wording.readability_ends, COHERENCE: wording.coherence_ends}
    for position, (name, (kind, label, title, details)) in enumerate(asked.items(), start=3):
        section = new_section(root, name, position)
        for note in notes:
            lead = paragraphs(line for line in note.text.splitlines() if line.strip()) if name == NOTES else None
            added = question(section, note.number, kind, f"{label} {note.number}", title, lead, **details)
            if name in ends:
                labels = child(added, "labels")
                for value, end in zip((1, 5), ends[name], strict=True):
                    child(labels, "li", end).set("i", str(value))
            if kind in ("scale", "text"):
                item(added, 1)


def paragraphs(lines: Iterable[str]) -> str:
    """Lines of text as HTML."""
    return "".join(f"<p>{html.escape(line)}</p>" for line in lines)


def pages(notes: Sequence[SurveyNote], wording: Wording) -> str:
    """The pages of the questionnaire: the frame, then one page for every note, drawn in random order."""
    root = ET.Element("questionnaire")
    page(root, [f"{TEXTS}01", CONSENT])
    refused = end_where(CONSENT, range(2, len(wording.consent_options) + 1))
    child(page(root, [TRAINING]), "php", refused)
    shuffle = f"question('{ORDER}01');\nsetPageOrder(valueList('{ORDER}01', NULL, 'label'), 'end');"
    child(page(root, [f"{TEXTS}02"]), "php", end_where(TRAINING, wording.screened_out_codes) + shuffle)
    for note in notes:
        # The page generator knows the page by this name.
        page(root, [f"{section}{note.number:02d}" for section in NOTE_QUESTIONS]).set("ident", f"P{note.number}")
    return ET.tostring(root, encoding="unicode")


def end_where(question_name: str, codes: Iterable[int]) -> str:
    """PHP that ends the interview where a question was answered with one of these codes (`sosci_project` reads it)."""
    return "".join(f"if (value('{question_name}') == {code}) {{ goToPage('end'); }}\n" for code in codes)


def page(root: ET.Element, references: Sequence[str]) -> ET.Element:
    """Adds a page that shows the questions with these references."""
    added = ET.SubElement(root, "page")
    for reference in references:
        ET.SubElement(added, "question", id=reference)
    return added


def new_section(root: ET.Element, name: str, position: int) -> ET.Element:
    """Adds a section, known by its two characters."""
    section = child(root, "section")
    child(section, "title", name)
    attributes(section, id=name, pos=position)
    return section


def question(
    section: ET.Element, number: int, kind: str, name: str, title: str = "", lead: str | None = None, **details: Any
) -> ET.Element:
    """Adds a question of a SoSci class; `lead` is its text, other details become attributes."""
    added = child(section, "question")
    for tag, text in (("description", name), ("class", kind), ("title", title), ("explanation", None)):
        child(added, tag, text)
    if lead is not None:
        child(added, "lead", lead)
    attributes(added, id=number, pos=number, **details)
    return added


def choose(section: ET.Element, number: int, name: str, title: str, options: Sequence[str]) -> None:
    """Adds a question with one answer out of several that must be given."""
    added = question(section, number, "select", name, title, **ANSWERED)
    for value, option in enumerate(options, start=1):
        item(added, value, option)


def item(parent: ET.Element, number: int, text: str | None = None) -> None:
    """Adds an item or answer option to a question."""
    added = child(parent, "item")
    child(added, "text", text)
    attributes(added, id=number, pos=number)


def attributes(parent: ET.Element, **values: Any) -> None:
    """Adds SoSci's own attributes of an element, in its block if it has one."""
    block = parent.find("attributes.specific")
    if block is None:
        block = ET.SubElement(parent, "attributes.specific", program="ofb")
    for name, value in values.items():
        child(block, "attr", str(value)).set("id", name)


def child(parent: ET.Element, tag: str, text: str | None = None) -> ET.Element:
    """Adds an element; characters that XML cannot hold become spaces."""
    added = ET.SubElement(parent, tag)
    if text is not None:
        added.text = FORBIDDEN.sub(" ", text)
    return added
