"""N-gram overlap of two corpora: how much of what one says stands in the other, word for word (paper, section 7)."""

from collections.abc import Sequence

import numpy as np

from synthnotes.privacy.ngrams import Vocabulary
from synthnotes.privacy.tokens import TOKENIZERS


def ngram_overlap(real: Sequence[str], synthetic: Sequence[str], n: int = 8) -> dict[str, int | float | None]:
    """Counts the unique n-grams of lower-case words, split at white space, in and shared by two corpora.

    Returns:
        real_unique, synthetic_unique, common, union: numbers of unique n-grams.
        jaccard: common / union, which falls as the real corpus grows.
        synthetic_share: common / synthetic_unique, which compares with a control's (repair r).
        Shares of nothing are None.
    """
    ngrams = Vocabulary([*real, *synthetic], n, TOKENIZERS["white-space"]).ngrams
    of_real = ngrams.notes < len(real)
    unique = int(ngrams.ids.max(initial=-1)) + 1
    in_real, in_synthetic = (np.zeros(unique, dtype=bool) for _ in range(2))
    in_real[ngrams.ids[of_real]] = True
    in_synthetic[ngrams.ids[~of_real]] = True

    real_unique, synthetic_unique = int(in_real.sum()), int(in_synthetic.sum())
    common, union = int((in_real & in_synthetic).sum()), int((in_real | in_synthetic).sum())
    return {
        "real_unique": real_unique,
        "synthetic_unique": synthetic_unique,
        "common": common,
        "union": union,
        "jaccard": common / union if union else None,
        "synthetic_share": common / synthetic_unique if synthetic_unique else None,
    }
