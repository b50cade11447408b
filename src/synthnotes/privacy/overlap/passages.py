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
from synthnotes.privacy.overlap.hash_tables import BYTES_PER_NGRAM, Index, Ngrams
from synthnotes.privacy.overlap.vocabulary import EncodedNotes

SEEDS = (8, 4, 2, 1)  # words; a smaller width only for the notes that share no wider n-gram
WORDS_PER_BLOCK = 1 << 22  # of synthetic notes, fewer where the budget is small
NONE = -1
COLUMNS = ("words", "start", "training_index", "training_start", "training_notes")


class _Shared(NamedTuple):
    """All passages of one width, in words, that stand in both synthetic and training notes, and where they do."""

    width: int
    own: Ngrams
    training: Ngrams


def longest_passages(
    synthetic: EncodedNotes,
    training: EncodedNotes,
    budget: int = memory.DEFAULT,
    work: Path | None = None,
    quiet: bool = False,
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
    checkpoint = memory.Checkpoint(work, "passages", [*synthetic, *training])
    begin = checkpoint.load("all", [table])
    with Bar(
        initial=begin, total=len(table), desc="longest passages", unit=" notes", mininterval=1, disable=quiet
    ) as progress:
        for first, last in memory.blocks(need[begin:], most, "the index of synthetic notes"):
            _search_block(np.arange(begin + first, begin + last), synthetic, training, table)
            checkpoint.save("all", [table], begin + last)
            progress.update(last - first)
    checkpoint.remove()
    return pd.DataFrame(table, columns=list(COLUMNS))


def _search_block(rows: np.ndarray, synthetic: EncodedNotes, training: EncodedNotes, table: np.ndarray) -> None:
    """Fills in the rows of some notes; those that share no wide passage are searched again for a narrower one."""
    for seed in SEEDS:
        part = synthetic.take(rows)
        shared = _seed(part, training, seed)
        while len(shared.own.ids):
            # The passages of twice the width; notes that share none have their longest one below it.
            wider = _Shared(2 * shared.width, *_lengthen(shared, part, training, shared.width, shared.own))
            notes, go_on = (np.unique(part.notes_at(of.own.positions)) for of in (shared, wider))
            _measure(shared, part, training, np.setdiff1d(notes, go_on), table, rows)
            shared = wider
        rows = rows[table[rows, 0] == 0]


def _seed(part: EncodedNotes, training: EncodedNotes, width: int) -> _Shared:
    """The n-grams of the smallest width that both sides hold."""
    index = Index(part, width)
    nothing = Ngrams(np.empty(0, np.int64), np.empty(0, np.int32))
    theirs = Ngrams(*map(np.concatenate, zip(nothing, *index.find_all(training), strict=True)))
    held = np.zeros(index.different, dtype=bool)
    held[theirs.ids] = True
    return _Shared(width, index.own.take(held[index.own.ids]), theirs)


def _lengthen(
    shared: _Shared, part: EncodedNotes, training: EncodedNotes, more: int, own: Ngrams
) -> tuple[Ngrams, Ngrams]:
    """The passages that are longer than the shared ones by at most their width, and stand on both sides.

    Args:
        shared: the shared passages.
        part: the synthetic notes.
        training: the training notes.
        more: how many words longer.
        own: the synthetic notes' passages to start from.
    """
    positions, keys = _join(shared.own, own, part, more)
    numbers, different = pd.factorize(keys)
    begins = np.zeros(int(shared.own.ids.max(initial=NONE)) + 1, dtype=bool)
    begins[own.ids] = True
    start = shared.training.take(begins[shared.training.ids])
    their_positions, their_keys = _join(shared.training, start, training, more)
    their_numbers = pd.Index(different).get_indexer(their_keys)
    held = np.zeros(len(different) + 1, dtype=bool)
    held[their_numbers] = True  # NONE is the last one
    return (
        Ngrams(positions, numbers.astype(np.int32)).take(held[numbers]),
        Ngrams(their_positions, their_numbers.astype(np.int32)).take(their_numbers != NONE),
    )


def _join(all_of: Ngrams, start: Ngrams, notes: EncodedNotes, shift: int) -> tuple[np.ndarray, np.ndarray]:
    """Joins passages with those that begin `shift` words later in the same note: positions and pairs of numbers."""
    place = np.searchsorted(all_of.positions, start.positions + shift)
    place[place == len(all_of.positions)] = 0
    joined = all_of.positions[place] == start.positions + shift
    positions = start.positions[joined]
    in_one_note = notes.notes_at(positions) == notes.notes_at(positions + shift)
    keys = start.ids[joined].astype(np.int64) << 32 | all_of.ids[place[joined]]
    return positions[in_one_note], keys[in_one_note]


def _measure(
    shared: _Shared, part: EncodedNotes, training: EncodedNotes, notes: np.ndarray, table: np.ndarray, rows: np.ndarray
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
    note_of = part.notes_at(shared.own.positions)

    def passages(width: int, wanted: np.ndarray) -> tuple[Ngrams, Ngrams]:
        """The shared passages of this width, of the notes for which it is wanted."""
        own = shared.own.take(wanted[note_of] == width)
        return _lengthen(shared, part, training, width - shared.width, own)

    while (open_ := low < high).any():
        trial = np.where(open_, (low + high + 1) // 2, 0)
        for width in np.unique(trial[open_]).tolist():
            holds = np.zeros(len(rows), dtype=bool)
            holds[part.notes_at(passages(width, trial)[0].positions)] = True
            tried = trial == width
            low[tried & holds] = width
            high[tried & ~holds] = width - 1
    for width in np.unique(low[notes]).tolist():
        longest, theirs = passages(width, low)
        # The first passage of each note, its first place in training, and how many notes hold it.
        found, first = np.unique(part.notes_at(longest.positions), return_index=True)
        ids, start = longest.ids[first], longest.positions[first] - part.starts[found]
        their_notes = training.notes_at(theirs.positions)
        number, first_place = np.unique(theirs.ids, return_index=True)
        place = first_place[np.searchsorted(number, ids)]
        held_by = np.unique(theirs.ids.astype(np.int64) << 32 | their_notes) >> 32
        counts = np.bincount(held_by, minlength=int(number.max(initial=NONE)) + 1)[ids]
        their_start = theirs.positions[place] - training.starts[their_notes[place]]
        columns = [np.full(len(found), width), start, their_notes[place], their_start, counts]
        table[rows[found]] = np.column_stack(columns)
