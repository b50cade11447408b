"""The longest passage of every synthetic note that stands, word for word, in any training note.

Found by extension of n-grams. Notes are followed while one of their 8-grams, 16-grams, 32-grams, … stands in training,
and only where it does; then the exact length is found between the last width that was shared and the next. A passage
of w to 2w words is the pair of its first and its last w words, whose numbers are exact: no passage is mistaken.
"""

from pathlib import Path
from typing import NamedTuple

import numpy as np
import pandas as pd

from synthnotes.machinery.progress import Bar
from synthnotes.privacy.overlap import memory
from synthnotes.privacy.overlap.checkpoint import Checkpoint
from synthnotes.privacy.overlap.ngrams import BYTES_PER_NGRAM, Found, Index, find_all, notes_of
from synthnotes.privacy.overlap.vocabulary import Words

SEEDS = (8, 4, 2, 1)  # words; a smaller width only for the notes that share no wider n-gram
WORDS_PER_BLOCK = 1 << 22  # of synthetic notes, fewer where the budget is small
NONE = -1
COLUMNS = ("words", "start", "training_index", "training_start", "training_notes")


class Shared(NamedTuple):
    """All passages of one width that stand in both synthetic and training notes.

    Attributes:
        width: words.
        own: where they stand in the synthetic notes, and their numbers.
        training: where they stand in the training notes, likewise.
    """

    width: int
    own: Found
    training: Found


def longest_passages(
    synthetic: Words, training: Words, budget: int = memory.DEFAULT, work: Path | None = None, quiet: bool = False
) -> pd.DataFrame:
    """Finds the longest passage that each synthetic note shares with any training note.

    Args:
        synthetic: the notes; of several longest passages, the first one in the note is meant.
        training: the notes to search, numbered by the same `Encoder`.
        budget: bytes that the index may take.
        work: a folder in which the search leaves what it has, block by block, to go on after a kill.
        quiet: shows no progress.

    Returns:
        One row per synthetic note: words (0 where no word is shared), start (in words), training_index and
        training_start (the first place in training; -1 where nothing is shared), training_notes (how many hold it).
    """
    table = np.zeros((len(synthetic.lengths), len(COLUMNS)), dtype=np.int64)
    table[:, 1:4] = NONE
    need = synthetic.lengths * BYTES_PER_NGRAM + 8
    most = min(budget, max(WORDS_PER_BLOCK * BYTES_PER_NGRAM, int(need.max(initial=0))))
    checkpoint = Checkpoint(work, "passages", [synthetic.ids, synthetic.starts, training.ids, training.starts])
    begin = checkpoint.load([table])
    with Bar(
        initial=begin, total=len(table), desc="longest passages", unit=" notes", mininterval=1, disable=quiet
    ) as progress:
        for first, last in memory.blocks(need[begin:], most, "the index of synthetic notes"):
            _search_block(np.arange(begin + first, begin + last), synthetic, training, table)
            checkpoint.save(begin + last, [table])
            progress.update(last - first)
    checkpoint.remove()
    return pd.DataFrame(table, columns=list(COLUMNS))


def _search_block(notes: np.ndarray, synthetic: Words, training: Words, table: np.ndarray) -> None:
    """Fills in the rows of some notes; those that share no wide passage are searched again for a narrower one."""
    for seed in SEEDS:
        part = synthetic.take(notes)
        shared = _seed(part, training, seed)
        while len(shared.own.ids):
            notes_there = np.unique(notes_of(part, shared.own.positions))
            wider = _widen(shared, part, training)
            go_on = np.unique(notes_of(part, wider.own.positions))
            _measure(shared, part, training, np.setdiff1d(notes_there, go_on), table, notes)
            shared = wider
        notes = notes[table[notes, 0] == 0]


def _seed(part: Words, training: Words, width: int) -> Shared:
    """The n-grams of the smallest width that both sides hold."""
    index = Index(part, width)
    nothing = Found(np.empty(0, np.int64), np.empty(0, np.int32))
    theirs = Found(*map(np.concatenate, zip(nothing, *find_all(index, training), strict=True)))
    held = np.zeros(index.different, dtype=bool)
    held[theirs.ids] = True
    kept = held[index.own.ids]
    return Shared(width, Found(index.own.positions[kept], index.own.ids[kept]), theirs)


def _widen(shared: Shared, part: Words, training: Words) -> Shared:
    """The passages of twice the width that both sides hold."""
    return Shared(2 * shared.width, *_match(shared, part, training, shared.width, shared.own))


def _match(shared: Shared, part: Words, training: Words, shift: int, own: Found) -> tuple[Found, Found]:
    """The passages that are `shift` words longer than the shared ones and stand on both sides.

    Args:
        shared: the shared passages.
        part: the synthetic notes.
        training: the training notes.
        shift: at most the width.
        own: the synthetic notes' passages to start from.
    """
    positions, keys = _pairs(shared.own, own, part, shift)
    numbers, different = pd.factorize(keys)
    begins = np.zeros(int(shared.own.ids.max(initial=NONE)) + 1, dtype=bool)
    begins[own.ids] = True
    candidates = begins[shared.training.ids]
    start = Found(shared.training.positions[candidates], shared.training.ids[candidates])
    their_positions, their_keys = _pairs(shared.training, start, training, shift)
    their_numbers = pd.Index(different).get_indexer(their_keys)
    known = their_numbers != NONE
    held = np.zeros(len(different), dtype=bool)
    held[their_numbers[known]] = True
    kept = held[numbers]
    return (
        Found(positions[kept], numbers[kept].astype(np.int32)),
        Found(their_positions[known], their_numbers[known].astype(np.int32)),
    )


def _pairs(all_of: Found, start: Found, words: Words, shift: int) -> tuple[np.ndarray, np.ndarray]:
    """Joins passages with those that begin `shift` words later in the same note: positions and pairs of numbers."""
    place = np.searchsorted(all_of.positions, start.positions + shift)
    place[place == len(all_of.positions)] = 0
    joined = all_of.positions[place] == start.positions + shift
    positions = start.positions[joined]
    joined_notes = notes_of(words, positions) == notes_of(words, positions + shift)
    keys = start.ids[joined].astype(np.int64) << 32 | all_of.ids[place[joined]]
    return positions[joined_notes], keys[joined_notes]


def _measure(
    shared: Shared, part: Words, training: Words, notes: np.ndarray, table: np.ndarray, rows: np.ndarray
) -> None:
    """Finds the exact length, below twice the width, for notes that share no passage of twice the width.

    Args:
        shared: all shared passages of the width.
        part: the synthetic notes.
        training: the training notes.
        notes: which of the synthetic notes.
        table: what is filled in, for all synthetic notes.
        rows: the table's row of each note of the part.
    """
    low = np.zeros(len(rows), dtype=np.int64)
    low[notes] = shared.width
    high = np.where(low > 0, 2 * shared.width - 1, 0)
    holder = notes_of(part, shared.own.positions)
    while (open_ := low < high).any():
        trial = np.where(open_, (low + high + 1) // 2, 0)
        for width in np.unique(trial[open_]).tolist():
            mine = trial[holder] == width
            own = Found(shared.own.positions[mine], shared.own.ids[mine])
            longer, _ = _match(shared, part, training, width - shared.width, own)
            holds = np.zeros(len(rows), dtype=bool)
            holds[notes_of(part, longer.positions)] = True
            tried = trial == width
            low[tried & holds] = width
            high[tried & ~holds] = width - 1
    for width in np.unique(low[notes]).tolist():
        mine = low[holder] == width
        own = Found(shared.own.positions[mine], shared.own.ids[mine])
        longest, theirs = _match(shared, part, training, width - shared.width, own)
        _record(longest, theirs, width, part, training, table, rows)


def _record(
    longest: Found, theirs: Found, width: int, part: Words, training: Words, table: np.ndarray, rows: np.ndarray
) -> None:
    """Enters the first passage of each note, its first place in training, and the number of notes that hold it."""
    notes, first = np.unique(notes_of(part, longest.positions), return_index=True)
    ids, start = longest.ids[first], longest.positions[first] - part.starts[notes]
    their_notes = notes_of(training, theirs.positions)
    number, first_place = np.unique(theirs.ids, return_index=True)
    place = first_place[np.searchsorted(number, ids)]
    holders = np.unique(theirs.ids.astype(np.int64) << 32 | their_notes) >> 32
    counts = np.bincount(holders, minlength=int(number.max(initial=NONE)) + 1)[ids]
    training_start = theirs.positions[place] - training.starts[their_notes[place]]
    table[rows[notes]] = np.column_stack(
        [np.full(len(notes), width), start, their_notes[place], training_start, counts]
    )
