"""How well the parts of a division represent the whole, as Edin et al. (SIGIR 2023) judge splits."""

from collections import Counter
from collections.abc import Mapping
from itertools import chain
from typing import Any

import numpy as np
import pandas as pd


def quality(codes: pd.Series, parts: pd.Series, wanted: Mapping[str, float | None]) -> dict[str, dict[str, Any]]:
    """Measures each part of a division against the whole.

    Args:
        codes: the codes of each note.
        parts: the part of each note.
        wanted: the share of the notes that each part should have, None where that is not known.

    Returns:
        For each part: its notes, its share of them and the wanted one, the share of the whole's codes that it lacks,
        and the Kullback-Leibler divergence of its code distribution from the whole's, in nats (0: equal; None for a
        part without codes).
    """
    whole = Counter(chain.from_iterable(codes))
    measures = {}
    for name, share in wanted.items():
        inside = parts == name
        own = Counter(chain.from_iterable(codes[inside]))
        measures[name] = {
            "notes": int(inside.sum()),
            "share_of_notes": float(inside.mean()),
            "share_wanted": share,
            "share_of_codes_missing": 1 - len(own) / len(whole),
            "kl_divergence": divergence(own, whole),
        }
    return measures


def divergence(own: Counter[str], whole: Counter[str]) -> float | None:
    """The Kullback-Leibler divergence of one distribution of codes from another that covers it, in nats."""
    if not own:
        return None
    p = np.array(list(own.values())) / own.total()
    q = np.array([whole[code] for code in own]) / whole.total()
    return max(0.0, float(np.sum(p * np.log(p / q))))  # rounding may leave it just below zero
