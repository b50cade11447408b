"""The first page: each verdict in its own words, with its origin, and on what it rests."""

import pytest
from reading import shown

from synthnotes.machinery.files import read_json, write_json

MIMIC = "corpora[0]"


def rarity(low, high, verdict):
    """The change of F1 with the frequency of a code."""
    return {"codes": {"rarity": {"n": 74, "spearman": {"r": 0.1, "low": low, "high": high}, "verdict": verdict}}}


@pytest.mark.parametrize(
    ("verdict", "words"),
    [
        ("more where rare", "lose most where codes are rare"),
        ("less where rare", "lose most where codes are frequent"),
        ("not shown", "are not shown to lose most where codes are rare"),
    ],
)
def test_whether_rare_codes_lose_most_and_not_that_they_are_hard(said, verdict, words):
    """With any coder F1 is lower where codes are rare; the question is what synthetic notes change."""
    text = said("glance", f"errors({MIMIC})", {"errors.mimic": rarity(-0.1, 0.3, verdict)})
    assert text.startswith(f"They **[{words}][errors.mimic.codes.rarity.verdict]**")
    assert "over [74]" in text


def test_too_few_codes_are_known(said):
    results = {"errors.mimic": rarity(None, None, "not shown")}
    assert said("glance", f"errors({MIMIC})", results) == "F1 of too few codes is known"


UTILITY = {
    "inferior": "less",
    "worse within margin": "less, within the margin",
    "non-inferior": "as much, within the margin",
    "superior": "more",
    "inconclusive": "not decided",
    "too few seeds": "no verdict about the sets",
    "collapsed": "no verdict, a coder reads nothing",
}


@pytest.mark.parametrize(("verdict", "words"), UTILITY.items())
def test_whether_a_coder_learns_as_much(said, verdict, words):
    pair = {
        "differences": {"micro": {"f1": {"difference": -0.1, "low": -0.2, "high": 0.1}}},
        "non_inferiority": {"micro_f1": {"verdict": verdict}},
        "seeds_to_decide": {"micro_f1": 7},
    }
    results = {"significance.mimic": {"pairs": {"synthetic_s_against_real_s": pair}}}
    source = said("glance", f"utility({MIMIC})", results)
    assert source.startswith(f"**[{words}][significance.mimic.pairs.synthetic_s_against_real_s.non_inferiority.")
    text = shown(source)
    assert "micro-F1 −0.100 [−0.200, +0.100] against as many real notes" in text
    assert ("with these coders" in text) == (verdict in ("too few seeds", "collapsed"))
    assert ("7 seeds of each set would decide" in text) == (verdict in ("too few seeds", "inconclusive"))
    assert said("glance", f"utility({MIMIC})", {}) == "not tested"


NOISE = {
    "h1": "widespread",
    "h2": "concentrated",
    "undecided": "not decided",
    "neither fits": "neither fits",
    "too few seeds": "no verdict about the kinds",
    "collapsed": "no verdict, a coder reads nothing",
}


@pytest.mark.parametrize(("verdict", "words"), NOISE.items())
def test_which_noise_has_the_same_effect(said, verdict, words):
    lead = {"value": 0.07, "low": -0.01, "high": 0.1}
    winner = {"hypothesis": "h2", "noise_level": 35, "distance": 0.14, "verdict": verdict, "lead": lead}
    source = said("glance", f"noises({MIMIC})", {"hypotheses.mimic": {"winner": winner}})
    assert source.startswith(f"**[{words}][hypotheses.mimic.winner.verdict]**: ")
    text = shown(source)
    assert "H2 at 35 % is nearest, 0.140 in F1 away; the other stays 0.070 [−0.010, +0.100] farther" in text
    assert ("of these coders" in text) == (verdict in ("too few seeds", "collapsed"))
    assert said("glance", f"noises({MIMIC})", {}) == "not run for this corpus"


READERS = {
    "undecided": "not shown",
    "different": "yes",
    "equivalent": "less than the margin",
    "different and equivalent": "yes, less than the margin",
    "not tested": "not tested",
}


@pytest.mark.parametrize(("verdict", "words"), READERS.items())
def test_whether_raters_see_a_difference(said, verdict, words):
    """An interval by rater that leaves out zero is no verdict: the tests after their correction are."""
    by_rater = {"difference": -0.5, "low": -0.9, "high": -0.1}
    of_questions = {"readability": {"verdict": "undecided", "by_rater": by_rater}}
    of_questions |= {"coherence": {"verdict": verdict, "by_rater": by_rater}}
    results = {"ratings.published": {"mimic": {"raters": 4, "pairs": 3} | of_questions}}
    source = said("glance", f"readers({MIMIC})", results)
    key = "ratings.published.mimic"
    assert f"readability **[not shown][{key}.readability.verdict]**: " in source
    assert f"coherence **[{words}][{key}.coherence.verdict]**: " in source
    assert "by 4 raters of 3 pairs of notes" in shown(source)


def test_what_the_verdict_on_privacy_rests_on(said):
    beyond = {"notes_promised": 1.5, "beyond": {"notes_beyond": 3}, "difference": -0.1, "low": -0.2, "high": 0.0}
    measures = dict.fromkeys(("rouge_recall", "longest_passage"), beyond)
    measures["ngram_share"] = beyond | {"beyond": {"notes_beyond": "1 to 9"}}
    membership = {"difference": 0.01, "p": 0.02}
    results = {"privacy.mimic": {"measures": measures, "membership": membership, "verdict": "nearer"}}
    source = said("glance", f"privacy({MIMIC})", results)
    assert source.startswith("**[nearer][privacy.mimic.verdict]**: by recall, ")
    assert "3, 1 to 9 and 3 synthetic notes lie beyond the tail of unseen ones (promised: 1.5)" in shown(source)
    assert "nearer to training notes than to unseen ones by +0.0100, p = 0.020" in shown(source)


@pytest.mark.parametrize("fallen", [True, False])
def test_the_first_page_warns_of_coders_that_read_nothing(run_of, fill, fallen):
    file, results = run_of()
    utility, noise = results / "utility/mimic.json", results / "hypotheses/mimic.json"
    changed = read_json(utility), read_json(noise)
    changed[0]["synthetic_s"]["reading"]["collapsed"]["mean"] = 0.5 * fallen
    changed[1]["distances"]["h2"]["50"]["collapsed"] = int(fallen)
    changed[1]["winner"]["verdict"] = "collapsed" if fallen else "undecided"
    for path, content in zip((utility, noise), changed, strict=True):
        write_json(path, content)
    source = fill((file, results))[0].replace("\u00a0", " ")
    first_page = source[source.index("# At a glance") : source.index("# What was rebuilt")]
    named = "synthetic S, H2 at 50 % of MIMIC"
    assert ("callout-warning" in first_page and named in first_page) == fallen
    assert (f"have *collapsed*: {named}" in source) == fallen
    assert ("One of these coders gives every note about the same answer" in source) == fallen
