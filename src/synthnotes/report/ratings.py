"""The tables of the questionnaire: the published evaluation beside the rebuilt one."""

import math
from collections.abc import Iterator

from synthnotes.report.markup import Markdown
from synthnotes.report.numbers import MISSING, Numbers
from synthnotes.report.tables import CORPORA, Row

QUESTIONS = ("readability", "coherence")
PUBLISHED = "published.questionnaire"


def comparison(numbers: Numbers) -> list[Row]:
    """Study, quantity, published, rebuilt, and whether both are equal to every printed digit."""
    rows: list[Row] = []
    for study in numbers.below(PUBLISHED):
        for position, (label, published, rebuilt, spec) in enumerate(_quantities(study)):
            equal = all(same(numbers.value(a), numbers.value(b)) for a, b in zip(published, rebuilt, strict=True))
            cells = [_joined(numbers, keys, spec) for keys in (published, rebuilt)]
            rows.append(
                [None if position else CORPORA[study].language, label, *cells, "yes" if equal else Markdown("**no**")]
            )
    return rows


def _quantities(study: str) -> Iterator[tuple[str, list[str], list[str], str]]:
    """Label, published keys, rebuilt keys, and what joins the numbers: `±`, or `p` before the second."""
    published, rebuilt = f"{PUBLISHED}.{study}", f"ratings.{study}"
    for question in QUESTIONS:
        for kind in ("real", "synthetic"):
            ours = [f"{rebuilt}.{question}.{kind}.{of}" for of in ("mean", "sd")]
            yield f"{question}, {kind}", [f"{published}.{of}.{kind}.{question}" for of in ("mean", "sd")], ours, "±"
        theirs, ours = f"{published}.welch_t.{question}", f"{rebuilt}.{question}.welch_t"
        yield f"{question}, Welch's t", [f"{theirs}.t", f"{theirs}.p"], [f"{ours}.t", f"{ours}.p"], "p"
        kappa = "mean_kappa_real_synthetic"
        yield f"{question}, Cohen's kappa", [f"{published}.{kappa}.{question}"], [f"{rebuilt}.{question}.{kappa}"], ""
    for name in ("pearson", "spearman"):
        theirs, ours = f"{published}.correlation.{name}", f"{rebuilt}.correlation.{name}"
        label = f"readability and coherence, {name.capitalize()}'s correlation"
        yield label, [f"{theirs}.r", f"{theirs}.p"], [f"{ours}.r", f"{ours}.p"], "p"


def _joined(numbers: Numbers, keys: list[str], how: str) -> Markdown:
    if how == "±":
        return numbers.spread(*keys)
    if how == "p":
        p = numbers.num(keys[1], "p")
        return Markdown(f"{numbers.num(keys[0], '.3f')} (p {p if p.startswith(chr(92)) else f'= {p}'})")
    return numbers.num(keys[0], ".3f")


def same(published: float | None, rebuilt: float | None) -> bool:
    """Whether a rebuilt value equals a published one to every digit that was printed.

    The last printed digit of a float in full precision may differ by rounding of the arithmetic, so ten significant
    digits count there; a value printed with fewer is compared with the rebuilt one rounded to the same decimals.
    """
    if published is None or rebuilt is None:
        return published is rebuilt
    decimals = len(repr(float(published)).partition(".")[2])
    if decimals <= 6 and "e" not in repr(float(published)):
        return math.isclose(published, round(rebuilt, 6), abs_tol=1e-12)
    return math.isclose(published, rebuilt, rel_tol=1e-9, abs_tol=1e-12)


def pair_tests(numbers: Numbers) -> list[Row]:
    """Study, question, pair, t, published p, rebuilt p, p after Holm's correction."""
    rows: list[Row] = []
    for study in numbers.below(PUBLISHED):
        for question in QUESTIONS:
            theirs = f"{PUBLISHED}.{study}.student_t_by_pair.{question}"
            for position in numbers.below(theirs):
                ours = f"ratings.{study}.{question}.student_t.pair_{int(position) + 1}"
                first = position == "0"
                rows.append(
                    [
                        CORPORA[study].language if first and question == QUESTIONS[0] else None,
                        question if first else None,
                        str(int(position) + 1),
                        numbers.num(f"{ours}.t", ".3f"),
                        numbers.num(f"{theirs}.{position}.p", "p"),
                        numbers.num(f"{ours}.p", "p"),
                        numbers.num(f"{ours}.p_holm", "p"),
                    ]
                )
    return rows


def rank_tests(numbers: Numbers) -> tuple[list[str], list[Row]]:
    """The columns after the first, one per study and question, and the rows of the ordinal and paired tests."""
    columns = [(study, question) for study in numbers.below("ratings") for question in QUESTIONS]

    def row(label: str, key: str, spec: str) -> Row:
        return [label, *(numbers.num(f"ratings.{study}.{question}.{key}", spec) for study, question in columns)]

    interval: Row = ["– interval"]
    for study, question in columns:
        delta = f"ratings.{study}.{question}.cliffs_delta"
        interval.append(numbers.interval(f"{delta}.low", f"{delta}.high"))
    equivalent: Row = ["– equivalent within the margin"]
    for study, question in columns:
        verdict = numbers.value(f"ratings.{study}.{question}.equivalence.equivalent")
        equivalent.append(MISSING if verdict is None else "yes" if verdict else "no")
    rows = [
        row("difference of means", "equivalence.difference", ".2f"),
        row("Wilcoxon signed rank, p", "wilcoxon.p", "p"),
        row("Mann-Whitney U, p", "mann_whitney.p", "p"),
        row("Cliff's delta", "cliffs_delta.delta", ".2f"),
        interval,
        row("equivalence, p", "equivalence.p", "p"),
        equivalent,
        row("Krippendorff's alpha", "krippendorff_alpha", ".2f"),
    ]
    return [f">{CORPORA[study].language}, {question}" for study, question in columns], rows
