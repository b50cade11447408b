"""The demo's clinic: which codes come together in one admission, for either language.

What the clinic knows is data, `english.yaml` and `swedish.yaml` beside this module. Both have these keys:

    diagnoses_per_case: {2: 10, 3: 25, …}   weights of the numbers of diagnoses in a case
    affinities:                             how much more (or less) likely a comorbidity of a cluster is, by the
      default: 0.2                          cluster of the reason for admission; `default` where none is written
      cardiac: {cardiac: 4, renal: 3}
    diagnoses:
      - code: I21.4                         with its dot
        title: Non-ST elevation …           the code's official title
        cluster: cardiac
        weight: 30                          relative frequency
        reason: true                        may be the reason for admission (default false)
        chronic: true                       stays with the patient until the next admission (default false)
        group: diabetes                     at most one of a group in a case (default: none)
        companions: {N17.9: 0.4}            chance to be coded too where this is the reason (default: none)
        wording: {names: […], course: […]}  phrases by kind, several wordings each; the kinds are the language's own
    procedures:                             (none in Swedish)
      - code: 027034Z
        title: Dilation of …
        chances: {I21.4: 0.5}               chance to be done, by the diagnosis that calls for it
        group: coronary
        wording: {…}

Phrases are templates: `{a|b|}` stands for one of the alternatives (the last is empty here), `[3-7]` for a whole number
of that range; see `fill`.
"""

import random
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from functools import cache
from pathlib import Path
from typing import Any

from synthnotes.machinery.files import read_yaml
from synthnotes.machinery.language import LANGUAGES, read_language

LANGUAGE = {"mimic": ("english", "en"), "sepr": ("swedish", "sv")}  # phrases, and the file of languages/
MAXIMUM_CODES = 8
ALTERNATIVES = re.compile(r"\{([^{}]*)\}")
RANGE = re.compile(r"\[(\d+)-(\d+)\]")

Wording = Mapping[str, Sequence[str]]


@dataclass(frozen=True)
class Diagnosis:
    """A diagnosis code, how often and beside what it comes, and how notes speak of it."""

    code: str
    title: str
    cluster: str
    weight: float
    wording: Wording
    reason: bool = False
    chronic: bool = False
    group: str | None = None
    companions: Mapping[str, float] = field(default_factory=dict)


@dataclass(frozen=True)
class Procedure:
    """A procedure code, the diagnoses that call for it, and how notes speak of it."""

    code: str
    title: str
    chances: Mapping[str, float]
    wording: Wording
    group: str | None = None


@dataclass(frozen=True)
class Case:
    """What one admission is about: its codes, each kind sorted by code, and the reason for it (one of `diagnoses`)."""

    reason: Diagnosis
    diagnoses: tuple[Diagnosis, ...]
    procedures: tuple[Procedure, ...]

    @property
    def codes(self) -> tuple[Procedure | Diagnosis, ...]:
        """All codes, in the order in which a note has them."""
        return (*self.procedures, *self.diagnoses)

    @property
    def chronic(self) -> tuple[Diagnosis, ...]:
        """The diagnoses that the patient will bring along to the next admission."""
        return tuple(diagnosis for diagnosis in self.diagnoses if diagnosis.chronic)


@dataclass(frozen=True)
class PretrainingCase:
    """What the demo's base models learn from a case of another patient than the corpus has.

    Attributes:
        titles: the codes' titles, procedures first.
        problems: what a note says of each code, in the order of the titles.
        note: a whole note on the case, in the form that notes have after cleaning.
    """

    titles: tuple[str, ...]
    problems: tuple[str, ...]
    note: str


@dataclass(frozen=True)
class Clinic:
    """A population of admissions; `sample_case` draws one."""

    diagnoses_per_case: Mapping[int, float]
    affinities: Mapping[str, Any]
    diagnoses: tuple[Diagnosis, ...]
    procedures: tuple[Procedure, ...]

    @property
    def codes(self) -> tuple[Procedure | Diagnosis, ...]:
        """All codes, procedures first."""
        return (*self.procedures, *self.diagnoses)

    def keep_most_frequent(self, diagnoses: int, procedures: int) -> "Clinic":
        """The same clinic with so many of its most frequent codes only; procedures without a cause go too."""
        kept = sorted(self.diagnoses, key=lambda d: -d.weight)[:diagnoses]
        codes = {diagnosis.code for diagnosis in kept}
        expected = {
            procedure.code: sum(d.weight * procedure.chances.get(d.code, 0) for d in kept)
            for procedure in self.procedures
            if codes & procedure.chances.keys()
        }
        done = sorted(expected, key=lambda code: -expected[code])[:procedures]
        return replace(
            self,
            diagnoses=tuple(d for d in self.diagnoses if d.code in codes),
            procedures=tuple(p for p in self.procedures if p.code in done),
        )

    def sample_case(self, rng: random.Random, known: Sequence[Diagnosis] = ()) -> Case:
        """Draws the codes of one admission.

        The reason comes first, by weight; then its companions, what is `known` of earlier admissions, and others by
        weight and affinity, up to a drawn number of diagnoses; then the procedures that the diagnoses call for.
        """
        number = rng.choices(list(self.diagnoses_per_case), list(self.diagnoses_per_case.values()))[0]
        reasons = [diagnosis for diagnosis in self.diagnoses if diagnosis.reason]
        reason = rng.choices(reasons, [diagnosis.weight for diagnosis in reasons])[0]
        affinities = self.affinities.get(reason.cluster, {})
        chosen = [reason]
        companions = [d for d in self.diagnoses if rng.random() < reason.companions.get(d.code, 0)]
        for diagnosis in [*companions, *known]:
            if len(chosen) < number and _fits(diagnosis, chosen):
                chosen.append(diagnosis)
        while len(chosen) < number and (others := [d for d in self.diagnoses if _fits(d, chosen)]):
            likely = [d.weight * affinities.get(d.cluster, self.affinities["default"]) for d in others]
            chosen.append(rng.choices(others, likely)[0])
        diagnoses = tuple(sorted(chosen, key=lambda d: d.code))
        done: list[Procedure] = []
        for procedure in self.procedures:
            chance = max(procedure.chances.get(diagnosis.code, 0) for diagnosis in diagnoses)
            if rng.random() < chance and _fits(procedure, done) and len(diagnoses) + len(done) < MAXIMUM_CODES:
                done.append(procedure)
        return Case(reason, diagnoses, tuple(sorted(done, key=lambda p: p.code)))


@cache
def load_content(language: str) -> dict[str, Any]:
    """What the file of a language, `english` or `swedish`, holds."""
    return read_yaml(Path(__file__).with_name(f"{language}.yaml"))


def load_clinic(language: str) -> Clinic:
    """Loads the clinic of a language."""
    content = load_content(language)
    return Clinic(
        diagnoses_per_case=content["diagnoses_per_case"],
        affinities=content["affinities"],
        diagnoses=tuple(Diagnosis(**entry) for entry in content["diagnoses"]),
        procedures=tuple(Procedure(**entry) for entry in content.get("procedures", [])),
    )


def fill(template: str, rng: random.Random) -> str:
    """Draws one wording of a phrase: `{a|b}` becomes a or b (innermost first), `[3-7]` a number from 3 to 7."""
    while "{" in template:
        template = ALTERNATIVES.sub(lambda match: rng.choice(match[1].split("|")), template)
    text = RANGE.sub(lambda match: str(rng.randint(int(match[1]), int(match[2]))), template)
    return re.sub(r" +(?=[ .,;:]|$)", "", text).strip()


def _fits(code: Diagnosis | Procedure, chosen: Sequence[Diagnosis | Procedure]) -> bool:
    return all(code.code != other.code and (code.group is None or code.group != other.group) for other in chosen)


def prompts_of(corpus: str) -> list[str]:
    """The prompt for each of the codes that notes of a corpus can have."""
    phrases, file = LANGUAGE[corpus]
    language = read_language(LANGUAGES / f"{file}.yaml")
    return [language.render_prompt([code.title]) for code in load_clinic(phrases).codes]
