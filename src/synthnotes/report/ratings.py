"""The tables of the questionnaire: the published evaluation beside the rebuilt one."""

from collections.abc import Iterator, Mapping, Sequence
from itertools import product

from synthnotes.report.markup import Markdown, join
from synthnotes.report.numbers import LEAST_P, Numbers
from synthnotes.report.published import EQUAL, VERDICTS
from synthnotes.report.tables import CORPORA, Row

QUESTIONS = ("readability", "coherence")
PUBLISHED, REBUILT = "published.questionnaire", "ratings.published"
KINDS = ("real", "synthetic")


def comparison(numbers: Numbers, verdicts: Mapping[str, str]) -> list[Row]:
    """Study, quantity, published, rebuilt, and the verdict on both.

    Args:
        numbers: all numbers.
        verdicts: of every published value, by its key.
    """
    rows: list[Row] = []
    for study in numbers.below(PUBLISHED):
        for position, (label, keys, how) in enumerate(_quantities(numbers, study)):
            published, rebuilt = ([f"{of}.{study}.{key}" for key in keys] for of in (PUBLISHED, REBUILT))
            cells = [_joined(numbers, of, how) for of in (published, rebuilt)]
            rows.append([None if position else CORPORA[study].language, label, *cells, _verdict(published, verdicts)])
    return rows


def _verdict(keys: Sequence[str], verdicts: Mapping[str, str]) -> Markdown:
    """One verdict for a row: the worst of those on its values."""
    worst = max((verdicts[key] for key in keys), key=VERDICTS.index)
    return Markdown(worst if worst == EQUAL else f"**{worst}**")


def _quantities(numbers: Numbers, study: str) -> Iterator[tuple[str, list[str], str]]:
    """Label, keys below the study, and what joins the numbers: `±`, `and`, or `p` before the second."""
    for question in QUESTIONS:
        for kind in KINDS:
            yield f"{question}, {kind}", [f"{question}.{kind}.{of}" for of in ("mean", "sd")], "±"
        medians = [f"{question}.{kind}.median" for kind in KINDS]
        if f"{PUBLISHED}.{study}.{medians[0]}" in numbers:  # of the Swedish study alone
            yield f"{question}, medians", medians, "and"
        yield f"{question}, Welch's t", [f"{question}.welch_t.{of}" for of in ("t", "p")], "p"
        yield f"{question}, Cohen's kappa", [f"{question}.mean_kappa_real_synthetic"], ""
    for name in ("pearson", "spearman"):
        label = f"readability and coherence, {name.capitalize()}'s correlation"
        yield label, [f"correlation.{name}.{of}" for of in ("r", "p")], "p"


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
    below = (numbers.value(key) or 1) < LEAST_P
    return join("p " if below else "p = ", numbers.num(key, "p"))


def pair_tests(numbers: Numbers, verdicts: Mapping[str, str]) -> list[Row]:
    """Study, question, pair, published t and p, rebuilt t and p, the verdict on both, p after Holm's correction."""
    rows: list[Row] = []
    for study, question in product(numbers.below(PUBLISHED), QUESTIONS):
        for position, pair in enumerate(numbers.below(f"{PUBLISHED}.{study}.{question}.student_t")):
            tests = [f"{of}.{study}.{question}.student_t.{pair}" for of in (PUBLISHED, REBUILT)]
            published, rebuilt = ([f"{test}.{of}" for of in ("t", "p")] for test in tests)
            rows.append(
                [
                    CORPORA[study].language if not position and question == QUESTIONS[0] else None,
                    None if position else question,
                    pair.removeprefix("pair_"),
                    *(_joined(numbers, keys, "p") for keys in (published, rebuilt)),
                    _verdict(published, verdicts),
                    numbers.num(f"{tests[1]}.p_holm", "p"),
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
        """Differences: the ordinal and paired tests, their p-values adjusted, equivalence, and what could be found."""
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
            self.row("– p, permutation", "cumulative_link.p", "p"),
            self.row("– after Holm", "cumulative_link.p_holm", "p"),
            self.row("equivalence, p", "equivalence.p", "p"),
            self.row("– after Holm", "equivalence.p_holm", "p"),
            ["verdict", *(self.numbers.num(f"{prefix}.verdict") for prefix in self.prefixes)],
            self.row("detectable difference", "power.detectable_difference", ".2f"),
            self.row("found where there is no difference", "power.false_positives", ".1%"),
            self.row("raters to detect the margin", "power.raters_to_detect_margin", ",.0f"),
            self.row("raters to show equivalence", "power.raters_to_show_equivalence", ",.0f"),
        ]

    def raters(self) -> list[Row]:
        """Raters: their agreement, and tests with the rater as the unit."""
        return [
            self.row("Krippendorff's alpha", "krippendorff_alpha", ".2f"),
            self.row("ICC(2,1), one rater", "intraclass_correlation.single", ".2f"),
            self.interval("intraclass_correlation"),
            self.row("ICC(2,k), mean of raters", "intraclass_correlation.average", ".2f"),
            self.interval("by_rater", "difference by rater, interval"),
            self.row("– Wilcoxon signed rank, p", "by_rater.wilcoxon.p", "p"),
            self.row("– smallest p possible", "by_rater.least_p", "p"),
            self.row("– equivalence, p", "by_rater.equivalence.p", "p"),
        ]
