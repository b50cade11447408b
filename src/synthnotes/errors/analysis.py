"""The error analysis of the coders of real and of synthetic notes side by side (paper, 6.3.1 to 6.3.3)."""

from collections.abc import Mapping
from typing import Any, NamedTuple

import numpy as np
import pandas as pd
from scipy import sparse

from synthnotes.coding.predictions import Predictions
from synthnotes.errors import curves
from synthnotes.errors.calibration import Histogram, calibration, histogram, reliability
from synthnotes.errors.decisions import Decisions, count, decide
from synthnotes.errors.families import families, family_confusion, family_distribution, family_errors
from synthnotes.errors.losses import code_losses, rarity, summary
from synthnotes.errors.predictions import code_match, describe
from synthnotes.machinery.disclosure import computed, over
from synthnotes.machinery.sections import ErrorsParams

TRUTH, REAL, SYNTHETIC = "truth", "real", "synthetic"


class Coder(NamedTuple):
    """A coder to analyse.

    Attributes:
        decisions: for E.
        probabilities: how often it gave which probability, and how often rightly.
        threshold: above which a code is predicted.
        targets: which of the notes that taught it has which code, bool [training notes, codes].
    """

    decisions: Decisions
    probabilities: Histogram
    threshold: float
    targets: sparse.csr_array


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
        codes: columns code, family, training_real and training_synthetic (notes), and those of `code_losses`.
    """

    results: dict[str, Any]
    frequency: pd.DataFrame
    length: pd.DataFrame
    chapters: pd.DataFrame
    confusion: pd.DataFrame
    calibration: pd.DataFrame
    codes: pd.DataFrame


def coder(
    predictions: Predictions,
    truth: sparse.csr_array,
    patients: np.ndarray,
    targets: sparse.csr_array,
    settings: ErrorsParams,
) -> Coder:
    """Keeps of a coder's predictions what the analysis needs, which is a small part of them.

    Args:
        predictions: in the order of the notes of E.
        truth: which of these notes has which code, bool [notes, codes].
        patients: the patient of each note, as an index from 0: [notes].
        targets: which of the notes that teach has which code, bool [training notes, codes].
        settings: the section `errors`.
    """
    decisions = decide(predictions, truth, patients, settings.predict_at_threshold)
    return Coder(decisions, histogram(predictions.probabilities, truth), predictions.threshold, targets)


def analyse(
    real: Coder, synthetic: Coder, words: np.ndarray, settings: ErrorsParams, limit: int, minimum_patients: int
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
    family_of = families(real.decisions.codes, settings.published_families)
    results: dict[str, Any] = {}
    frequency, length, confusion, reliable = {}, {}, {}, {}
    for name, (decisions, probabilities, threshold, targets) in coders.items():
        by_frequency = curves.frequency_points(decisions, count(targets, axis=0))
        by_length = curves.length_points(decisions, words)
        results[name] = {
            "predictions": describe(decisions),
            "code_match": code_match(decisions, targets, settings.published_match),
            "frequency": curves.frequency_correlation(by_frequency, decisions),
            "length": curves.length_correlation(by_length, settings.length_boundary, limit),
            "families": family_errors(decisions, family_of),
            "calibration": calibration(probabilities, threshold, settings.calibration_bins),
        }
        frequency[name] = curves.binned(by_frequency, curves.quantile_bins(by_frequency.x, settings.bins))
        length[name] = curves.binned(by_length, curves.quantile_bins(by_length.x, settings.bins))
        confusion[name] = family_confusion(decisions, family_of)
        reliable[name] = reliability(probabilities, settings.calibration_bins)
    codes = _codes(real, synthetic, family_of, settings, minimum_patients)
    given = {REAL: real.decisions.predicted, TRUTH: real.decisions.truth, SYNTHETIC: synthetic.decisions.predicted}
    return Analysis(
        results | {"codes": summary(codes) | {"rarity": _rarity(real, synthetic, settings.rarity_notes)}},
        _by_coder(frequency),
        _by_coder(length),
        family_distribution(given, family_of, settings.other_share, real.decisions.patients),
        _by_coder(confusion),
        _by_coder(reliable),
        codes,
    )


def _codes(
    real: Coder, synthetic: Coder, family_of: np.ndarray, settings: ErrorsParams, minimum_patients: int
) -> pd.DataFrame:
    """The losses by code, with what both coders learnt from."""
    losses = code_losses(
        real.decisions,
        synthetic.decisions,
        minimum_patients,
        settings.resamples,
        settings.significance_level,
        settings.seed,
    )
    about = pd.DataFrame(
        {
            "code": real.decisions.codes,
            "family": family_of,
            "training_real": count(real.targets, axis=0),
            "training_synthetic": count(synthetic.targets, axis=0),
        }
    )
    return losses.merge(about, on="code", how="left")[
        ["code", "family", "training_real", "training_synthetic", *losses.columns.drop("code")]
    ]


def _rarity(real: Coder, synthetic: Coder, fewest_notes: int) -> dict[str, Any]:
    """Whether rare codes lose most, over the codes that both coders have seen in training."""
    f1_real, f1_synthetic = (coder.decisions.f1_per_code() for coder in (real, synthetic))
    columns = {
        "notes": count(real.decisions.truth, axis=0),
        "training_real": count(real.targets, axis=0),
        "training_synthetic": count(synthetic.targets, axis=0),
        "difference": f1_synthetic - f1_real,
    }
    collapsed = real.decisions.collapsed or synthetic.decisions.collapsed
    patients = len(np.unique(real.decisions.patients))  # all of E: also those to whom a code is given wrongly
    return over(patients, computed(rarity, pd.DataFrame(columns), fewest_notes, collapsed))


def _by_coder(tables: Mapping[str, pd.DataFrame]) -> pd.DataFrame:
    return pd.concat(tables, names=["coder"]).reset_index("coder").reset_index(drop=True)
