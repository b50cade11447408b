"""Iterative stratification for items with several labels each (Sechidis, Tsoumakas and Vlahavas, ECML PKDD 2011).

The items are groups of notes that must stay together (a patient's), the labels their codes. Written out rather than
taken from a package because the known ones count every item once, while a patient here stands for several notes;
because they need a dense matrix of items by labels (a gigabyte for 122,000 notes of 7,900 codes); and because they
leave the parts' sizes to chance: what rare labels round up in a small part adds up, to an eighth of the notes instead
of a tenth. Hence two steps more. `_deal` is the published algorithm; `_even_out` moves items until no move brings the
parts nearer to their sizes; `_improve` moves items that serve the labels better elsewhere, whereupon sizes are evened
out again, for a few rounds.
"""

from itertools import permutations

import numpy as np
from scipy import sparse

MOVED_AT_ONCE = 0.1  # of the items still to be moved, before the costs of moving are computed anew
ROUNDS = 10  # of improvement; the first few do most
ROUNDING = 1e-9
IMPROVED_AT_ONCE = 0.01  # of a part's items, in a round


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
    for _ in range(ROUNDS):
        _improve(parts)
        _even_out(parts)
    part_of = np.empty_like(parts.part_of)
    part_of[items] = parts.part_of
    return part_of


class _Parts:
    """The parts while they fill.

    Attributes:
        labels: int [items, labels].
        sizes: int [items].
        weights: one over the number of notes with each label, float [labels].
        own_cost: each item's squared numbers of notes by label, weighted, float [items].
        part_of: the part of each item, -1 while it waits, int [items].
        wanted: how many notes with each label each part should have, float [labels, parts].
        held: how many it has, int [labels, parts].
        lacking_notes: how many notes each part still lacks, float [parts].
    """

    def __init__(self, labels: sparse.csr_array, sizes: np.ndarray, shares: np.ndarray) -> None:
        self.labels, self.sizes = labels, sizes
        self.part_of = np.full(labels.shape[0], -1)
        self.weights = 1 / np.maximum(labels.sum(axis=0), 1)
        self.own_cost = labels.power(2) @ self.weights
        self.wanted = np.outer(labels.sum(axis=0), shares)
        self.held = np.zeros(self.wanted.shape, int)
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
            self.held[own, before] -= notes
            self.lacking_notes[before] += self.sizes[item]
        self.held[own, part] += notes
        self.lacking_notes[part] -= self.sizes[item]
        self.part_of[item] = part

    def cost(self, items: np.ndarray, giver: int, taker: int) -> np.ndarray:
        """What moving each of some items from one part to another costs the labels, per note moved.

        That is what the move adds to the labels' squared deviations from the wanted counts, each in units of the
        label's own count; and 1 for every label that the giver has no more, less 1 for every one new to the taker.
        """
        labels = self.labels[items]
        lacking = self.wanted - self.held
        pull = 2 * self.weights * (lacking[:, giver] - lacking[:, taker])
        new = self.held[:, taker] == 0
        by_label = labels.data * pull[labels.indices] - new[labels.indices]
        by_label += labels.data == self.held[:, giver][labels.indices]
        total = sparse.csr_array((by_label, labels.indices, labels.indptr), labels.shape).sum(axis=1)
        return (total + 2 * self.own_cost[items]) / self.sizes[items]


def _deal(parts: _Parts) -> None:
    """Deals out the items of the label that the fewest waiting items have, then of the next such label.

    An item goes to the part that lacks most of the label; among equals to the one that lacks most notes. Of the items
    of a label those with many notes come first, so that small ones can fill the gaps.
    """
    by_label = parts.labels.tocsc()
    waiting = np.diff(by_label.indptr).astype(float)  # items with each label
    done = np.inf
    waiting[waiting == 0] = done
    while waiting.size and waiting.min() < done:
        label = waiting.argmin()
        column = slice(by_label.indptr[label], by_label.indptr[label + 1])
        largest_first = by_label.indices[column][np.argsort(-by_label.data[column], kind="stable")]
        for item in largest_first[parts.part_of[largest_first] < 0].tolist():
            lacking = parts.wanted[label] - parts.held[label]
            most = lacking == lacking.max()
            parts.place(item, int(np.where(most, parts.lacking_notes, -np.inf).argmax()))
            own, _ = parts.labels_of(item)
            waiting[own] -= 1
        waiting[label] = done
        waiting[waiting == 0] = done
    for item in np.flatnonzero(parts.part_of < 0).tolist():  # without labels
        parts.place(item, int(parts.lacking_notes.argmax()))


def _even_out(parts: _Parts) -> None:
    """Moves items from the part with most notes too many to the one with most too few while that helps the sizes.

    Of the items whose size fits, those move that cost the labels least per note.
    """
    while True:
        giver, taker = int(parts.lacking_notes.argmin()), int(parts.lacking_notes.argmax())
        gap = parts.lacking_notes[taker] - parts.lacking_notes[giver]
        # Moving s notes changes the sizes' squared deviations by 2s(s - gap).
        fitting = np.flatnonzero((parts.part_of == giver) & (parts.sizes < gap - ROUNDING))
        if not fitting.size:
            return
        cheapest_first = fitting[np.argsort(parts.cost(fitting, giver, taker), kind="stable")]
        some = max(1, int(MOVED_AT_ONCE * gap / 2 / parts.sizes[fitting].mean()))
        for item in cheapest_first[:some].tolist():
            if parts.sizes[item] < parts.lacking_notes[taker] - parts.lacking_notes[giver] - ROUNDING:
                parts.place(item, taker)


def _improve(parts: _Parts) -> None:
    """Moves some of the items that serve the labels better in another part, whatever that does to the sizes."""
    for giver, taker in permutations(range(len(parts.lacking_notes)), 2):
        items = np.flatnonzero(parts.part_of == giver)
        cost = parts.cost(items, giver, taker)
        cheapest = np.argsort(cost, kind="stable")[: max(1, int(IMPROVED_AT_ONCE * items.size))]
        for item in items[cheapest[cost[cheapest] < -ROUNDING]].tolist():
            parts.place(item, taker)
