"""The rows of the tables about errors and noise."""

from collections.abc import Sequence
from functools import partial

import pandas as pd

from synthnotes.corpus.icd import FAMILY_NAMES
from synthnotes.report.coder_tables import TRAININGS
from synthnotes.report.inputs import Plots
from synthnotes.report.markup import Markdown, join
from synthnotes.report.numbers import MISSING, Numbers
from synthnotes.report.tables import Corpus, Row, shorten

CODES_LISTED = 10  # of a corpus
LONGEST_NAME = 26  # characters of a family's name
VALUES = ("value", "low", "high")


def errors(numbers: Numbers, corpora: Sequence[Corpus], rows: Sequence[tuple[str, str, str]]) -> list[Row]:
    """Label, then for each corpus the number of the coder of real S and that of synthetic S.

    Args:
        numbers: all numbers.
        corpora: the corpora.
        rows: label, key below the coder's results, and format.
    """
    coders = [f"errors.{corpus.key}.{coder}" for corpus in corpora for coder in ("real", "synthetic")]
    return [[label, *(numbers.num(f"{coder}.{key}", spec) for coder in coders)] for label, key, spec in rows]


def correlations(numbers: Numbers, corpora: Sequence[Corpus]) -> list[Row]:
    """Corpus, training set, what F1 is correlated with, codes or notes, both correlations with interval and p.

    The last row of a corpus is of the change of F1 from one coder to the other.
    """
    rows: list[Row] = []
    for corpus in corpora:
        for coder in ("real", "synthetic"):
            prefix = f"errors.{corpus.key}.{coder}"
            boundary = numbers.num(f"{prefix}.length.boundary", ",")
            limit = numbers.num(f"{prefix}.length.limit", ",")
            quantities = {
                "frequency": "frequency",
                "length.below": join("length, below ", boundary),
                "length.above": join("length, ", boundary, " to ", limit),
            }
            found = {key: quantity for key, quantity in quantities.items() if numbers.value(f"{prefix}.{key}.n")}
            for position, (key, quantity) in enumerate(found.items()):
                names = (
                    [None, None] if position else [corpus.name if coder == "real" else None, TRAININGS[f"{coder}_s"]]
                )
                rows.append([*names, quantity, *_correlation(numbers, f"{prefix}.{key}")])
        change = _correlation(numbers, f"errors.{corpus.key}.codes.rarity")
        rows.append([None, "change", "frequency in real S", *change])
    return rows


def _correlation(numbers: Numbers, prefix: str) -> list[Markdown]:
    """How many pairs, and Pearson's and Spearman's coefficient with interval and p."""
    cells = [numbers.num(f"{prefix}.n", ",")]
    for of in (f"{prefix}.pearson", f"{prefix}.spearman"):
        cells += [_with_interval(numbers, f"{of}.r", of, "+.2f"), numbers.num(f"{of}.p", "p")]
    return cells


def losses(numbers: Numbers, plots: Plots, corpora: Sequence[Corpus]) -> list[Row]:
    """Corpus, code, family, notes of E, training notes, F1 of both coders, difference with its interval.

    The tables hold the codes of a corpus, the greatest loss first.
    """
    rows: list[Row] = []
    for corpus in corpora:
        name = f"errors.{corpus.key}.codes"
        for row, (_, code) in enumerate(plots.table(name)[0].head(CODES_LISTED).iterrows()):
            cell = partial(numbers.cell, plots, name, row)
            counts = [cell(of, ",") for of in ("notes", "training_real", "training_synthetic")]
            scores = [cell(of, ".2f") for of in ("f1_real", "f1_synthetic")]
            low, high = (cell(of, "+.2f") for of in ("low", "high"))
            difference = Markdown(rf"{cell('difference', '+.2f')} \[{low}, {high}\]")
            family = shorten(FAMILY_NAMES.get(code["family"], code["family"]), LONGEST_NAME)
            rows.append([None if row else corpus.name, code["code"], family, *counts, *scores, difference])
    return rows


def noise(numbers: Numbers, corpora: Sequence[Corpus]) -> list[Row]:
    """Corpus, hypothesis and trained level, words changed, micro-F1, both areas, their mean with interval."""
    rows: list[Row] = []
    for corpus in corpora:
        prefix = f"hypotheses.{corpus.key}"
        first: str | None = corpus.name
        for hypothesis in numbers.below(f"{prefix}.distances"):
            for level in numbers.below(f"{prefix}.distances.{hypothesis}"):
                noise = f"{prefix}.noise.{hypothesis}-{level}"
                of = f"{prefix}.distances.{hypothesis}.{level}"
                changed = numbers.quotient(f"{noise}.words_changed", f"{noise}.words", ".0%")
                # Where training has no code of E there is no curve by frequency, and its area is null.
                areas = [
                    numbers.num(key, ".3f") if key in numbers else MISSING
                    for key in (f"{of}.frequency_area.value", f"{of}.length_area.value")
                ]
                distance = _with_interval(numbers, f"{of}.distance.value", f"{of}.distance", ".3f")
                counts = numbers.num(f"{of}.coders", ","), numbers.num(f"{of}.micro_f1", ".3f")
                rows.append([first, f"{hypothesis.upper()}, {level} %", changed, *counts, *areas, distance])
                first = None
    return rows


def noise_distances(numbers: Numbers, corpus: Corpus) -> tuple[pd.DataFrame, tuple[str, int, float]]:
    """The distance of every noise with its interval (hypothesis, level, value, low, high).

    Beside it: hypothesis, level and distance of the nearest noise, also between the trained levels.
    """
    prefix = f"hypotheses.{corpus.key}"
    rows = [
        {"hypothesis": hypothesis, "level": int(level)}
        | {
            of: numbers.value(f"{prefix}.distances.{hypothesis}.{level}.distance.{of}")
            for of in ("value", "low", "high")
        }
        for hypothesis in numbers.below(f"{prefix}.distances")
        for level in numbers.below(f"{prefix}.distances.{hypothesis}")
    ]
    hypothesis, level, distance = (numbers.value(f"{prefix}.winner.{of}") for of in ("hypothesis", "level", "distance"))
    return pd.DataFrame(rows).astype({"value": float, "low": float, "high": float}), (hypothesis, level, distance)


def _with_interval(numbers: Numbers, value: str, prefix: str, spec: str) -> Markdown:
    """A number and the interval below the prefix; without the interval where it does not exist."""
    if numbers.value(f"{prefix}.low") is None:
        return numbers.num(value, spec)
    return join(numbers.num(value, spec), " ", numbers.interval(f"{prefix}.low", f"{prefix}.high", spec))
