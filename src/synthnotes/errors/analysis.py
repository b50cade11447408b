"""The error analysis of one coder, and of several side by side (paper, 6.3.1 to 6.3.3)."""

from collections.abc import Mapping
from typing import Any, NamedTuple

import numpy as np
import pandas as pd
from scipy import sparse

from synthnotes.errors import curves
from synthnotes.errors.decisions import Decisions
from synthnotes.errors.families import family_distribution, family_errors
from synthnotes.errors.predictions import code_match, describe
from synthnotes.sections import ErrorsParams


class Coder(NamedTuple):
    """A coder to analyse: its decisions for E, and which of its training notes has which code (bool, sparse)."""

    decisions: Decisions
    targets: sparse.csr_array


class Analysis(NamedTuple):
    """What the analysis of several coders gives: their results by name, and the tables behind the figures.

    Attributes:
        results: predictions, code_match, frequency, length and families of each coder.
        frequency: columns coder, x (training notes with the code), mean and sd of F1, count (codes in the bin).
        length: columns coder, x (words), mean and sd of F1, count (notes in the bin).
        chapters: columns coder, family, title, predictions, share; the coder "truth" stands for the codes of E.
    """

    results: dict[str, dict[str, Any]]
    frequency: pd.DataFrame
    length: pd.DataFrame
    chapters: pd.DataFrame


def analyse(coders: Mapping[str, Coder], words: np.ndarray, settings: ErrorsParams, limit: int) -> Analysis:
    """Analyses the errors of coders on the same notes.

    Args:
        coders: by name.
        words: length of each note of E in words, [notes].
        settings: bins, boundary of lengths, and the share below which families are "Others".
        limit: words after which the coders stop reading.
    """
    results, frequency, length, given = {}, {}, {}, {}
    for name, (decisions, targets) in coders.items():
        by_frequency = curves.frequency_points(decisions, targets.sum(axis=0, dtype=np.int64))
        by_length = curves.length_points(decisions, words)
        results[name] = {
            "predictions": describe(decisions),
            "code_match": code_match(decisions.predicted, targets),
            "frequency": curves.frequency_correlation(by_frequency, decisions),
            "length": curves.length_correlation(by_length, settings.length_boundary, limit),
            "families": family_errors(decisions),
        }
        frequency[name] = curves.binned(by_frequency, curves.quantile_bins(by_frequency.x, settings.bins))
        length[name] = curves.binned(by_length, curves.quantile_bins(by_length.x, settings.bins))
        given[name] = decisions.predicted
        given["truth"] = decisions.truth
    codes = next(iter(coders.values())).decisions.codes
    chapters = family_distribution(given, codes, settings.other_share)
    return Analysis(results, _by_coder(frequency), _by_coder(length), chapters)


def _by_coder(tables: Mapping[str, pd.DataFrame]) -> pd.DataFrame:
    return pd.concat(tables, names=["coder"]).reset_index("coder").reset_index(drop=True)
