"""The control's notes: for each synthetic note an unseen real one, as like it in codes and length as can be."""

from typing import NamedTuple

import numpy as np
import pandas as pd
from scipy import sparse

ROWS_AT_ONCE = 256
WEIGHT_OF_LENGTH = 0.5  # a note twice as long weighs as much as half of the codes


class Matched(NamedTuple):
    """Pairs of a synthetic and a control note, each note in one pair at most.

    Attributes:
        synthetic: positions, ascending: int64 [pairs].
        control: positions: int64 [pairs].
        code_similarity: Jaccard similarity of the code sets: float64 [pairs].
        length_ratio: the longer note's words over the shorter one's: float64 [pairs].
    """

    synthetic: np.ndarray
    control: np.ndarray
    code_similarity: np.ndarray
    length_ratio: np.ndarray


def standing_in(notes: pd.DataFrame, others: pd.DataFrame) -> np.ndarray:
    """Which notes have the same words, white space and case aside, as one of the others: bool [notes].

    A split by patients does not divide texts; a note whose text the generator was trained on is no unseen one.
    """
    ours, theirs = ([" ".join(text.lower().split()) for text in table["text"]] for table in (notes, others))
    known = set(theirs)
    return np.array([text in known for text in ours], dtype=bool)


def match(synthetic: pd.DataFrame, control: pd.DataFrame, seed: int) -> Matched:
    """Pairs notes greedily, in random order: each synthetic note takes the best control note that is left.

    Args:
        synthetic: note table; of more notes than the control has, a random part is matched.
        control: note table of real notes that the generator never saw.
        seed: of the order.
    """
    order = np.random.default_rng(seed).permutation(len(synthetic))[: len(control)]
    codes = pd.concat([synthetic["codes"], control["codes"]], ignore_index=True).explode().dropna()
    codes = codes.rename_axis("note").reset_index().drop_duplicates()
    columns, different = pd.factorize(codes["codes"])
    shape = (len(synthetic) + len(control), len(different))
    holding = sparse.coo_array((np.ones(len(codes), np.float32), (codes["note"], columns)), shape=shape).tocsr()
    ours, theirs = holding[: len(synthetic)], holding[len(synthetic) :]
    our_length, their_length = (
        np.log2([max(1, len(text.split())) for text in table["text"]]) for table in (synthetic, control)
    )
    our_size, their_size = (side.sum(axis=1) for side in (ours, theirs))
    free = np.ones(len(control), dtype=bool)
    rows = []
    for start in range(0, len(order), ROWS_AT_ONCE):
        block = order[start : start + ROWS_AT_ONCE]
        common = (ours[block] @ theirs.T).toarray()
        similarity = common / (our_size[block, None] + their_size - common)
        distance = np.abs(our_length[block, None] - their_length)
        scores = similarity - WEIGHT_OF_LENGTH * distance
        for row, note in enumerate(block):
            best = int(np.where(free, scores[row], -np.inf).argmax())
            free[best] = False
            rows.append((note, best, similarity[row, best], 2 ** distance[row, best]))
    table = np.array(sorted(rows), dtype=np.float64).reshape(-1, 4)
    return Matched(*table[:, :2].astype(np.int64).T, *table[:, 2:].T)
