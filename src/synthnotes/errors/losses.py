"""Which codes lose most where synthetic notes take the place of real ones, and how sure that is."""

from typing import Any

import numpy as np
import pandas as pd

from synthnotes.errors.decisions import Decisions, count
from synthnotes.machinery.disclosure import Table, hidden_with, over
from synthnotes.significance.correlations import correlate
from synthnotes.significance.resampling import Counts, draw, rates


def code_losses(
    real: Decisions, synthetic: Decisions, minimum_patients: int, resamples: int, significance_level: float, seed: int
) -> pd.DataFrame:
    """F1 per code of both coders, and the difference with its interval by the bootstrap over patients.

    Args:
        real, synthetic: the coders, on the same notes.
        minimum_patients: codes of fewer patients of E are left out: their F1 is chance, and may tell about a person;
            with them the rarest other code, whose F1 would tell that of a single one.
        resamples: of the patients.
        significance_level: 1 - coverage of each code's interval; nothing corrects for their number.
        seed: of the resampling.

    Returns:
        Columns code, patients and notes of E that have it, f1_real, f1_synthetic, difference (synthetic minus real),
        low, high; the greatest loss first.
    """
    everything = np.ones(len(real.codes), dtype=bool)
    patients = count(real.outcome(everything).by_patient(real.truth) > 0, axis=0)
    hidden = hidden_with(dict(enumerate(patients.tolist())), minimum_patients)
    listed = (patients > 0) & ~np.isin(np.arange(len(patients)), list(hidden))
    table = pd.DataFrame(
        {
            "code": np.array(real.codes, dtype=object)[listed],
            "patients": patients[listed],
            "notes": count(real.truth, axis=0)[listed],
            "f1_real": real.f1_per_code()[listed],
            "f1_synthetic": synthetic.f1_per_code()[listed],
        }
    )
    table["difference"] = table["f1_synthetic"] - table["f1_real"]
    table["low"], table["high"] = np.quantile(
        _differences(real, synthetic, listed, resamples, seed),
        [significance_level / 2, 1 - significance_level / 2],
        axis=1,
    )
    return table.sort_values(["difference", "code"], kind="stable", ignore_index=True)


def table(frame: pd.DataFrame) -> Table:
    """What `code_losses` gives, with families and counts of training notes, for `publish`."""
    labels, counts = ["code", "family"], ["patients", "notes", "training_real", "training_synthetic"]
    return Table(frame, labels, counts, [name for name in frame if name not in (*labels, *counts)], by=())


def summary(losses: pd.DataFrame) -> dict[str, int]:
    """How many codes are listed, and how many of them lose or gain with an interval that excludes zero."""
    lose, gain = (losses["high"] < 0).sum(), (losses["low"] > 0).sum()
    counts = {"listed": len(losses), "lose": int(lose), "gain": int(gain)}
    return over(losses["patients"].min() if len(losses) else 0, counts)


def rarity(codes: pd.DataFrame, fewest_notes: int, collapsed: bool = False) -> dict[str, Any]:
    """Whether F1 falls most, from the real to the synthetic coder, for codes that are rare in real training.

    A positive rank correlation of the difference with the frequency says that what is rare loses more. Codes of very
    few notes of E are left out: their F1 is hardly more than 0 or 1, so that a loss that is the same for all codes
    looks smaller where the codes are rare.

    Args:
        codes: columns notes (of E that have the code), training_real and training_synthetic (notes that teach it), and
            difference (of F1, synthetic minus real).
        fewest_notes: of E, that a code must have.
        collapsed: whether one of the coders reads nothing: then its F1 owes nothing to what it could have learnt.

    Returns:
        n, pearson and spearman, of the difference and the log frequency in real training, as `correlate` gives them,
        over the codes that both coders have seen; verdict, `more where rare`, `less where rare` or `not shown`, by the
        interval of Spearman's coefficient, or `collapsed`.
    """
    seen = (codes["training_real"] > 0) & (codes["training_synthetic"] > 0)
    judged = codes[seen & (codes["notes"] >= fewest_notes)]
    found = correlate(np.log10(judged["training_real"].to_numpy()), judged["difference"].to_numpy())
    low, high = (found["spearman"][end] for end in ("low", "high"))
    verdict = "not shown"
    if low is not None and high is not None:
        verdict = "more where rare" if low > 0 else "less where rare" if high < 0 else verdict
    return {**found, "verdict": "collapsed" if collapsed else verdict}


def _differences(real: Decisions, synthetic: Decisions, listed: np.ndarray, resamples: int, seed: int) -> np.ndarray:
    """Differences of F1 on resampled patients, float32 [codes listed, resamples]."""
    counts = Counts([coder.outcome(listed) for coder in (real, synthetic)])
    blocks = []
    for weights in draw(counts.patients, resamples, seed):
        true, *given = counts.by_code(weights)
        f1_real, f1_synthetic = (rates(true, *given[i : i + 2])["f1"] for i in (0, 2))
        blocks.append(f1_synthetic - f1_real)
    return np.concatenate(blocks, axis=1)
