"""Does the detector detect? Passages of training notes, planted into synthetic notes, and how many are found again."""

from collections.abc import Sequence
from typing import Any, NamedTuple

import numpy as np
import pandas as pd

from synthnotes.machinery.disclosure import extreme, over, people, setting, share, sign
from synthnotes.privacy.overlap import memory
from synthnotes.privacy.overlap.inverted_index import nearest_neighbours
from synthnotes.privacy.overlap.passages import longest_passages
from synthnotes.privacy.overlap.vocabulary import Encoder, Tokenizer


class Planted(NamedTuple):
    """Synthetic notes into which a passage of a training note was planted.

    Attributes:
        texts: the notes with their passages.
        words: the length of each passage.
        start: the word of the note with which it begins.
        sources: the position of the training note that it is from.
    """

    texts: list[str]
    words: np.ndarray
    start: np.ndarray
    sources: np.ndarray


def plant(synthetic: Sequence[str], training: Sequence[str], notes: int, widths: Sequence[int], seed: int) -> Planted:
    """Plants one passage per note: it takes the place of as many words, so that the note keeps its length.

    Args:
        synthetic: the notes to plant into.
        training: the notes to plant from.
        notes: how many notes per width; fewer where there are not so many with as many words.
        widths: words per passage. A width that no training or no synthetic note reaches is left out.
        seed: of the choice of notes and places.
    """
    rng = np.random.default_rng(seed)
    hosts, donors = ([text.split() for text in texts] for texts in (synthetic, training))
    texts, rows = [], []
    for width in widths:
        long_hosts, long_donors = (np.flatnonzero([len(words) >= width for words in side]) for side in (hosts, donors))
        if not len(long_donors):
            continue
        for host in rng.permutation(long_hosts)[:notes]:
            source = rng.choice(long_donors)
            at, start = (int(rng.integers(len(words) - width + 1)) for words in (donors[source], hosts[host]))
            passage = donors[source][at : at + width]
            texts.append(" ".join([*hosts[host][:start], *passage, *hosts[host][start + width :]]))
            rows.append((width, start, source))
    return Planted(texts, *np.array(rows, dtype=np.int64).reshape(-1, 3).T)


def detection(
    planted: Planted,
    training: Sequence[str],
    neighbours: pd.DataFrame,
    n: int,
    tokenizer: Tokenizer,
    false_alarms: float,
    seed: int,
    budget: int = memory.DEFAULT,
) -> dict[str, Any]:
    """Searches notes with planted passages as all notes are searched, and counts what is found.

    Args:
        planted: the notes.
        training: the notes that the passages are from.
        neighbours: the measures of notes without plants, columns kind, recall and passage_words; of kind synthetic
            those that passages are planted into, all others real notes that the generator never saw.
        n: words per n-gram of ROUGE.
        tokenizer: of ROUGE.
        false_alarms: the share of unseen notes that a threshold may flag.
        seed: of the halves of the unseen notes: one sets the thresholds, the other is told how often they are wrong.
        budget: bytes that each search may take.

    Returns:
        thresholds: above them a note is flagged, by its longest shared passage (words) or by its recall; they are set
        on half of the unseen notes. by_words: for every length of passage the number of notes, and the share of them
        whose longest shared passage covers the planted one (located), whose nearest training note is its source
        (nearest_is_source), and that are flagged by either measure. flagged: how many notes, and which share of them,
        are flagged by either measure, of all synthetic notes without plants, and of those unseen notes that have not
        set the thresholds.
    """
    written, unseen = (neighbours[(neighbours["kind"] == "synthetic") == side] for side in (True, False))
    order = np.random.default_rng(seed).permutation(len(unseen))
    thresholding, judged = unseen.iloc[order[::2]], unseen.iloc[order[1::2]]
    thresholds = {
        column: float(np.quantile(thresholding[column], 1 - false_alarms, method="higher"))
        for column in ("passage_words", "recall")
    }
    # How many unseen notes there are would tell, with E and S, how many of their texts stand in training.
    flagged = {"synthetic": {"notes": people(len(written))} | _flagged(written, thresholds)}
    flagged["unseen"] = _flagged(judged, thresholds)
    by_rule, by_white_space = Encoder(tokenizer), Encoder("white-space")
    nearest = nearest_neighbours(by_rule(planted.texts), by_rule(training), n, budget)
    passages = longest_passages(by_white_space(planted.texts), by_white_space(training), budget)
    end = passages["start"] + passages["words"]
    found = pd.DataFrame(
        {
            "words": planted.words,
            "located": (passages["start"] <= planted.start) & (end >= planted.start + planted.words),
            "nearest_is_source": nearest["real_index"] == planted.sources,
            "flagged_by_passage": passages["words"] > thresholds["passage_words"],
            "flagged_by_recall": nearest["recall"] > thresholds["recall"],
        }
    )
    by_words = {
        str(words): {"notes": people(len(part))}
        | over(len(part), {column: float(part[column].mean()) for column in part.columns[1:]})
        for words, part in found.groupby("words")
    }
    # A threshold is the value of one unseen note.
    disclosed = {name: extreme(value) for name, value in thresholds.items()}
    return {"false_alarms": setting(false_alarms), "thresholds": disclosed, "by_words": by_words, "flagged": flagged}


def _flagged(notes: pd.DataFrame, thresholds: dict[str, float]) -> dict[str, Any]:
    """How many notes lie above the thresholds, and which share."""
    columns = {"by_passage": "passage_words", "by_recall": "recall"}
    counts = {how: int((notes[column] > thresholds[column]).sum()) for how, column in columns.items()}
    return {how: {"notes_beyond": sign(count), "share": share(count, len(notes))} for how, count in counts.items()}
