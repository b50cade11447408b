"""Is it the training that draws synthetic notes nearer? The same notes, against notes trained on and notes never seen.

Synthetic and unseen notes differ in more than what the generator saw: a bad generator writes what resembles nothing.
Here the synthetic notes stand on both sides. Patients of L and of E are drawn from one population, and only their
membership in training tells them apart; so if training left no trace, membership could as well be dealt anew.
"""

from collections.abc import Sequence
from itertools import pairwise
from typing import Any

import numpy as np
import pandas as pd

from synthnotes.machinery.disclosure import also, over, people, setting
from synthnotes.machinery.parallel_map import map_in_order
from synthnotes.privacy.control_matching import standing_in
from synthnotes.privacy.measures import NEARER, NOT_SHOWN, UNDECIDED
from synthnotes.privacy.overlap.inverted_index import InvertedIndex
from synthnotes.privacy.overlap.vocabulary import Encoder, Tokenizer

GROUPS = 3  # of members, at most: each as many patients as were never seen; more of them would only cost memory
# Of a whole release, a draw is enough: every permutation goes through the recalls of all its pairs.
MOST_PATIENTS, MOST_NOTES = 1_500, 4_000  # in a group; synthetic


def compare_membership(
    training: pd.DataFrame,
    synthetic: pd.DataFrame,
    unseen: pd.DataFrame,
    n: int,
    tokenizer: Tokenizer,
    resamples: int,
    confidence: float,
    seed: int,
) -> dict[str, Any]:
    """Tests whether synthetic notes lie nearer to patients of training than to as many patients never seen.

    Args:
        training: note table of what the generator was trained on.
        synthetic: note table of what it wrote.
        unseen: note table of real notes of other patients. Texts that stand on both sides are left out.
        n: words per n-gram of ROUGE.
        tokenizer: of ROUGE.
        resamples: permutations of membership among patients.
        confidence: of the verdict, two-sided.
        seed: of the draw of patients, and of the permutations.

    Returns:
        patients (in each group; of members there are up to `GROUPS` groups, whose means are averaged), counted
        (`notes` where the source names no patients, and each note counts as one's own),
        members and others (mean recall of the nearest note in a group of either), difference, p (one-sided), and
        verdict: `nearer` where p is at most half of what `confidence` leaves, `not shown` where the difference is not
        above zero, else `undecided`.
    """
    rng = np.random.default_rng(seed)
    sides = training[~standing_in(training, unseen)], unseen[~standing_in(unseen, training)]
    left_out = len(training) + len(unseen) - sum(map(len, sides))
    size = min(MOST_PATIENTS, *(table["patient_id"].nunique() for table in sides))
    disclosed = also(left_out, people(size))
    if len(synthetic) > MOST_NOTES:
        synthetic = synthetic.sample(MOST_NOTES, random_state=seed)
    if not size or not len(synthetic):
        empty = dict.fromkeys(("members", "others", "difference", "p"))
        return {"patients": disclosed, **empty, **setting({"counted": "patients", "verdict": UNDECIDED})}
    groups = max(1, min(GROUPS, sides[0]["patient_id"].nunique() // size))
    both, patients = _drawn(sides, (groups * size, size), rng)
    encode = Encoder(tokenizer)
    written, real = (encode(table["text"].tolist()) for table in (synthetic, both))
    index, totals = InvertedIndex(written, n), np.maximum(written.totals(n), 1)
    of_patient = pairwise(np.searchsorted(patients, np.arange(patients[-1] + 2)).tolist())
    recalls = map_in_order(lambda notes: (index.nearest(real.part(*notes))[1] / totals).astype(np.float32), of_patient)
    nearest = np.stack(list(recalls))  # recall of the nearest note: float32 [patients, synthetic notes]

    def means(patients: np.ndarray) -> tuple[float, float]:
        """Over the synthetic notes, the recall of the nearest note in a group: members' groups, and the last one."""
        each = [nearest[group].max(axis=0).mean(dtype=np.float64) for group in patients.reshape(groups + 1, size)]
        return float(np.mean(each[:-1])), float(each[-1])

    members, others = means(np.arange(len(nearest)))
    by_chance = [means(rng.permutation(len(nearest))) for _ in range(resamples)]
    as_large = 1 + sum(first - second >= members - others for first, second in by_chance)
    p = as_large / (resamples + 1)
    verdict = NEARER if p <= (1 - confidence) / 2 else NOT_SHOWN if members <= others else UNDECIDED
    counted = "patients" if (both["patient_id"] != both["note_id"]).any() else "notes"
    found = {"members": members, "others": others, "difference": members - others, "p": p}
    return {
        "patients": disclosed,
        **setting({"counted": counted, "verdict": verdict}),
        **over(size, found),
    }


def _drawn(
    sides: Sequence[pd.DataFrame], sizes: Sequence[int], rng: np.random.Generator
) -> tuple[pd.DataFrame, np.ndarray]:
    """Draws so many patients of each side, in random order: their notes, and the number of each note's patient."""
    tables, numbers, before = [], [], 0
    for table, size in zip(sides, sizes, strict=True):
        chosen = pd.Index(rng.permutation(table["patient_id"].unique().astype(object))[:size])
        number = chosen.get_indexer(table["patient_id"])
        order = np.argsort(number, kind="stable")[(number < 0).sum() :]
        tables.append(table.iloc[order])
        numbers.append(before + number[order])
        before += size
    return pd.concat(tables), np.concatenate(numbers)
