"""English discharge summaries in the manners of MIMIC-IV-Note: what a note says follows from its case.

Every code speaks up in the hospital course, in the order of the codes (procedures, then diagnoses), and most also in
history, examination, results or discharge diagnosis, each time in a wording drawn from `english.yaml`. Names, dates and
places are `___`, as in the original.
"""

import random
import textwrap
from collections.abc import Sequence
from dataclasses import dataclass

from synthnotes.demo.clinic import Case, Diagnosis, Procedure, fill

LINE_WIDTH = 78
SERVICES = {"cardiac": "CARDIOLOGY", "neuro": "NEUROLOGY", "trauma": "ORTHOPAEDICS", "psychiatric": "PSYCHIATRY"}
ALLERGIES = ("No Known Allergies / Adverse Drug Reactions", "Penicillins", "Sulfa (Sulfonamide Antibiotics)", "Codeine")
GENERAL_APPEARANCE = (
    "General: {alert|comfortable|tired}, {NAD|no distress}",
    "GEN: {NAD|no acute distress|alert}",
    "GENERAL: {alert and oriented|pleasant|frail}",
)
ARRIVALS = (
    "In the ED <she> was {stable|treated} and admitted to {medicine|the floor|the service}.",
    "<She> was admitted for further {care|management|workup}.",
    "<She> denies other complaints.",
    "",
)
FAMILY_HISTORIES = ("Non contributory.", "Father with heart disease.", "Mother with diabetes.", "No known illness.")
DISPOSITIONS = ("Home", "Home With Service", "Extended Care")
NORMAL_LABS = {
    "WBC": "[5-10].[0-9]",
    "Hgb": "1[1-4].[0-9]",
    "Plt Ct": "[160-380]",
    "Glucose": "[82-138]",
    "UreaN": "[9-22]",
    "Creat": "0.[6-9]",
    "Na": "[135-144]",
    "K": "[3-4].[5-9]",
}


@dataclass(frozen=True)
class Person:
    """Whom a note is about, as far as the note tells."""

    sex: str  # F or M
    age: int  # years


def write_note(case: Case, person: Person, rng: random.Random) -> str:
    """Writes one discharge summary, uncleaned: header block, sections, lists of medications, vital signs and labs."""
    background = [d for d in case.chronic if d is not case.reason]
    sections = (
        _header(case, person, rng),
        _section("Chief Complaint", _one(case.reason, "complaint", rng)),
        _section(
            "Major Surgical or Invasive Procedure", *([_one(p, "names", rng) for p in case.procedures] or ["None"])
        ),
        _section("History of Present Illness", *_history(case, person, background, rng)),
        _section("Past Medical History", *_past_history(background, rng)),
        _section("Social History", "___"),
        _section("Family History", rng.choice(FAMILY_HISTORIES)),
        _section("Physical Exam", *_examination(case, rng)),
        _section("Pertinent Results", *_results(case, rng)),
        _section("Brief Hospital Course", *_course(case, rng)),
        _section("Medications on Admission", *_medications(case.chronic, rng)),
        _section("Discharge Medications", *_medications(case.diagnoses, rng)),
        _section("Discharge Disposition", rng.choice(DISPOSITIONS)),
        _section("Facility", "___"),
        _section("Discharge Diagnosis", *[_one(d, "names", rng) for d in case.diagnoses if d not in background]),
        _section("Discharge Condition", "Mental Status: Clear and coherent.", "Level of Consciousness: Alert."),
        _section("Discharge Instructions", *_instructions(case, rng)),
        _section("Followup Instructions", "___"),
    )
    return "\n\n".join(sections) + "\n"


def write_problems(case: Case, rng: random.Random) -> list[str]:
    """Writes what a hospital course says of each code, under its name, in the order of the codes."""
    return [f"{_one(code, 'names', rng)}: {_one(code, 'course', rng)}" for code in case.codes]


def _header(case: Case, person: Person, rng: random.Random) -> str:
    service = SERVICES.get(case.reason.cluster, "MEDICINE")
    return (
        f" \nName:  ___                 Unit No:   ___\n \nAdmission Date:  ___              Discharge Date:   ___\n \n"
        f"Date of Birth:  ___             Sex:   {person.sex}\n \nService: {service}\n \n"
        f"Allergies: \n{rng.choice(ALLERGIES)}\n \nAttending: ___."
    )


def _history(case: Case, person: Person, background: list[Diagnosis], rng: random.Random) -> list[str]:
    address, noun, pronoun = {"F": ("Ms.", "woman", "she"), "M": ("Mr.", "man", "he")}[person.sex]
    known = rng.sample(background, min(len(background), rng.randint(0, 2)))
    names = " and ".join(_one(d, "names", rng) for d in sorted(known, key=lambda d: d.code))
    history = f" with {fill('{a history of|known|PMH of}', rng)} {names}" if known else ""
    verb = fill("{presents|presented|was admitted|comes in} with", rng)
    story = _one(case.reason, "story", rng)
    arrival = fill(rng.choice(ARRIVALS), rng).replace("<she>", pronoun).replace("<She>", pronoun.capitalize())
    text = f"{address} ___ is a {person.age} year old {noun}{history} who {verb} {story} {arrival}"
    return textwrap.wrap(text, LINE_WIDTH)


def _past_history(background: list[Diagnosis], rng: random.Random) -> list[str]:
    """The chronic diagnoses but the reason for admission, as a list with one of MIMIC's bullets."""
    bullet = rng.choice(("- ", "", "* "))
    return [bullet + _one(d, "names", rng) for d in background] or ["None."]


def _examination(case: Case, rng: random.Random) -> list[str]:
    findings = [_one(d, "exam", rng) for d in case.diagnoses if "exam" in d.wording]
    vitals = fill("___ 0[6-9]:[10-59] BP [98-168]/[52-94] HR [58-112] RR [14-24] O2 [91-99]% RA Temp 9[7-9].[0-9]", rng)
    return [vitals, "", fill(rng.choice(GENERAL_APPEARANCE), rng), *findings]


def _results(case: Case, rng: random.Random) -> list[str]:
    """Labs on admission with the case's own values, imaging, and labs at discharge."""
    abnormal = dict(_one(d, "labs", rng).rsplit("-", 1) for d in case.diagnoses if "labs" in d.wording)
    imaging = [_one(d, "imaging", rng) for d in case.diagnoses if "imaging" in d.wording]
    return [
        *("ADMISSION LABS", _laboratory_line(abnormal, rng), ""),
        *([*imaging, ""] if imaging else []),
        *("DISCHARGE LABS", _laboratory_line({}, rng)),
    ]


def _laboratory_line(abnormal: dict[str, str], rng: random.Random) -> str:
    values = {name: fill(template, rng) for name, template in NORMAL_LABS.items()} | abnormal
    time = fill("___ 0[5-9]:[10-59]AM BLOOD", rng)
    return "\n".join(textwrap.wrap(f"{time} " + " ".join(f"{n}-{v}" for n, v in values.items()), LINE_WIDTH))


def _course(case: Case, rng: random.Random) -> list[str]:
    """One paragraph per code, in the order of the codes, under its name."""
    mark = rng.choice(("# ", "#", "# "))
    return [line for problem in write_problems(case, rng) for line in textwrap.wrap(mark + problem, LINE_WIDTH)]


def _medications(diagnoses: Sequence[Diagnosis], rng: random.Random) -> list[str]:
    drugs = [_one(diagnosis, "drugs", rng) for diagnosis in diagnoses if "drugs" in diagnosis.wording]
    return [f"{number}. {drug}" for number, drug in enumerate(drugs, start=1)] or ["None"]


def _instructions(case: Case, rng: random.Random) -> list[str]:
    advice = [_one(d, "advice", rng) for d in case.diagnoses if "advice" in d.wording]
    text = f"Dear ___, you were admitted with {_one(case.reason, 'complaint', rng).lower()}. " + " ".join(advice)
    return [*textwrap.wrap(text, LINE_WIDTH), "We wish you the best. Your ___ team"]


def _one(code: Diagnosis | Procedure, kind: str, rng: random.Random) -> str:
    """One wording of a kind."""
    return fill(rng.choice(code.wording[kind]), rng)


def _section(heading: str, *lines: str) -> str:
    return "\n".join((f"{heading}:", *lines))
