"""Reading a SoSci Survey project back: what was asked, in which version, and which answers ended the interview.

The file may come from a survey server or by mail, so that it is read with defusedxml: entities, which can blow up or
fetch other files, are refused.
"""

import re
from dataclasses import dataclass
from xml.etree import ElementTree as ET

from defusedxml import DefusedXmlException
from defusedxml.ElementTree import fromstring

from synthnotes.machinery import kinds
from synthnotes.machinery.files import UserError

VERSION = "2.4"
_NUMBER = re.compile(r"[0-9]{1,6}")  # "²" is a digit too, and no number
_END = r"goToPage\(\s*['\"]end['\"]\s*\)"
_ENDING = re.compile(
    rf"if\s*\(\s*value\(\s*['\"](\w+)['\"]\s*\)\s*===?\s*['\"]?([0-9]{{1,6}})['\"]?\s*\)\s*\{{?\s*{_END}", re.IGNORECASE
)


@dataclass(frozen=True)
class Question:
    """A question of a project.

    Attributes:
        kind: SoSci's class: TextContent, scale, text, mentions, select, random.
        title: what is asked.
        lead: the text that is shown, HTML; empty where there is none.
        options: the answers to choose from, by code.
        ends: labels of a scale, by value.
    """

    kind: str
    title: str
    lead: str
    options: dict[int, str]
    ends: dict[int, str]


@dataclass(frozen=True)
class Project:
    """A project as `sosci.write_project` writes it.

    Attributes:
        survey: the questionnaire's id, which stands as QUESTNNR beside the answers.
        questions: by variable, such as R001.
        pages: the questions of each page.
        screened_out: variables and codes that end the interview.
    """

    survey: str
    title: str
    language: str
    questions: dict[str, Question]
    pages: list[list[str]]
    screened_out: frozenset[tuple[str, int]]


def read_project(document: bytes, where: str) -> Project:
    """Reads a project.

    Args:
        document: the XML file's content.
        where: the file's name, for messages.

    Raises:
        UserError: the document is not well formed, declares entities, is no survey project of the format 2.4, holds no
            questionnaire or several, or ends the interview by a rule that cannot be read.
    """
    root = _parse(document, where)
    if root.tag != "surveyProject" or root.get("version") != VERSION:
        found = f"{root.tag}, version {root.get('version')}"
        raise UserError(f"{where}: not a SoSci Survey project of the format {VERSION} (found {found}).")
    questionnaires = root.findall("questionnaire")
    if len(questionnaires) != 1:
        raise UserError(f"{where}: holds {len(questionnaires)} questionnaires; expected one.")
    # The server puts an XML declaration after a newline, where XML allows none.
    pages = _attribute(questionnaires[0], "content")
    content = _parse(pages.encode(), f"{where}, the questionnaire's pages")
    questions = {}
    for section in root.findall("section"):
        for question in section.findall("question"):
            number = _attribute(question, "id")
            if not _NUMBER.fullmatch(number):
                raise UserError(f"{where}: a question of section {_attribute(section, 'id')} has no number.")
            questions[f"{_attribute(section, 'id')}{int(number):02d}"] = _question(question)
    screened_out = _endings("\n".join(script.text or "" for script in content.iter("php")), where)
    for variable, code in sorted(screened_out):
        if variable not in questions or code not in questions[variable].options:
            raise UserError(f"{where}: an answer {code} to {variable} ends the interview, but is none of its options.")
    return Project(
        survey=_attribute(questionnaires[0], "id"),
        title=root.findtext("title") or "",
        language=_attribute(root, "language"),
        questions=questions,
        pages=[[q.get("id", "") for q in page.findall("question")] for page in content.findall("page")],
        screened_out=screened_out,
    )


def _endings(scripts: str, where: str) -> frozenset[tuple[str, int]]:
    """Variables and codes that end the interview; a rule that is not understood would let answers in."""
    found = _ENDING.findall(scripts)
    if len(found) != len(re.findall(_END, scripts, re.IGNORECASE)):
        raise UserError(
            f"{where}: a page ends the interview by a rule that is none of the form "
            "if (value('S001') == 2) { goToPage('end'); }. Write one such rule for each variable and code."
        )
    return frozenset((variable.upper(), int(code)) for variable, code in found)


def _parse(document: bytes, where: str) -> ET.Element:
    """Parses XML without entities."""
    try:
        return fromstring(document)
    except DefusedXmlException as error:
        name = type(error).__name__
        raise UserError(f"{where}: declares entities or external references, which are refused ({name}).") from None
    except (ET.ParseError, LookupError, ValueError) as error:
        found = kinds.kind_of(document[: kinds.START])
        if found in (None, kinds.XML, kinds.TEXT, kinds.UTF_16):
            raise UserError(f"{where}: not well-formed XML: {error}.") from None
        remedy = kinds.REMEDIES.get(found, "Take the project's own file.")
        raise UserError(f"{where}: it is {found}, where XML is expected. {remedy}") from None


def _question(element: ET.Element) -> Question:
    kind = element.findtext("class") or ""
    options = {
        int(_attribute(item, "id")): item.findtext("text") or ""
        for item in element.findall("item")
        if kind == "select" and _NUMBER.fullmatch(_attribute(item, "id"))
    }
    ends = {
        int(li.get("i", "")): li.text or "" for li in element.findall("labels/li") if _NUMBER.fullmatch(li.get("i", ""))
    }
    return Question(kind, element.findtext("title") or "", element.findtext("lead") or "", options, ends)


def _attribute(element: ET.Element, name: str) -> str:
    """One of SoSci's own attributes; empty where it is not set."""
    return (element.findtext(f"attributes.specific/attr[@id='{name}']") or "").strip()
