"""Iterative stratification for items with several labels each (Sechidis, Tsoumakas and Vlahavas, ECML PKDD 2011).

Written out rather than taken from a package because the known ones need a dense matrix of items by labels (a gigabyte
for 122,000 notes of 7,900 codes) and count every item once, while a patient here stands for several notes.
"""

import heapq
import random
from collections import defaultdict
from collections.abc import Mapping, Sequence


def stratify(
    labels: Sequence[Mapping[str, int]], sizes: Sequence[int], shares: Sequence[float], seed: int
) -> list[int]:
    """Distributes items over parts so that every label, the rarest first, is shared out in the wanted proportion.

    Args:
        labels: for each item (a patient), how many of its notes have each label (a code).
        sizes: for each item, how many notes it stands for.
        shares: the wanted share of each part; they sum to 1.
        seed: decides ties and the order in which items of one label are dealt out.

    Returns:
        For each item the index of its part.
    """
    rng = random.Random(seed)
    order = list(range(len(labels)))
    rng.shuffle(order)

    holders: dict[str, list[int]] = defaultdict(list)
    totals: dict[str, int] = defaultdict(int)
    for item in order:
        for label, notes in labels[item].items():
            holders[label].append(item)
            totals[label] += notes
    wanted = {label: [share * total for share in shares] for label, total in totals.items()}
    wanted_notes = [share * sum(sizes) for share in shares]

    part_of = [-1] * len(labels)
    waiting = {label: len(items) for label, items in holders.items()}
    # A queue of labels by items still waiting. Counts only fall: an entry with an old count is out of date and skipped.
    queue = [(count, rng.random(), label) for label, count in waiting.items()]
    heapq.heapify(queue)
    while queue:
        count, _, label = heapq.heappop(queue)
        if count != waiting[label]:
            continue
        for item in holders[label]:
            if part_of[item] >= 0:
                continue
            part = _neediest(wanted[label], wanted_notes, rng)
            part_of[item] = part
            wanted_notes[part] -= sizes[item]
            for other, notes in labels[item].items():
                wanted[other][part] -= notes
                waiting[other] -= 1
                if other != label and waiting[other]:
                    heapq.heappush(queue, (waiting[other], rng.random(), other))

    for item in order:
        if part_of[item] < 0:  # an item without labels
            part_of[item] = _neediest(wanted_notes, wanted_notes, rng)
            wanted_notes[part_of[item]] -= sizes[item]
    return part_of


def _neediest(wanted: list[float], wanted_notes: list[float], rng: random.Random) -> int:
    """The part that lacks most of a label; among equals the one that lacks most notes; among equals any."""
    return max(range(len(wanted)), key=lambda part: (wanted[part], wanted_notes[part], rng.random()))
