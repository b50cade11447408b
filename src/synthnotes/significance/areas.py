"""Areas under ROC curves, taken apart into what each note contributes, so that patients can be resampled.

An area compares every note that has a code with every note that lacks it, and so is no sum over notes: resampled as
such, every resample would have to rank all notes anew, code by code. To first order it is one (Hoeffding's
decomposition): each note has a placement value, the share of the notes of the other class on the right side of it
(DeLong et al. 1988; Obuchowski 1997, with clusters). So for a code that some drawn notes have, the area is taken as the
mean placement of these, exactly, plus what the drawn notes without the code change on average. What is left out is the
product of the two chances, which vanishes faster than their sum as notes grow in number.
"""

import numpy as np
from scipy import sparse

from synthnotes.significance.outcomes import Areas

VALUES = int(np.float16(1).view(np.uint16)) + 1  # half-precision numbers in [0, 1]; their bits order them
CODES_AT_ONCE = 200
NOTES_AT_ONCE = 500


def take_apart(truth: np.ndarray, probabilities: np.ndarray) -> Areas:
    """Takes micro and macro area apart.

    Args:
        truth: bool [notes, codes]; every code occurs.
        probabilities: [notes, codes], in [0, 1], compared at half precision, as predictions are kept.
    """
    notes, codes = truth.shape
    levels = probabilities.astype(np.float16).view(np.uint16) & np.uint16(0x7FFF)  # without the sign of a negative zero
    true, false = np.zeros((2, VALUES))  # how many decisions have each value
    placements, curves, macro_negatives = [], 0, np.zeros(notes)
    for start in range(0, codes, CODES_AT_ONCE):
        block = slice(start, start + CODES_AT_ONCE)
        columns = zip(np.ascontiguousarray(truth[:, block].T), np.ascontiguousarray(levels[:, block].T), strict=True)
        for has, level in columns:
            with_code, without = (np.bincount(level[which], minlength=VALUES) for which in (has, ~has))
            true += with_code
            false += without
            placements.append(share_below(without)[level[has]])
            if not has.all():
                curves += 1
                above = 1 - share_below(with_code)[level[~has]]
                macro_negatives[~has] += (above - above.mean()) / len(above)
    code_of, note_of = np.nonzero(truth.T)
    placed = sparse.csr_array((np.concatenate(placements), (note_of, code_of)), shape=truth.shape)
    micro_placements, micro_negatives = _micro(truth, levels, true, false)
    return Areas(placed, macro_negatives / max(curves, 1), micro_placements, micro_negatives)


def _micro(truth: np.ndarray, levels: np.ndarray, true: np.ndarray, false: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """What the true and the false codes of each note contribute: [notes] each.

    Args:
        truth: bool [notes, codes].
        levels: probabilities as numbers of the value: [notes, codes].
        true, false: how many decisions have each value: [values].
    """
    below, above = share_below(false), 1 - share_below(true)
    above -= above @ false / max(false.sum(), 1)
    of_true, of_false = np.empty((2, len(truth)))
    for start in range(0, len(truth), NOTES_AT_ONCE):
        part = slice(start, start + NOTES_AT_ONCE)
        of_true[part] = np.sum(below[levels[part]], axis=1, where=truth[part])
        of_false[part] = np.sum(above[levels[part]], axis=1, where=~truth[part])
    return of_true, of_false


def share_below(counts: np.ndarray) -> np.ndarray:
    """The share of decisions below each value, those that have it counted half: [values]."""
    return (np.cumsum(counts) - counts / 2) / max(counts.sum(), 1)
