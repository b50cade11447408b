"""The error analysis of the coders of real and of synthetic notes side by side (paper, 6.3.1 to 6.3.3)."""

from collections.abc import Mapping
from typing import Any, NamedTuple, TypedDict

import numpy as np
import pandas as pd
from scipy import sparse

from synthnotes.coding.outcomes import Outcome, count, decide
from synthnotes.coding.predictions import Predictions
from synthnotes.errors import curves
from synthnotes.errors.calibration import Histogram, calibration, histogram, reliability
from synthnotes.errors.f1_changes import f1_changes, rarity, summary
from synthnotes.errors.families import families, family_confusion, family_distribution, family_errors
from synthnotes.machinery.disclosure import computed, over, people, share
from synthnotes.machinery.params import ErrorsParams

TRUTH, REAL, SYNTHETIC = "truth", "real", "synthetic"


class AnalysedCoder(NamedTuple):
    """What the analysis needs of a coder, which is a small part of its predictions.

    Attributes:
        outcome: for E.
        probabilities: how often it gave which probability, and how often rightly.
        threshold: above which a code is predicted.
        targets: which of the notes that taught it has which code, bool [training notes, codes].
    """

    outcome: Outcome
    probabilities: Histogram
    threshold: float
    targets: sparse.csr_array

    @property
    def training_notes(self) -> np.ndarray:
        """How many of the notes that taught it have each code: [codes]."""
        return count(self.targets, axis=0)


class Totals(TypedDict):
    """How many codes are given: in total, per note, and different ones."""

    total: int
    per_note: float | None
    unique: int


class Analysis(NamedTuple):
    """What the analysis of both coders gives: results as nested objects, and the tables behind figures and tables.

    Attributes:
        results: of `real` and of `synthetic` predictions, code_match, frequency, length, families and calibration; of
            `codes`, how many lose and gain F1 from real to synthetic, and whether those are the rare ones.
        frequency: columns coder, x (training notes with the code), mean and sd of F1, count (codes) and patients.
        length: columns coder, x (words), mean and sd of F1, count (notes) and patients.
        chapters: columns coder, family, title, predictions, patients, share; the coder "truth" stands for E's codes.
        confusion: columns coder, missed and predicted (families), codes, patients, share.
        calibration: columns coder, probability, share_true, decisions.
        codes: columns code, family, training_real and training_synthetic (notes), and those of `f1_changes`.
    """

    results: dict[str, Any]
    frequency: pd.DataFrame
    length: pd.DataFrame
    chapters: pd.DataFrame
    confusion: pd.DataFrame
    calibration: pd.DataFrame
    codes: pd.DataFrame


def take_coder(
    predictions: Predictions,
    truth: sparse.csr_array,
    patients: np.ndarray,
    targets: sparse.csr_array,
    settings: ErrorsParams,
) -> AnalysedCoder:
    """Keeps of a coder's predictions what the analysis needs.

    Args:
        predictions, truth, patients: as for `coding.outcomes.decide`.
        targets: which of the notes that teach has which code, bool [training notes, codes].
        settings: the section `errors`.
    """
    outcome = decide(predictions, truth, patients, settings.predict_at_threshold)
    return AnalysedCoder(outcome, histogram(predictions.probabilities, truth), predictions.threshold, targets)


def analyse(
    real: AnalysedCoder,
    synthetic: AnalysedCoder,
    words: np.ndarray,
    settings: ErrorsParams,
    limit: int,
    minimum_patients: int,
) -> Analysis:
    """Analyses the errors of both coders on the same notes.

    Args:
        real, synthetic: the coders, by their training notes.
        words: length of each note of E in words, [notes].
        settings: the section `errors`.
        limit: words after which the coders stop reading.
        minimum_patients: codes of fewer patients of E are not listed one by one.
    """
    coders = {REAL: real, SYNTHETIC: synthetic}
    family_of = families(real.outcome.codes, settings.published_families)
    results: dict[str, Any] = {}
    frequency, length, confusion, reliable = {}, {}, {}, {}
    for name, coder in coders.items():
        outcome = coder.outcome
        by_frequency = curves.frequency_points(outcome, coder.training_notes)
        by_length = curves.length_points(outcome, words)
        results[name] = {
            "predictions": describe(outcome),
            "code_match": code_match(outcome, coder.targets, settings.published_match),
            "frequency": curves.frequency_correlation(by_frequency, outcome),
            "length": curves.length_correlation(by_length, settings.length_boundary, limit),
            "families": family_errors(outcome, family_of),
            "calibration": calibration(coder.probabilities, coder.threshold, settings.calibration_bins),
        }
        frequency[name] = curves.binned(by_frequency, curves.quantile_bins(by_frequency.x, settings.bins))
        length[name] = curves.binned(by_length, curves.quantile_bins(by_length.x, settings.bins))
        confusion[name] = family_confusion(outcome, family_of)
        reliable[name] = reliability(coder.probabilities, settings.calibration_bins)
    outcomes = real.outcome, synthetic.outcome
    about = pd.DataFrame(
        {
            "code": real.outcome.codes,
            "family": family_of,
            "training_real": real.training_notes,
            "training_synthetic": synthetic.training_notes,
        }
    )
    changes = f1_changes(*outcomes, minimum_patients, settings.resamples, settings.significance_level, settings.seed)
    codes = about.merge(changes, on="code").set_index("code").loc[changes["code"]].reset_index()
    of_all = about.assign(
        notes=count(real.outcome.truth, axis=0), difference=synthetic.outcome.f1_per_code - real.outcome.f1_per_code
    )
    collapsed = any(outcome.collapsed for outcome in outcomes)
    patients = len(np.unique(real.outcome.patients))  # all of E: also those to whom a code is given wrongly
    rare = over(patients, computed(rarity, of_all, settings.rarity_notes, collapsed))
    given = {REAL: real.outcome.predicted, TRUTH: real.outcome.truth, SYNTHETIC: synthetic.outcome.predicted}
    return Analysis(
        results | {"codes": summary(codes) | {"rarity": rare}},
        _by_coder(frequency),
        _by_coder(length),
        family_distribution(given, family_of, settings.other_share, real.outcome.patients),
        _by_coder(confusion),
        _by_coder(reliable),
        codes,
    )


def _by_coder(tables: Mapping[str, pd.DataFrame]) -> pd.DataFrame:
    return pd.concat(tables, names=["coder"]).reset_index("coder").reset_index(drop=True)


def describe(outcome: Outcome) -> dict[str, Any]:
    """Counts predicted, true and correctly predicted codes.

    Returns:
        notes; predicted and true, each with total, per_note and unique codes; correct, the same of codes predicted
        where they are true; precision and recall over all notes and codes; coverage, the share of the codes of E that
        are predicted for any note, rightly or not (repair l).
    """
    ever_predicted = count(outcome.predicted, axis=0) > 0
    matrices = outcome.predicted, outcome.truth, outcome.correct
    predicted, true, correct = (_totals(outcome, given) for given in matrices)
    disclosed: dict[str, Any] = {
        "notes": people(outcome.truth.shape[0]),
        "predicted": predicted,
        "true": true,
        "correct": correct,
        "precision": share(correct["total"], predicted["total"]),
        "recall": share(correct["total"], true["total"]),
        "coverage": float(ever_predicted[outcome.occurring].mean()),
    }
    return over(len(np.unique(outcome.patients)), disclosed)


def code_match(outcome: Outcome, targets: sparse.csr_array, published: bool = False) -> dict[str, int | float | None]:
    """How many predicted code sets equal the codes of a training note, and how many are a proper subset of them.

    The training notes that hold a code are a row of bits; the notes that hold a whole predicted set are the
    conjunction of its codes' rows. A set may do both: equal one note's codes and be part of another's.

    Args:
        outcome: for the notes of E.
        targets: which training note has which code, bool [training notes, codes].
        published: count as the published code does (repair m): an empty prediction is a subset, and in the shares'
            denominator; one that equals a note's codes is no subset of another's.

    Returns:
        predictions; empty, exact and proper_subset, counts; exact_share and proper_subset_share, of the predictions
        that are not empty, None where all are.
    """
    sizes = count(targets, axis=1)
    rows, columns = targets.nonzero()
    holders = _bit_rows(rows, columns, targets.shape)
    of_size = {int(size): np.packbits(sizes == size) for size in np.unique(sizes)}
    nobody = np.zeros(holders.shape[1], dtype=np.uint8)
    predicted = outcome.predicted
    exact, proper_subset = np.zeros((2, predicted.shape[0]), dtype=bool)
    for note, codes in enumerate(np.split(predicted.indices, predicted.indptr[1:-1])):
        if len(codes):
            supersets = np.bitwise_and.reduce(holders[codes], axis=0)
            equals = of_size.get(len(codes), nobody)
            exact[note], proper_subset[note] = (supersets & equals).any(), (supersets & ~equals).any()
    empty = count(predicted, axis=1) == 0
    if published:
        proper_subset = (proper_subset & ~exact) | empty
    judged = len(empty) if published else int((~empty).sum())
    notes = {"predictions": np.ones_like(empty), "empty": empty, "exact": exact, "proper_subset": proper_subset}
    counts = {name: (int(which.sum()), outcome.patients_of(which)) for name, which in notes.items()}
    disclosed: dict[str, int | float | None] = {
        name: people(number, patients=patients) for name, (number, patients) in counts.items()
    }
    for name in ("exact", "proper_subset"):
        # With the count, a share tells how many predictions are empty.
        fewest = min((patients for _, patients in (counts[name], counts["empty"]) if patients), default=None)
        disclosed[f"{name}_share"] = share(counts[name][0], judged, len(empty), fewest)
    return disclosed


def _bit_rows(rows: np.ndarray, columns: np.ndarray, shape: tuple[int, int]) -> np.ndarray:
    """The columns of a matrix of ones as rows of bits, packed as `np.packbits` does: uint8 [columns, rows / 8]."""
    bits = np.zeros((shape[1], -(-shape[0] // 8)), dtype=np.uint8)
    np.bitwise_or.at(bits, (columns, rows // 8), (128 >> rows % 8).astype(np.uint8))
    return bits


def _totals(outcome: Outcome, given: sparse.csr_array) -> Totals:
    total, patients = given.nnz, outcome.patients_of(given.nonzero()[0])
    return {
        "total": people(total, patients=patients),
        "per_note": share(total, given.shape[0], patients=patients),
        "unique": int((count(given, axis=0) > 0).sum()),
    }
