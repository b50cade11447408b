"""What may be concluded from a study of raters, and what not: a sentence per result, from its numbers."""

from synthnotes.report.markup import Markdown, join
from synthnotes.report.numbers import Numbers
from synthnotes.report.ratings import QUESTIONS, p_value
from synthnotes.report.tables import CORPORA

LEVEL, MARGIN = "params.ratings.significance_level", "params.ratings.equivalence_margin"
# Krippendorff (2018) asks for 0.8, and for 0.667 where conclusions may be tentative.
RELIABLE, TENTATIVE = 0.8, 0.667


def conclusions(numbers: Numbers, study: str) -> list[Markdown]:
    """The sentences of one study: per corpus its answers, each question, and both; then the pairs."""
    sentences = []
    for corpus in numbers.below(f"ratings.{study}"):
        prefix, language = f"ratings.{study}.{corpus}", CORPORA[corpus].language
        sentences.append(join(Markdown(f"**{language} study.** "), answers(numbers, prefix)))
        for question in QUESTIONS:
            key = f"{prefix}.{question}"
            about = [of(numbers, key) for of in (difference, model, power, floor, agreement)]
            sentences.append(join(Markdown(f"*{language}, {question}.* "), Markdown(" ".join(filter(None, about)))))
        sentences.append(join(Markdown(f"*{language}, both questions.* "), correlation(numbers, prefix)))
    return [*sentences, pairs(numbers, study)]


def answers(numbers: Numbers, prefix: str) -> Markdown:
    """Whose answers are used, and what was left out."""
    counts = numbers.entries(f"{prefix}.answers")

    def count(of: str) -> Markdown:
        return numbers.num(f"{prefix}.answers.{of}", ",")

    left_out = {
        "tests": "test" if counts["tests"] == 1 else "tests",
        "screened_out": "screened out",
        "without_a_pair": "without any whole pair",
    }
    of_interviews = Markdown("; ".join(f"{count(of)} {what}" for of, what in left_out.items() if counts[of]))
    reasons = ("without_both_answers", "without_the_other_note")
    unused = sum(counts[of] for of in reasons)
    keys = [f"{prefix}.answers.{of}" for of in reasons]
    return join(
        count("raters"), " raters gave ", count("ratings"), " ratings of ", numbers.num(f"{prefix}.pairs", ","),
        " pairs of notes that make whole pairs",
        join(" (", count("interviews"), " interviews, of which ", of_interviews, ")") if of_interviews else "",
        join("; ", count("incomplete"), " of them left out a pair") if counts["incomplete"] else "",
        join("; ", numbers.computed(unused, keys, " + ".join(keys), ","), " further ratings lack an answer or the ",
             "other note of the pair and are not used") if unused else "",
        ".",
    )  # fmt: skip


def difference(numbers: Numbers, key: str) -> Markdown:
    """Whether the kinds differ, whether they are equivalent, or whether the answers cannot tell."""
    size = numbers.value(f"{key}.equivalence.difference")
    where = "lower than" if size < 0 else "higher than"
    found = join(
        "Synthetic notes were rated ",
        join(numbers.size(f"{key}.equivalence.difference", ".2f"), f" points {where} real ones")
        if size
        else "as high as real ones on average",
        " (Cliff's delta ",
        numbers.num(f"{key}.cliffs_delta.delta", ".2f"),
        " ",
        numbers.interval(f"{key}.cliffs_delta.low", f"{key}.cliffs_delta.high"),
        "). ",
    )
    verdict = numbers.value(f"{key}.verdict")
    if verdict == "not tested":
        return join(found, "The ratings do not vary enough for a test; nothing may be concluded.")
    wilcoxon, tost = (p_value(numbers, f"{key}.{test}.p_holm") for test in ("wilcoxon", "equivalence"))
    wilcoxon = join("(Wilcoxon, ", wilcoxon, " after Holm's correction)")
    margin = join("± ", numbers.num(MARGIN, ".1f"), " points")
    these = join("for these ", numbers.num(f"{key.rpartition('.')[0]}.pairs", ","), " pairs of notes, ")
    says = {
        "undecided": join(
            "Neither a difference ", wilcoxon, " nor equivalence within ", margin, " (", tost, ") is shown: ",
            these, "the answers leave open whether the kinds differ, and do not say that they are alike.",
        ),
        "different": join(
            "The difference is shown ", wilcoxon, ", equivalence within ", margin, " is not (", tost, "): ", these,
            "the kinds are rated differently.",
        ),
        "equivalent": join(
            "No difference is shown ", wilcoxon, ", and equivalence within ", margin, " is (", tost, "): ", these,
            "a larger mean difference may be ruled out.",
        ),
        "different and equivalent": join(
            "A difference is shown ", wilcoxon, ", but also that it is smaller than ", margin, " (", tost, "), ", these,
            "and for no others.",
        ),
    }  # fmt: skip
    return join(found, says[verdict])


def model(numbers: Numbers, key: str) -> Markdown:
    """The cumulative-link model's odds ratio, and what its interval says."""
    key = f"{key}.cumulative_link"
    if numbers.value(f"{key}.odds_ratio") is None:
        return Markdown("The cumulative-link model has no solution for these ratings.")
    low, high = numbers.value(f"{key}.low"), numbers.value(f"{key}.high")
    says = "an interval that holds odds in favour of either kind" if low < 1 < high else "an interval on one side of 1"
    return join(
        "For the same rater and pair, the odds of a higher rating are ", numbers.num(f"{key}.odds_ratio", ".2f"),
        " times those of a real note (", numbers.interval(f"{key}.low", f"{key}.high"), ", ", says,
        "; permutation test, ", p_value(numbers, f"{key}.p_holm"), " after Holm's correction).",
    )  # fmt: skip


def power(numbers: Numbers, key: str) -> Markdown:
    """What the tests behind the verdict could have found, and how many raters a finding would take."""
    of, study = f"{key}.power", key.rpartition(".")[0]
    if numbers.value(f"{of}.false_positives") is None:
        return Markdown("The raters' differences do not vary, so that no power can be stated.")
    needed = [
        numbers.num(f"{of}.{which}", ",.0f") if numbers.value(f"{of}.{which}") is not None else "too many"
        for which in ("raters_to_detect_margin", "raters_to_show_equivalence")
    ]
    size = (
        "no difference on the scale"
        if numbers.value(f"{of}.detectable_difference") is None
        else join("only a true difference of ", numbers.num(f"{of}.detectable_difference", ".2f"), " points or more")
    )
    return join(
        "With ", numbers.num(f"{study}.raters", ","), " raters and ", numbers.num(f"{study}.pairs", ","), " pairs, ",
        size, " would have been found by Wilcoxon's test over the pairs with a probability of ",
        numbers.num(f"{of}.power", ".0%"), "; ", numbers.num(MARGIN, ".1f"), " points would take ",
        needed[0], " raters of as many pairs, and to show equivalence where there is no difference ", needed[1],
        " (simulated from the raters' own variation, at the correction's strictest level, ",
        numbers.num(f"{of}.level", ".2g"), ").",
    )  # fmt: skip


def floor(numbers: Numbers, key: str) -> Markdown:
    """Says so where Wilcoxon's test by rater can find nothing, whatever the raters answer."""
    least = f"{key}.by_rater.least_p"
    if numbers.value(least) < numbers.value(LEVEL):
        return Markdown("")
    return join(
        "With the rater as the unit, Wilcoxon's p cannot fall below ", numbers.num(least, ".3f"),
        ", whatever the raters answer: that test can show nothing here.",
    )  # fmt: skip


def agreement(numbers: Numbers, key: str) -> Markdown:
    """Whether the raters agree enough for conclusions about single notes."""
    alpha = numbers.value(f"{key}.krippendorff_alpha")
    if alpha is None:
        return Markdown("All ratings are the same, so that agreement is not defined.")
    if alpha >= RELIABLE:
        says = "the raters agree well enough for statements about single notes"
    elif alpha >= TENTATIVE:
        says = "the raters agree well enough for tentative statements about single notes"
    else:
        says = "the raters agree too little for statements about single notes; only means over many raters count"
    return join("Krippendorff's alpha is ", numbers.num(f"{key}.krippendorff_alpha", ".2f"), ": ", says, ".")


def correlation(numbers: Numbers, prefix: str) -> Markdown:
    """Whether the two questions measure two things."""
    key = f"{prefix}.correlation.spearman"
    if numbers.value(f"{key}.r") is None:
        return Markdown("A correlation of readability and coherence is not defined.")
    size = join("Spearman's correlation ", numbers.num(f"{key}.r", ".2f"), ", ", p_value(numbers, f"{key}.p"))
    if numbers.value(f"{key}.p") >= numbers.value(LEVEL):
        return join("No correlation of readability and coherence is shown (", size, "), nor that there is none.")
    if numbers.value(f"{key}.r") < 0:
        return join("Notes that read better were rated as less coherent (", size, ").")
    return join(
        "Who found a note readable mostly found it coherent (", size,
        "), so that the two questions are no independent evidence; what causes what the ratings do not tell.",
    )  # fmt: skip


def pairs(numbers: Numbers, study: str) -> Markdown:
    """How many pairs differ by themselves, before and after the correction for their number."""
    prefix, level = f"ratings.{study}", numbers.value(LEVEL)
    tests = [key for key in numbers.entries(prefix) if ".student_t." in key]
    families = [
        [key for key in (f"{prefix}.{test}" for test in tests if test.endswith(end)) if numbers.value(key) is not None]
        for end in (".p", ".p_holm")
    ]
    low, kept = (sum(numbers.value(key) < level for key in family) for family in families)

    def counted(value: int, family: int, which: str) -> Markdown:
        end = "p_holm" if family else "p"
        return numbers.computed(value, families[family], f"number of {prefix}.….student_t.….{end}{which}", ",")

    says = "these pairs differ by themselves" if kept else "no single pair may be called different"
    return join(
        Markdown("*Single pairs.* "), "Of ", counted(len(families[0]), 0, ""), " t-tests, ",
        counted(low, 0, " below the level"), f" {'is' if low == 1 else 'are'} below ", numbers.num(LEVEL, ".2f"),
        ", and ", counted(kept, 1, " below the level"), f" after Holm's correction: {says}.",
    )  # fmt: skip
