"""The demo's SEPR: invented Swedish notes in the files in which the Health Bank hands out SEPR II (paper, section 3.2).

A note has three paragraphs, as short Swedish records do: who comes and why, status, assessment with plan. Each speaks
of the problems in the order of their codes, which is the order of the prompt.
"""

import random
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

import pandas as pd
import pyarrow as pa
import pyarrow.feather

from synthnotes.demo.clinic import Clinic, Diagnosis, PretrainingCase, fill, load_clinic, load_content
from synthnotes.demo.scale import Scale
from synthnotes.machinery.files import replacing, write_csv

WORDS = range(40, 91)  # the length of a note, as short as most records of SEPR
SCHEMA = pa.schema([("_id", pa.string()), ("text", pa.string()), ("target", pa.list_(pa.string()))])
Row = tuple[str, str, list[str]]  # _id, text, target


def write(folder: Path, scale: Scale, seed: int) -> None:
    """Writes the demo's SEPR, byte for byte the same for the same scale and seed.

    - `notes.feather`: `_id` (str), `text` (str), `target` (list of str: sorted ICD-10-SE codes with dot, `I10.9`);
    - `descriptions.csv`: `code,transcription`, codes in lower case without dots (`i109`), a few missing.

    The dirt of a real register is in it: an empty text, a note that stands there twice, two notes of one id, a code
    without title, a code that is used in two notes only.
    """
    clinic, content = load_clinic("swedish"), load_content("swedish")
    rare = Diagnosis(**content["rare"])
    kept = clinic.keep_most_frequent(scale.diagnoses, scale.procedures)
    rows = list(_clean_rows(kept, rare, scale.sepr_notes, content, random.Random(f"sepr {seed}")))
    table = pd.DataFrame(_dirty(rows), columns=SCHEMA.names)
    titles = {diagnosis.code: diagnosis.title for diagnosis in (*clinic.diagnoses, rare)}
    titled = [code for code in sorted(titles) if code not in content["untitled"]]

    with replacing(folder / "notes.feather") as temporary:
        feather = pa.Table.from_pandas(table, schema=SCHEMA, preserve_index=False).replace_schema_metadata(None)
        pyarrow.feather.write_feather(feather, str(temporary), compression="zstd")
    descriptions = [(code.replace(".", "").lower(), titles[code]) for code in titled]
    write_csv(folder / "descriptions.csv", pd.DataFrame(descriptions, columns=["code", "transcription"]))


def sample_pretraining_cases(count: int, seed: int) -> list[PretrainingCase]:
    """Draws cases of other patients than `write` does, on which the demo's base models learn Swedish."""
    rng = random.Random(f"sepr pretraining {seed}")
    clinic, content = load_clinic("swedish"), load_content("swedish")
    return [
        PretrainingCase(
            titles=tuple(diagnosis.title for diagnosis in diagnoses),
            problems=tuple(_problem(diagnosis, content, rng) for diagnosis in diagnoses),
            note=compose(diagnoses, content, rng),
        )
        for diagnoses in (clinic.sample_case(rng).diagnoses for _ in range(count))
    ]


def compose(diagnoses: Sequence[Diagnosis], content: dict[str, Any], rng: random.Random) -> str:
    """Writes a note of 40 to 90 words about some diagnoses, at most five, in their order.

    Raises:
        ValueError: the phrases are too long for so many diagnoses.
    """
    for _ in range(1000):
        text = _draft(diagnoses, content, rng)
        if len(text.split()) in WORDS:
            return text
    raise ValueError(f"no note of 40 to 90 words about {', '.join(d.code for d in diagnoses)}: shorten their phrases")


def _draft(diagnoses: Sequence[Diagnosis], content: dict[str, Any], rng: random.Random) -> str:
    """Writes a note of whatever length comes out: required phrases first, then fillers up to a drawn length."""
    frame = content["frame"]
    patient = _patient(diagnoses, content["patients"], rng)

    def phrase(choices: Sequence[str], side: str = "") -> str:
        return _phrase(choices, {**patient, "<side>": side}, rng)

    history = [phrase(frame["openings"])]
    findings: list[str] = []
    actions: list[str] = []
    for diagnosis in diagnoses:
        side = rng.choice(["höger", "vänster"])
        history.append(phrase(diagnosis.wording["history"], side))
        finding = phrase(diagnosis.wording["findings"], side)
        # With many problems the status names a few of them only, or the note would grow too long.
        if _subject(finding) not in map(_subject, findings) and rng.random() < 4 - len(diagnoses) + 0.3:
            findings.append(finding)
        actions.append(phrase(diagnosis.wording["actions"], side))

    abnormal = {_subject(finding) for diagnosis in diagnoses for finding in diagnosis.wording["findings"]}
    normal = [finding for finding in frame["normal_findings"] if _subject(finding) not in abnormal]
    if not findings:
        findings.append(phrase([normal.pop(rng.randrange(len(normal)))]))
    wanted = rng.choice(WORDS[5:-5])
    fillers = [(history, sentence) for sentence in rng.sample(frame["backgrounds"], 2)]
    fillers += [(findings, sentence) for sentence in normal]
    fillers += [(actions, rng.choice(frame["closings"]))]
    rng.shuffle(fillers)
    for paragraph, choice in fillers:
        if len(" ".join(history + findings + actions).split()) >= wanted:
            break
        paragraph.append(phrase([choice]))
    actions.insert(0, phrase(frame["assessments"]))
    return "\n".join(" ".join(paragraph) for paragraph in (history, findings, actions))


def _problem(diagnosis: Diagnosis, content: dict[str, Any], rng: random.Random) -> str:
    """What a note says of one diagnosis: how it came, and what is done."""
    placeholders = {**_patient([diagnosis], content["patients"], rng), "<side>": rng.choice(["höger", "vänster"])}
    return " ".join(_phrase(diagnosis.wording[kind], placeholders, rng) for kind in ("history", "actions"))


def _phrase(choices: Sequence[str], placeholders: dict[str, str], rng: random.Random) -> str:
    """One of some phrases, as a sentence with its placeholders filled."""
    sentence = fill(rng.choice(choices), rng)
    for placeholder, value in placeholders.items():
        sentence = sentence.replace(placeholder, value)
    return sentence[0].upper() + sentence[1:]


def _patient(diagnoses: Sequence[Diagnosis], patients: dict[str, Any], rng: random.Random) -> dict[str, str]:
    """Draws an age and a sex that go with the diagnoses, as the placeholders of phrases."""
    codes = {diagnosis.code for diagnosis in diagnoses}
    youngest, oldest = patients["ages"]
    age = rng.randint(60 if codes & set(patients["from_60"]) else youngest, oldest)
    sex = "man" if codes & set(patients["men_only"]) else rng.choice(["man", "kvinna"])
    return {"<age>": str(age), "<sex>": sex}


def _clean_rows(
    clinic: Clinic, rare: Diagnosis, count: int, content: dict[str, Any], rng: random.Random
) -> Iterator[Row]:
    """Draws the notes before the dirt; the first two with fewer than five diagnoses get the rare one too."""
    rare_notes = 0
    for identifier in rng.sample(range(10**6, 10**7), count):
        diagnoses = clinic.sample_case(rng).diagnoses
        if rare_notes < 2 and len(diagnoses) < 5:
            diagnoses = tuple(sorted((*diagnoses, rare), key=lambda d: d.code))
            rare_notes += 1
        yield str(identifier), compose(diagnoses, content, rng), [diagnosis.code for diagnosis in diagnoses]


def _dirty(rows: Sequence[Row]) -> list[Row]:
    """Spoils some of the last notes, as the notes of a real register are spoilt; their number stays."""
    *clean, emptied, copied, renamed = rows
    identifier, text, target = clean[-1]
    return [*clean, (emptied[0], "", emptied[2]), (copied[0], text, target), (identifier, *renamed[1:])]


def _subject(finding: str) -> str:
    return finding.partition(":")[0]
