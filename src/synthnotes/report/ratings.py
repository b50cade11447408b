"""The tables of the questionnaire: the published evaluation beside the rebuilt one."""

import math
from collections.abc import Iterator
from itertools import product

from synthnotes.report.markup import Markdown, join
from synthnotes.report.numbers import Numbers
from synthnotes.report.tables import CORPORA, Row

QUESTIONS = ("readability", "coherence")
PUBLISHED, REBUILT = "published.questionnaire", "ratings.published"
KINDS = ("real", "synthetic")


def comparison(numbers: Numbers) -> list[Row]:
    """Study, quantity, published, rebuilt, and whether both are equal to every printed digit."""
    rows: list[Row] = []
    for study in numbers.below(PUBLISHED):
        for position, (label, published, rebuilt, spec) in enumerate(_quantities(numbers, study)):
            equal = all(same(numbers.value(a), numbers.value(b)) for a, b in zip(published, rebuilt, strict=True))
            cells = [_joined(numbers, keys, spec) for keys in (published, rebuilt)]
            rows.append(
                [None if position else CORPORA[study].language, label, *cells, "yes" if equal else Markdown("**no**")]
            )
    return rows


def _quantities(numbers: Numbers, study: str) -> Iterator[tuple[str, list[str], list[str], str]]:
    """Label, published keys, rebuilt keys, and what joins the numbers: `±`, `and`, or `p` before the second."""
    published, rebuilt = f"{PUBLISHED}.{study}", f"{REBUILT}.{study}"
    for question in QUESTIONS:
        for kind in KINDS:
            ours = [f"{rebuilt}.{question}.{kind}.{of}" for of in ("mean", "sd")]
            yield f"{question}, {kind}", [f"{published}.{of}.{kind}.{question}" for of in ("mean", "sd")], ours, "±"
        theirs = [f"{published}.median.{kind}.{question}" for kind in KINDS]
        if theirs[0] in numbers:  # of the Swedish study alone
            yield f"{question}, medians", theirs, [f"{rebuilt}.{question}.{kind}.median" for kind in KINDS], "and"
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
        return join(numbers.num(keys[0], ".3f"), " (", p_value(numbers, keys[1]), ")")
    if how == "and":
        return join(numbers.num(keys[0], ".1f"), " and ", numbers.num(keys[1], ".1f"))
    return numbers.num(keys[0], ".3f")


def p_value(numbers: Numbers, key: str) -> Markdown:
    """Prints `p = 0.031` or `p < 0.001`."""
    p = numbers.num(key, "p")
    return join("p ", p) if p.startswith("\\") else join("p = ", p)


def same(published: float | None, rebuilt: float | None) -> bool:
    """Whether a rebuilt value equals a published one to every digit that was printed.

    The last printed digit of a float in full precision may differ by rounding of the arithmetic, so twelve significant
    digits count there; a value printed with fewer is compared with the rebuilt one rounded to the same decimals.
    """
    if published is None or rebuilt is None:
        return published is rebuilt
    decimals = len(repr(float(published)).partition(".")[2])
    if decimals <= 6 and "e" not in repr(float(published)):
        return math.isclose(published, round(rebuilt, 6), abs_tol=1e-12)
    return math.isclose(published, rebuilt, rel_tol=1e-12, abs_tol=1e-15)


def pair_tests(numbers: Numbers) -> list[Row]:
    """Study, question, pair, published t and p, rebuilt t and p, whether both are equal, p after Holm's correction."""
    rows: list[Row] = []
    for study, question in product(numbers.below(PUBLISHED), QUESTIONS):
        theirs = f"{PUBLISHED}.{study}.student_t_by_pair.{question}"
        for position in numbers.below(theirs):
            ours = f"{REBUILT}.{study}.{question}.student_t.pair_{int(position) + 1}"
            keys = [[f"{test}.{of}" for of in ("t", "p")] for test in (f"{theirs}.{position}", ours)]
            equal = all(same(numbers.value(a), numbers.value(b)) for a, b in zip(*keys, strict=True))
            first = position == "0"
            rows.append(
                [
                    CORPORA[study].language if first and question == QUESTIONS[0] else None,
                    question if first else None,
                    str(int(position) + 1),
                    *(_joined(numbers, of_test, "p") for of_test in keys),
                    "yes" if equal else Markdown("**no**"),
                    numbers.num(f"{ours}.p_holm", "p"),
                ]
            )
    return rows


class Columns:
    """The rows of a table with one column per corpus and question of a study."""

    def __init__(self, numbers: Numbers, study: str) -> None:
        """Finds the columns in the study's results."""
        self.numbers = numbers
        self.prefixes = [f"ratings.{study}.{c}.{q}" for c, q in product(numbers.below(f"ratings.{study}"), QUESTIONS)]

    def headings(self) -> list[str]:
        """The columns after the first."""
        return [f">{CORPORA[corpus].language}, {name}" for _, _, corpus, name in (p.split(".") for p in self.prefixes)]

    def row(self, label: str, key: str, spec: str) -> Row:
        """One number per column."""
        return [label, *(self.numbers.num(f"{prefix}.{key}", spec) for prefix in self.prefixes)]

    def interval(self, key: str, label: str = "– interval") -> Row:
        """An interval per column."""
        return [label, *(self.numbers.interval(f"{p}.{key}.low", f"{p}.{key}.high") for p in self.prefixes)]

    def tests(self) -> list[Row]:
        """Differences: the ordinal and paired tests, their p-values adjusted, and equivalence."""
        return [
            self.row("difference of means", "equivalence.difference", ".2f"),
            self.row("Wilcoxon signed rank, p", "wilcoxon.p", "p"),
            self.row("– after Holm", "wilcoxon.p_holm", "p"),
            self.row("Mann-Whitney U, p", "mann_whitney.p", "p"),
            self.row("– after Holm", "mann_whitney.p_holm", "p"),
            self.row("Cliff's delta", "cliffs_delta.delta", ".2f"),
            self.interval("cliffs_delta"),
            self.row("cumulative link, odds ratio", "cumulative_link.odds_ratio", ".2f"),
            self.interval("cumulative_link"),
            self.row("– p", "cumulative_link.p", "p"),
            self.row("– after Holm", "cumulative_link.p_holm", "p"),
            self.row("equivalence, p", "equivalence.p", "p"),
            self.row("– after Holm", "equivalence.p_holm", "p"),
        ]

    def raters(self) -> list[Row]:
        """Raters: their agreement, tests with the rater as the unit, and what so many could have found."""
        return [
            self.row("Krippendorff's alpha", "krippendorff_alpha", ".2f"),
            self.row("ICC(2,1), one rater", "intraclass_correlation.single", ".2f"),
            self.interval("intraclass_correlation"),
            self.row("ICC(2,k), mean of raters", "intraclass_correlation.average", ".2f"),
            self.interval("by_rater", "difference by rater, interval"),
            self.row("– Wilcoxon signed rank, p", "by_rater.wilcoxon.p", "p"),
            self.row("– equivalence, p", "by_rater.equivalence.p", "p"),
            self.row("detectable difference", "by_rater.power.detectable_difference", ".2f"),
            self.row("raters to detect the margin", "by_rater.power.raters_to_detect_margin", ",.0f"),
            self.row("raters to show equivalence", "by_rater.power.raters_to_show_equivalence", ",.0f"),
        ]
