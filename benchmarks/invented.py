"""Invented discharge notes of realistic length, for the benchmarks: pieces of the demo kit's notes, recombined.

A demo note is short because tiny models must learn it. A long one holds the same sections, each put together from the
sections of several demo notes, until it has the 1,500 words that a discharge summary has. Recombining is a thousand
times faster than writing.
"""

import random
import re
from collections.abc import Iterator
from dataclasses import dataclass

from synthnotes.demo.clinic import load_clinic
from synthnotes.demo.english import Person, write_note

# How many demo notes a section of a long note draws from; one where the section is not named.
PIECES = {
    "Major Surgical or Invasive Procedure": 2,
    "History of Present Illness": 5,
    "Past Medical History": 5,
    "Family History": 2,
    "Physical Exam": 7,
    "Pertinent Results": 11,
    "Brief Hospital Course": 11,
    "Medications on Admission": 5,
    "Discharge Medications": 5,
    "Discharge Diagnosis": 3,
    "Discharge Instructions": 4,
}
BETWEEN_SECTIONS = re.compile(r"\n\n(?=[A-Z][A-Za-z ]+:\n)")


@dataclass(frozen=True)
class Section:
    """A section of discharge notes: its heading, and what some notes say below it."""

    heading: str
    bodies: list[str]


def sections(notes: int = 400, seed: int = 1) -> list[Section]:
    """Writes some demo notes and takes them apart; the first section holds their header blocks, under no heading."""
    clinic, rng = load_clinic("english"), random.Random(seed)
    written = (
        write_note(clinic.sample_case(rng), Person(rng.choice("FM"), rng.randint(35, 88)), rng) for _ in range(notes)
    )
    parts = [BETWEEN_SECTIONS.split(note.rstrip()) for note in written]
    taken = [Section("", [part[0] for part in parts])]
    for bodies in zip(*(part[1:] for part in parts), strict=True):
        heading = bodies[0].partition(":\n")[0]
        taken.append(Section(heading, [body.partition(":\n")[2] for body in bodies]))
    return taken


def long_notes(pieces: list[Section], seed: int) -> Iterator[str]:
    """Gives long notes without end, no two alike."""
    rng = random.Random(seed)
    while True:
        parts = [rng.choice(pieces[0].bodies)]
        for section in pieces[1:]:
            bodies = rng.choices(section.bodies, k=PIECES.get(section.heading, 1))
            parts.append(f"{section.heading}:\n" + "\n".join(bodies))
        yield "\n\n".join(parts) + "\n"
