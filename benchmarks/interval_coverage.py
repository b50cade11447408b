"""How often intervals cover the truth, and how often tests and verdicts find what is not there: simulated studies.

A study is a sample of patients of one to three notes, from a population that has no end; hard patients make the notes
of a patient hang together, and coders of the same notes err alike. Three regimes differ in how many notes of a study
have a code: many, two to three, or one on average, of which many codes then have none. All codes of the last two are
alike frequent, so that which of them occur in a study does not change what their average estimates, and the truth is
the mean over all codes on a sample that is a hundred times as large. Averages over codes of few notes are biased, as F1
of two notes is no unbiased estimate of F1 of many; the table tells both how often intervals cover that truth, and how
often what studies of the same size have on average.

Beside the jackknife stands what this project did before: the percentiles of a bootstrap, moved to the value on E.
"""

from collections.abc import Callable, Mapping, Sequence
from typing import Any, NamedTuple

import machine
import numpy as np
from scipy import sparse

from synthnotes.coding.outcomes import Outcome, take_apart
from synthnotes.errors.noise_comparison import Noise
from synthnotes.errors.noise_comparison import compare as attribute
from synthnotes.machinery.params import HypothesesParams
from synthnotes.significance.coder_differences import Measured, differences, verdict
from synthnotes.significance.resampling import ENOUGH, Counts, draw, jackknife, observed, student, without_each

METRICS = ("micro.f1", "macro.f1", "macro.precision", "macro.recall")
ALL = (*METRICS, "macro.auc")
LEVEL, MARGIN = 0.05, 0.05
STUDIES, RESAMPLES = 400, 200
PATIENTS = 100  # of two notes each, on average


class Regime(NamedTuple):
    """How many codes there are, and what share of the notes has each."""

    codes: int
    share: float


REGIMES = {
    "frequent codes": Regime(12, 0.25),
    "2–3 notes per code": Regime(120, 0.0125),
    "singletons": Regime(120, 0.005),
}


class TrainingSet(NamedTuple):
    """What coders of a training set are like: quality of a coder is the threshold below which it finds a code.

    Attributes:
        quality: of the mean coder, the same for all codes or [codes].
        seeds: how many coders.
        spread: standard deviation of the coders' qualities; each code's varies as much again.
    """

    quality: float | np.ndarray
    seeds: int = 1
    spread: float = 0.0


def study(
    rng: np.random.Generator, shares: np.ndarray, patients: int, sets: Sequence[TrainingSet], areas: bool = False
) -> list[list[Outcome]]:
    """The coders of some training sets on one sample of patients, over the codes that occur in it: [sets][seeds]."""
    patient = np.repeat(np.arange(patients), rng.integers(1, 4, size=patients))
    truth = rng.random((len(patient), len(shares))) < shares
    occurring = truth.any(axis=0)
    truth, shares = truth[:, occurring], shares[occurring]
    hard = 0.5 * rng.standard_normal(patients)[patient, None] + 0.7 * rng.standard_normal(truth.shape)
    tempting = rng.random(truth.shape) < 2 * shares  # a note suggests a code, whether it has it or not
    found: list[list[Outcome]] = []
    for of_set in sets:
        quality = np.broadcast_to(of_set.quality, occurring.shape)[occurring]
        found.append([])
        for _ in range(of_set.seeds):
            own = of_set.spread * (rng.standard_normal() + rng.standard_normal(len(shares)))
            doubt = hard + 0.5 * rng.standard_normal(truth.shape)
            predicted = np.where(truth, doubt < quality + own, tempting & (doubt > 0.2 + 0.5 * (quality + own)))
            apart = take_apart(truth, (predicted + rng.random(truth.shape)) / 2) if areas else None
            found[-1].append(Outcome(sparse.csr_array(truth), sparse.csr_array(predicted), patient, areas=apart))
    return found


def measure(outcomes: Sequence[Outcome]) -> Measured:
    """A training set's metrics, as the stage `significance` has them."""
    return Measured(observed(outcomes), without_each(outcomes))


def by_jackknife(first: Outcome, second: Outcome, metrics: Sequence[str]) -> np.ndarray:
    """Low, high and value of the difference of each metric, as the stage `significance` has them: [metrics, 3]."""
    tests = differences(measure([first]), measure([second]), LEVEL)
    return np.array([[tests[metric][of] for of in ("low", "high", "difference")] for metric in metrics])


def by_bootstrap(first: Outcome, second: Outcome, metrics: Sequence[str]) -> np.ndarray:
    """The same from a bootstrap's percentiles, moved so that the resamples' mean is the difference: [metrics, 3]."""
    counts, found = Counts([first, second]), []
    blocks = [counts.metrics(weights) for weights in draw(counts.patients, RESAMPLES, 1)]
    on_e = counts.metrics(np.ones((1, counts.patients)))
    for metric in metrics:
        samples = np.concatenate([one[metric] - other[metric] for one, other in blocks])
        value = (on_e[0][metric] - on_e[1][metric]).item()
        found.append([*(value - samples.mean() + np.quantile(samples, [LEVEL / 2, 1 - LEVEL / 2])), value])
    return np.array(found)


WAYS = {"jackknife": by_jackknife, "bootstrap": by_bootstrap}


def intervals(
    regime: str, studies: int, ways: Sequence[str] = tuple(WAYS), metrics: Sequence[str] = ALL
) -> dict[str, dict[str, dict[str, float]]]:
    """Coverage of the difference of two coders, and false positives between two of the same quality.

    Args:
        regime: which.
        studies: how many.
        ways: to make an interval.
        metrics: whose; areas take long.

    Returns:
        By way and metric: the share of the studies whose interval covers the population's difference, and the mean of
        such studies; and the share in which the interval of coders that do not differ leaves zero out.
    """
    codes, share = REGIMES[regime]
    rng, shares = np.random.default_rng(7), np.full(codes, share)
    sets, areas = [TrainingSet(0.8), TrainingSet(0.3), TrainingSet(0.8)], "macro.auc" in metrics
    far = [observed(outcomes) for outcomes in study(rng, shares, 100 * PATIENTS, sets[:2], areas)]
    true = [(far[0][metric] - far[1][metric]).item() for metric in metrics]
    ends: dict[str, list[list[np.ndarray]]] = {way: [] for way in ways}
    for _ in range(studies):
        one, worse, equal = (outcomes[0] for outcomes in study(rng, shares, PATIENTS, sets, areas))
        for way, rows in ends.items():
            rows.append([WAYS[way](one, other, metrics) for other in (worse, equal)])
    found: dict[str, dict[str, dict[str, float]]] = {way: {} for way in ways}
    for way, rows in ends.items():
        differ, equal_ones = np.array(rows).transpose(1, 2, 3, 0)  # [metrics, 3, studies]
        for metric, (low, high, value), of_equal, truth in zip(metrics, differ, equal_ones, true, strict=True):
            found[way][metric] = {
                "covers_truth": float(((low <= truth) & (truth <= high)).mean()),
                "covers_mean": float(((low <= value.mean()) & (value.mean() <= high)).mean()),
                "false_positives": float(((of_equal[0] > 0) | (of_equal[1] < 0)).mean()),
            }
    return found


def seeds_of_one_set(regime: str, seeds: int, studies: int, spread: float = 0.1) -> dict[str, float]:
    """Two groups of seeds of one training set as rivals: how often they are said to differ.

    Returns:
        Of micro and macro F1, the share of the studies whose interval leaves zero out, over patients alone and over
        seeds too, and the share with a verdict that the sets differ.
    """
    codes, share = REGIMES[regime]
    rng, found = np.random.default_rng(8), dict.fromkeys(FALSE, 0.0)
    for _ in range(studies):
        first, second = map(measure, study(rng, np.full(codes, share), PATIENTS, [TrainingSet(0.6, seeds, spread)] * 2))
        for metric, test in differences(first, second, LEVEL).items():
            if metric in METRICS[:2]:
                alone = student(test["difference"], [jackknife(first.without[metric] - second.without[metric])], LEVEL)
                found[f"{metric}, over patients alone"] += float(alone.p < LEVEL)
                found[f"{metric}, over seeds too"] += test["p"] < LEVEL
                says = verdict(test, [seeds, seeds], MARGIN)
                found[f"{metric}, verdicts"] += says in ("superior", "worse within margin", "inferior")
    return {name: count / studies for name, count in found.items()}


FALSE = [f"{metric}, {of}" for metric in METRICS[:2] for of in ("over patients alone", "over seeds too", "verdicts")]
BY_FREQUENCY = np.geomspace(0.4, 0.02, 60)  # the share of the notes that have each code
RARITY = np.linspace(1, -1, 60)
LIKE = 0.7 + 0.5 * RARITY  # quality by code, of synthetic notes
RIVALS = {  # of both hypotheses, at the levels of 20 and 50 %
    "of the synthetic set, one level": (LIKE,),
    "of another set, one level": (LIKE - 0.2,),
    "of another set, rare codes worse": (LIKE - 0.2 + 0.2 * RARITY,),
    "of sets on both sides of it, two levels": (LIKE + 0.15, LIKE - 0.15),
}


def attributions(
    rng: np.random.Generator, noises: Mapping[Noise, TrainingSet], synthetic: TrainingSet, patients: int = PATIENTS
) -> dict[str, Any]:
    """What one study says about which noise resembles synthetic notes."""
    outcomes = study(rng, BY_FREQUENCY, patients, [synthetic, *noises.values()])
    coders = [[Outcome(one.truth, one.predicted, one.patients) for one in of_set] for of_set in outcomes]
    truth, patient = coders[0][0].truth, coders[0][0].patients
    noisy = dict(zip(noises, coders[1:], strict=True))
    settings = HypothesesParams(bins=10, significance_level=LEVEL)
    return attribute(coders[0], noisy, 3 * truth.sum(axis=0), rng.integers(50, 300, len(patient)), settings)


def rivals(name: str, seeds: int, studies: int, spread: float = 0.1) -> dict[str, float]:
    """Seeds of the same training sets entered as both kinds of noise: the share of the studies with each verdict."""
    rng, found = np.random.default_rng(9), dict.fromkeys(("h1", "h2", "undecided", "neither fits"), 0)
    noises = {
        Noise(hypothesis, level): TrainingSet(quality, seeds, spread)
        for hypothesis in ("h1", "h2")
        for level, quality in zip((20, 50), RIVALS[name], strict=False)
    }
    for _ in range(studies):
        found[attributions(rng, noises, TrainingSet(LIKE, seeds, spread))["winner"]["verdict"]] += 1
    return {verdict: count / studies for verdict, count in found.items()}


def child(what: str, *words: str) -> dict[str, Any]:
    """One simulation, by its name and arguments."""
    name, *numbers = words
    simulations: dict[str, Callable[..., Any]] = {"intervals": intervals, "seeds": seeds_of_one_set, "rivals": rivals}
    return {"found": simulations[what](name, *map(int, numbers))}


def parent() -> dict[str, Any]:
    """All simulations, one after another."""
    results: dict[str, Any] = {"intervals": {}, "seeds": {}, "rivals": {}}
    print(f"{'':40}" + "".join(f"{f'{way}: {of}':>26}" for way in WAYS for of in ("truth", "mean", "false pos.")))
    for regime in REGIMES:
        found = results["intervals"][regime] = _simulate("intervals", regime, STUDIES)
        for metric in ALL:
            shares = [share for way in WAYS for share in found[way][metric].values()]
            print(f"{regime:22}{metric:18}" + "".join(f"{share:26.1%}" for share in shares), flush=True)
    for what, names in {"seeds": list(REGIMES), "rivals": list(RIVALS)}.items():
        print(
            f"Seeds of one training set as rivals, {ENOUGH} each"
            + (", as two kinds of noise" if what == "rivals" else "")
        )
        for name in names:
            found = results[what][name] = _simulate(what, name, ENOUGH, STUDIES)
            print(f"  {name}: " + "; ".join(f"{of} {share:.1%}" for of, share in found.items()), flush=True)
    return {"studies": STUDIES, "patients": PATIENTS, "level": LEVEL, **results}


def _simulate(*words: object) -> dict[str, Any]:
    return machine.in_child(__file__, *map(str, words))["found"]


if __name__ == "__main__":
    machine.main("interval_coverage", child, parent)
