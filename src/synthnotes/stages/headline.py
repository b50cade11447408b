"""Headline: the numbers that a reader asks for first, in a small file per corpus, taken from the published results."""

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from synthnotes.machinery import params
from synthnotes.machinery.cli import run
from synthnotes.machinery.files import read_json, replacing, write_json
from synthnotes.machinery.makers import without_makers
from synthnotes.machinery.params import NoiseParams, RatingsParams

# Stage and place of each number. Each is a column of `dvc metrics show`, so that names must be short.
OF_CORPUS = {
    "notes": ("cohort", "subsets.S.notes"),  # real notes of S, the prompts
    "ended": ("generation", "samples.share_stopped"),  # share of the samples that ended by themselves
    "f1_real": ("utility", "real_s.micro.f1.mean"),  # micro-F1 on E, mean over the seeds: coder of real S
    "f1_syn": ("utility", "synthetic_s.micro.f1.mean"),  # of synthetic S
    "f1_rel": None,  # the share of it that synthetic S keeps
    "mac_real": ("utility", "real_s.macro.f1.mean"),
    "mac_syn": ("utility", "synthetic_s.macro.f1.mean"),
    "mac_rel": None,
    "noise": ("hypotheses", "winner.distance"),  # F1 between the synthetic-data coder and the nearest noise
    "rouge": ("privacy", "measures.rouge_recall.synthetic"),  # of the nearest training note, mean
    "rouge_e": ("privacy", "measures.rouge_recall.control"),  # the same of unseen real notes, those of E
    "copy": (
        "privacy",
        "measures.longest_passage.synthetic",
    ),  # words of the longest passage shared with training, mean
    "copy_e": ("privacy", "measures.longest_passage.control"),
}
QUOTIENTS = {"f1_rel": ("f1_syn", "f1_real"), "mac_rel": ("mac_syn", "mac_real")}
QUESTIONS = {"read": "readability", "coh": "coherence"}  # rated from 1 to 5: mean of synthetic minus mean of real notes
DIGITS = 3


def main(results: Path, headline: Path) -> str:
    """Writes a file per corpus with the same keys in each, and one per study of raters and corpus."""
    corpora, studies = params.load("corpora", dict), params.load("ratings", RatingsParams).studies
    noisy = params.load("noise", NoiseParams).corpora
    with replacing(headline) as folder:
        folder.mkdir()
        for corpus in corpora:
            stages = {stage for stage, _ in filter(None, OF_CORPUS.values())}
            if corpus not in noisy:
                stages.remove("hypotheses")
            published = {stage: read_json(results / stage / f"{corpus}.json") for stage in stages}
            write_json(folder / f"{corpus}.json", of_corpus(published))
        for study in studies:
            name = "ratings" if study == "published" else f"ratings-{study}"
            for corpus, rated in without_makers(read_json(results / "ratings" / f"{study}.json")).items():
                write_json(folder / f"{name}-{corpus}.json", of_ratings(rated))
    return f"{len(OF_CORPUS)} numbers of each of {len(corpora)} corpora; `dvc metrics show` prints them"


def of_corpus(published: Mapping[str, Mapping[str, Any]]) -> dict[str, float | None]:
    """The numbers of one corpus, from its published results by stage; None for what is hidden or was not measured."""
    found = {name: _at(published.get(place[0]), place[1]) if place else None for name, place in OF_CORPUS.items()}
    for name, places in QUOTIENTS.items():
        part, whole = (found[place] for place in places)
        found[name] = part / whole if part is not None and whole else None
    return {name: value if value is None else round(value, DIGITS) for name, value in found.items()}


def of_ratings(rated: Mapping[str, Any]) -> dict[str, float]:
    """By question, how much better the synthetic notes of a corpus are rated than the real ones."""
    return {
        name: round(rated[question]["synthetic"]["mean"] - rated[question]["real"]["mean"], DIGITS)
        for name, question in QUESTIONS.items()
    }


def _at(values: Any, place: str) -> float | None:
    for name in place.split("."):
        values = values.get(name) if isinstance(values, Mapping) else None
    return values


if __name__ == "__main__":
    run(main)
