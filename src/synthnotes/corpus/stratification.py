"""Iterative stratification for items with several labels each (Sechidis, Tsoumakas and Vlahavas, ECML PKDD 2011).

The items are groups of notes that must stay together (a patient's), the labels their codes. Written out rather than
taken from a package because the known ones count every item once, while a patient here stands for several notes;
because they need a dense matrix of items by labels (a gigabyte for 122,000 notes of 7,900 codes); and because they
leave the parts' sizes to chance: what rare labels round up in a small part adds up, to an eighth of the notes instead
of a tenth. Hence two steps: `_deal` is the published algorithm; `_even_out` then moves items until no move brings the
parts nearer to their sizes, and of the items that fit takes those whose move serves the labels best.
"""

import numpy as np
from scipy import sparse

MOVED_AT_ONCE = 0.05  # of the items still to be moved, before the costs of moving are computed anew


def stratify(labels: sparse.csr_array, sizes: np.ndarray, shares: np.ndarray, seed: int) -> np.ndarray:
    """Distributes items over parts so that every label, the rarest first, is shared out in the wanted proportion.

    Args:
        labels: how many of each item's notes have each label, int [items, labels].
        sizes: how many notes each item stands for, int [items].
        shares: the wanted share of each part, float [parts]; they sum to 1.
        seed: decides ties and the order in which items of one label are dealt out.

    Returns:
        The number of each item's part, int [items].
    """
    rng = np.random.default_rng(seed)
    items, columns = rng.permutation(labels.shape[0]), rng.permutation(labels.shape[1])  # the first wins a tie
    shuffled = labels[items][:, columns].tocsr()
    parts = _Parts(shuffled, np.asarray(sizes)[items], np.asarray(shares, float))
    _deal(parts)
    _even_out(parts)
    part_of = np.empty_like(parts.part_of)
    part_of[items] = parts.part_of
    return part_of


class _Parts:
    """The parts while they fill.

    Attributes:
        labels: int [items, labels].
        sizes: int [items].
        part_of: the part of each item, -1 while it waits, int [items].
        lacking: how many notes with each label each part still lacks, float [labels, parts].
        lacking_notes: how many notes each part still lacks, float [parts].
    """

    def __init__(self, labels: sparse.csr_array, sizes: np.ndarray, shares: np.ndarray) -> None:
        self.labels, self.sizes = labels, sizes
        self.part_of = np.full(labels.shape[0], -1)
        self.lacking = np.outer(labels.sum(axis=0), shares)
        self.lacking_notes = sizes.sum() * shares

    def labels_of(self, item: int) -> tuple[np.ndarray, np.ndarray]:
        """An item's labels, and how many of its notes have each."""
        own = slice(self.labels.indptr[item], self.labels.indptr[item + 1])
        return self.labels.indices[own], self.labels.data[own]

    def place(self, item: int, part: int) -> None:
        """Puts an item into a part, taking it from the one in which it is."""
        own, notes = self.labels_of(item)
        before = self.part_of[item]
        if before >= 0:
            self.lacking[own, before] += notes
            self.lacking_notes[before] += self.sizes[item]
        self.lacking[own, part] -= notes
        self.lacking_notes[part] -= self.sizes[item]
        self.part_of[item] = part


def _deal(parts: _Parts) -> None:
    """Deals out the items of the label that the fewest waiting items have, then of the next such label.

    An item goes to the part that lacks most of the label; among equals to the one that lacks most notes. Of the items
    of a label those with many notes come first, so that small ones can fill the gaps.
    """
    holders = parts.labels.tocsc()
    waiting = np.diff(holders.indptr).astype(float)  # items with each label
    done = np.inf
    waiting[waiting == 0] = done
    while waiting.size and waiting.min() < done:
        label = waiting.argmin()
        column = slice(holders.indptr[label], holders.indptr[label + 1])
        largest_first = holders.indices[column][np.argsort(-holders.data[column], kind="stable")]
        for item in largest_first[parts.part_of[largest_first] < 0].tolist():
            most = parts.lacking[label] == parts.lacking[label].max()
            parts.place(item, int(np.where(most, parts.lacking_notes, -np.inf).argmax()))
            own, _ = parts.labels_of(item)
            waiting[own] -= 1
        waiting[label] = done
        waiting[waiting == 0] = done
    for item in np.flatnonzero(parts.part_of < 0).tolist():  # without labels
        parts.place(item, int(parts.lacking_notes.argmax()))


def _even_out(parts: _Parts) -> None:
    """Moves items from the part with most notes too many to the one with most too few while that helps the sizes.

    Of those whose size fits, the items move whose labels' squared deviations from the wanted counts, each in units of
    the label's own count so that rare labels weigh as much as frequent ones, grow least per note moved.
    """
    weights = 1 / np.maximum(parts.labels.sum(axis=0), 1)
    own_cost = parts.labels.power(2) @ weights
    while True:
        giver, taker = int(parts.lacking_notes.argmin()), int(parts.lacking_notes.argmax())
        gap = parts.lacking_notes[taker] - parts.lacking_notes[giver]
        # Moving s notes changes the sizes' squared deviations by 2s(s - gap).
        fitting = np.flatnonzero((parts.part_of == giver) & (parts.sizes < gap - 1e-9))
        if not fitting.size:
            return
        pull = weights * (parts.lacking[:, giver] - parts.lacking[:, taker])
        cost = (parts.labels[fitting] @ pull + own_cost[fitting]) / parts.sizes[fitting]
        some = max(1, int(MOVED_AT_ONCE * gap / 2 / parts.sizes[fitting].mean()))
        for item in fitting[np.argsort(cost, kind="stable")[:some]].tolist():
            if parts.sizes[item] < parts.lacking_notes[taker] - parts.lacking_notes[giver] - 1e-9:
                parts.place(item, taker)
