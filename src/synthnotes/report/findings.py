"""Findings: the five answers of the study in a row each, with their intervals, for the report's first page."""

from collections.abc import Callable, Sequence

from synthnotes.report import privacy as signs
from synthnotes.report.differences import OPEN
from synthnotes.report.markup import Markdown, join
from synthnotes.report.numbers import MISSING, Numbers
from synthnotes.report.ratings import p_value
from synthnotes.report.tables import Corpus, Row

MAIN_PAIR = "synthetic_s_against_real_s"
UTILITY = {
    "inferior": "less",
    "worse within margin": "less, within the margin",
    "non-inferior": "as much, within the margin",
    "superior": "more",
    "inconclusive": "not decided",
    "too few seeds": "no verdict about the sets",
}
NOISE = {
    "h1": "widespread",
    "h2": "concentrated",
    "undecided": "not decided",
    "neither fits": "neither fits",
    "too few seeds": "no verdict about the kinds",
}


def rows(numbers: Numbers, corpora: Sequence[Corpus]) -> list[Row]:
    """Question, answer for each corpus; the last one's answers come from the published ratings."""
    findings: dict[str, Callable[[Numbers, Corpus], Markdown]] = {
        "**Utility.** Does a coder learn as much from synthetic notes as from real ones? (@sec-significance)": utility,
        "**Errors.** Do synthetic notes lose most where codes are rare? (@sec-curves)": errors,
        "**Noise.** Which noise in real notes has the same effect? (@sec-noise)": noise,
        "**Privacy.** Do synthetic notes repeat the notes that the generator was tuned on? (@sec-privacy)": privacy,
        "**Readers.** Do raters see a difference? (@sec-questionnaire, published ratings)": readers,
    }
    if not any(f"hypotheses.{corpus.key}.winner.verdict" in numbers for corpus in corpora):
        findings = {question: answer for question, answer in findings.items() if answer is not noise}
    return [[Markdown(question), *(answer(numbers, c) for c in corpora)] for question, answer in findings.items()]


def utility(numbers: Numbers, corpus: Corpus) -> Markdown:
    """The verdict on synthetic against real S, with the difference of micro-F1, and what would bring a verdict."""
    pair = f"significance.{corpus.key}.pairs.{MAIN_PAIR}"
    key, verdict = f"{pair}.differences.micro.f1", f"{pair}.non_inferiority.micro_f1.verdict"
    if f"{key}.difference" not in numbers:
        return join("not tested")
    needed = f"{pair}.seeds_to_decide.micro_f1"
    return join(
        numbers.word(verdict, UTILITY), ": micro-F1 ", numbers.num(f"{key}.difference", "+.3f"), " ",
        numbers.interval(f"{key}.low", f"{key}.high", "+.3f"), " against as many real notes",
        " with these coders" if numbers.value(verdict) == "too few seeds" else "",
        "; the margin is ", numbers.num("params.significance.margin", ".2f"),
        *(["; with so large a difference, ", numbers.num(needed, ","), " seeds of each set would decide"]
          if numbers.value(verdict) in OPEN and numbers.value(needed) else []),
    )  # fmt: skip


def errors(numbers: Numbers, corpus: Corpus) -> Markdown:
    """The rank correlation of what F1 loses from real to synthetic S with the frequency of codes, and its verdict."""
    key = f"errors.{corpus.key}.codes.rarity"
    if numbers.value(f"{key}.spearman.low") is None:
        return join("F1 of too few codes is known")
    return join(
        "They ", rarity(numbers, corpus), ": rank correlation of the change in F1 with the frequency of the code ",
        numbers.num(f"{key}.spearman.r", "+.2f"), " ",
        numbers.interval(f"{key}.spearman.low", f"{key}.spearman.high", "+.2f"), " over ", numbers.num(f"{key}.n", ","),
        " codes, of one coder each",
    )  # fmt: skip


def rarity(numbers: Numbers, corpus: Corpus) -> Markdown:
    """Where synthetic notes lose most, as a verb."""
    says = {
        "more where rare": "lose most where codes are rare",
        "less where rare": "lose most where codes are frequent",
        "not shown": "are not shown to lose most where codes are rare",
    }
    return numbers.word(f"errors.{corpus.key}.codes.rarity.verdict", says)


def noise(numbers: Numbers, corpus: Corpus) -> Markdown:
    """The verdict on the hypotheses; the nearer one, and by how much."""
    prefix = f"hypotheses.{corpus.key}"
    key = f"{prefix}.winner"
    if f"{key}.verdict" not in numbers:
        return join("not run for this corpus")
    hypothesis, too_few = str(numbers.value(f"{key}.hypothesis")), numbers.value(f"{key}.verdict") == "too few seeds"
    parts = [
        numbers.word(f"{key}.verdict", NOISE), ": ", "of these coders, " if too_few else "", hypothesis.upper(), " at ",
        numbers.num(f"{key}.level", ","), " % is nearest, ", numbers.num(f"{key}.distance", ".3f"), " in F1 away",
    ]  # fmt: skip
    if f"{key}.lead.value" in numbers:
        lead = numbers.num(f"{key}.lead.value", ".3f"), numbers.interval(f"{key}.lead.low", f"{key}.lead.high", "+.3f")
        parts += ["; the other stays ", lead[0], " ", lead[1], " farther"]
    return join(*parts)


def privacy(numbers: Numbers, corpus: Corpus) -> Markdown:
    """The worst verdict; notes in the tail, the mean against unseen notes, and members against others."""
    prefix = f"privacy.{corpus.key}"
    recall, members = f"{prefix}.measures.rouge_recall", f"{prefix}.membership"
    beyond = [signs.sign(numbers, f"{prefix}.measures.{measure}.beyond") for measure in signs.MEASURES]
    return join(
        signs.worst(numbers, corpus), ": by recall, ", numbers.num("params.privacy.overlap_n", ","),
        "-grams and passages ", beyond[0], ", ", beyond[1], " and ", beyond[2],
        " synthetic notes lie beyond the tail of unseen ones (promised: ",
        numbers.num(f"{recall}.notes_promised", ".1f"), "); ROUGE-", numbers.num("params.privacy.rouge_n", ","),
        " recall ", numbers.num(f"{recall}.difference", "+.3f"), " ",
        numbers.interval(f"{recall}.low", f"{recall}.high", "+.3f"), " against unseen notes; nearer to training notes "
        "than to unseen ones by ", numbers.num(f"{members}.difference", "+.4f"), ", ",
        p_value(numbers, f"{members}.p"),
    )  # fmt: skip


def readers(numbers: Numbers, corpus: Corpus) -> Markdown:
    """The verdict on both questions, with the raters' mean differences, synthetic minus real, and on what it rests."""
    prefix = f"ratings.published.{corpus.key}"
    says = {
        "undecided": "not shown", "different": "yes", "equivalent": "less than the margin",
        "different and equivalent": "yes, less than the margin", "not tested": "not tested",
    }  # fmt: skip
    parts = []
    for question in ("readability", "coherence"):
        key = f"{prefix}.{question}"
        if f"{key}.verdict" not in numbers:
            return MISSING
        size = numbers.num(f"{key}.by_rater.difference", "+.2f")
        interval = numbers.interval(f"{key}.by_rater.low", f"{key}.by_rater.high", "+.2f")
        parts.append(join(question, " ", numbers.word(f"{key}.verdict", says), ": ", size, " ", interval, "; "))
    raters, pairs = (numbers.num(f"{prefix}.{of}", ",") for of in ("raters", "pairs"))
    return join(*parts, "on a scale of five, by ", raters, " raters of ", pairs, " pairs of notes")
