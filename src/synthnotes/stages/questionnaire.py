"""Questionnaire: pairs of real and synthetic notes, blinded, as a SoSci Survey project and its key (paper 8)."""

from dataclasses import fields
from pathlib import Path

import yaml

from synthnotes import notes, params
from synthnotes.cli import run
from synthnotes.files import UserError, replacing, require, write_csv, write_json
from synthnotes.questionnaire.sosci import Wording, project
from synthnotes.questionnaire.survey import key, sample_pairs


def read_wording(path: Path) -> Wording:
    """Reads the texts of the questionnaire; a missing or an unknown one is a `UserError`."""
    require(path)
    texts = yaml.safe_load(path.read_text(encoding="utf-8"))
    expected = {field.name for field in fields(Wording)}
    if not isinstance(texts, dict) or set(texts) != expected:
        odd = sorted(expected ^ set(texts or {}))
        raise UserError(f"{path}: the texts {', '.join(odd)} are missing or unknown.")
    return Wording(**texts)


def main(corpus: str, real: Path, synthetic: Path, wording: Path, survey: Path, key_file: Path, results: Path) -> str:
    """Samples the notes of one corpus's questionnaire and writes it."""
    settings = params.load("questionnaire")
    texts = read_wording(wording)
    chosen = sample_pairs(
        notes.read(real),
        notes.read(synthetic),
        pairs=settings.pairs[corpus],
        minimum_words=settings.minimum_words,
        maximum_words=settings.maximum_words,
        seed=settings.seed,
    )
    document = project(chosen, texts)
    with replacing(survey) as temporary:
        temporary.write_bytes(document)
    write_csv(key_file, key(chosen))
    words = {kind: [len(n.text.split()) for n in chosen if n.kind == kind] for kind in ("real", "synthetic")}
    write_json(
        results,
        {
            "pairs": settings.pairs[corpus],
            "notes": len(chosen),
            "words_per_note": {kind: sum(counts) / len(counts) for kind, counts in words.items()},
        },
    )
    return f"{corpus}: {len(chosen)} notes in {settings.pairs[corpus]} pairs"


if __name__ == "__main__":
    run(main)
