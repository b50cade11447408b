"""Synthetic notes against a control: are they nearer to training than real notes that the generator never saw?

A nearest-neighbour score means nothing alone, since all discharge summaries share phrases. The control makes the same
searches from unseen real notes (repairs q and r), each matched with a synthetic note in codes and length. What lies
beyond them all but a few is counted against more unseen notes, so that few copies are enough to be told from chance.
"""

from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import pandas as pd

from synthnotes.machinery.disclosure import Table, also, like, over, people, setting
from synthnotes.machinery.params import PrivacyParams
from synthnotes.privacy.control_matching import match, standing_in
from synthnotes.privacy.distributions import (
    length_distribution,
    longest_summary,
    recall_distribution,
    recall_summary,
    summarise,
)
from synthnotes.privacy.measures import Measure, judge, overall, tail
from synthnotes.privacy.membership import compare_membership
from synthnotes.privacy.nearest_pairs import longest_common_runs, nearest_pairs, passage_summary, shared_ngrams
from synthnotes.privacy.overlap import memory
from synthnotes.privacy.overlap.inverted_index import nearest_neighbours
from synthnotes.privacy.overlap.passages import longest_passages
from synthnotes.privacy.overlap.unique_ngrams import count_by_corpora, count_in_training
from synthnotes.privacy.overlap.vocabulary import EncodedNotes, Encoder, Tokenizer


class Comparison(NamedTuple):
    """All measures for synthetic notes and control.

    Attributes:
        results: the summaries.
        notes: one row per note after `kind`, synthetic, control or unseen: the columns of `nearest_neighbours`, and
            those of `longest_passages` with the prefix `passage_`; patient data.
        recalls: recall by kind over the matched notes, as `recall_distribution` gives it.
        lengths: longest shared passages by kind over the matched notes, as `length_distribution` gives it.
    """

    results: dict[str, Any]
    notes: pd.DataFrame
    recalls: Table
    lengths: Table


class _Encoded(NamedTuple):
    """Notes whose words one encoder has numbered: of training; and synthetic, control and further unseen ones."""

    training: EncodedNotes
    compared: EncodedNotes


def compare(
    training: pd.DataFrame,
    synthetic: pd.DataFrame,
    control: pd.DataFrame,
    unseen: pd.DataFrame,
    settings: PrivacyParams,
    tokenizer: Tokenizer,
    memory_gib: float = 2.0,
    work: Path | None = None,
) -> Comparison:
    """Measures how near synthetic and control notes are to the training notes.

    Args:
        training: note table of what the generator was trained on, in training order.
        synthetic: note table of what it wrote.
        control: note table of real notes that it never saw.
        unseen: note table of further such notes, for the tail alone. Notes whose text stands in training are left out
            of both tables.
        settings: n-gram lengths, how many of the highest to summarise apart, and the seed.
        tokenizer: cuts notes into the words of ROUGE.
        memory_gib: what each search may take.
        work: a folder for what a killed search leaves.
    """
    budget = int(memory_gib * memory.GIB)
    new, more = (np.flatnonzero(~standing_in(table, training)) for table in (control, unseen))
    matched = match(synthetic, control.iloc[new], settings.seed)
    matched = matched._replace(control=new[matched.control])
    partners, others = control.iloc[matched.control], unseen.iloc[more]
    texts = training["text"].tolist(), pd.concat([synthetic["text"], partners["text"], others["text"]]).tolist()
    of_rouge, of_passages = (
        _Encoded(*(encode(of) for of in texts)) for encode in (Encoder(tokenizer), Encoder("white-space"))
    )
    found = nearest_neighbours(of_rouge.compared, of_rouge.training, settings.rouge_n, budget, work)
    longest = longest_passages(of_passages.compared, of_passages.training, budget, work).add_prefix("passage_")
    notes = pd.concat([found, longest], axis=1)
    notes.insert(0, "kind", np.repeat(["synthetic", "control", "unseen"], [len(synthetic), len(partners), len(others)]))
    # Positions count in each kind's own table.
    notes["synthetic_index"] = np.concatenate([np.arange(len(synthetic)), matched.control, more])
    rows = {
        "synthetic": notes.iloc[: len(synthetic)],
        "synthetic_matched": notes.iloc[matched.synthetic],
        "control": notes.iloc[len(synthetic) : len(synthetic) + len(partners)],
    }

    # Where few unseen notes are left out, so are the numbers from which these would follow.
    known = len(control) - len(new) + len(unseen) - len(more)
    left_out = {"synthetic": 0, "synthetic_matched": known, "control": known}
    recall = {kind: recall_summary(part, settings.top_recall, left_out[kind]) for kind, part in rows.items()}
    results: dict[str, Any] = {
        "notes": {
            "training": people(len(training)),
            "synthetic": people(len(synthetic)),
            "control": people(len(control)),
            "matched": also(known, people(len(partners))),
            "unseen": also(known, people(len(partners) + len(others))),
            "unseen_texts_in_training": people(known),
            "matched_code_similarity": summarise(matched.code_similarity)["mean"],
            "matched_length_ratio": summarise(matched.length_ratio)["median"],
        },
        "rouge": {
            **setting({"n": settings.rouge_n, "tokenizer": tokenizer}),
            "recall": recall | {"difference": _difference(recall["synthetic_matched"], recall["control"])},
            "passages": {
                kind: _pairs(rows[kind], of_rouge, of_passages, settings) for kind in ("synthetic", "control")
            },
        },
        "longest": {
            kind: longest_summary(part.rename(columns=lambda c: c.removeprefix("passage_")), settings.top_passages)
            for kind, part in rows.items()
        },
        "overlap": _overlap(of_passages, rows, settings.overlap_n, budget, work),
        "measures": _measures(notes, rows, of_passages, known, settings, budget),
        "membership": compare_membership(
            *(training, synthetic, control, settings.rouge_n, tokenizer),
            *(settings.resamples, 1 - settings.significance_level, settings.seed),
        ),
    }
    results["verdict"] = overall([of["verdict"] for of in (*results["measures"].values(), results["membership"])])
    both = {"synthetic": rows["synthetic_matched"], "control": rows["control"]}
    return Comparison(
        results,
        notes,
        recall_distribution({kind: part["recall"] for kind, part in both.items()}, known),
        length_distribution({kind: part["passage_words"] for kind, part in both.items()}, known),
    )


def _difference(matched: dict[str, Any], control: dict[str, Any]) -> dict[str, dict[str, float | None]]:
    """Synthetic minus control: above zero, synthetic notes lie nearer to training than unseen real ones."""

    def minus(first: float | None, second: float | None) -> float | None:
        return None if first is None or second is None else like(first - second, first, second)

    return {
        part: {name: minus(matched[part][name], control[part][name]) for name in ("mean", "median")}
        for part in ("all", "top")
    }


def _pairs(rows: pd.DataFrame, of_rouge: _Encoded, of_passages: _Encoded, settings: PrivacyParams) -> dict[str, Any]:
    """Looks closer at the nearest pairs of these notes."""
    top = nearest_pairs(rows, settings.top_passages)
    notes, partners = top.index.to_numpy(), top["real_index"].to_numpy()
    runs = longest_common_runs(of_passages.compared.take(notes), of_passages.training.take(partners))
    both = of_rouge.compared.take(notes), of_rouge.training.take(partners)
    return passage_summary(runs, shared_ngrams(*both, of_rouge.training, settings.rouge_n, settings.template_share))


def _overlap(
    encoded: _Encoded, rows: dict[str, pd.DataFrame], n: int, budget: int, work: Path | None
) -> dict[str, Any]:
    """Counts different n-grams of training, synthetic and control notes."""
    of_kind = {kind: part.index for kind, part in rows.items()}
    unmatched = of_kind["synthetic"].difference(of_kind["synthetic_matched"])
    parts = of_kind["synthetic_matched"], unmatched, of_kind["control"]
    counts = count_by_corpora([encoded.training, *map(encoded.compared.take, parts)], n, budget, work)
    real, matched, others, control = (np.arange(len(counts)) >> bit & 1 == 1 for bit in range(4))
    synthetic = matched | others

    def count(held: np.ndarray) -> int:
        return int(counts[held].sum())

    def share(part: np.ndarray, whole: np.ndarray) -> float | None:
        return count(part) / count(whole) if count(whole) else None

    disclosed = {
        "n": setting(n),
        "real_unique": count(real),
        "synthetic_unique": count(synthetic),
        "common": count(real & synthetic),
        "union": count(real | synthetic),
        "jaccard": share(real & synthetic, real | synthetic),
        "synthetic_share": share(real & synthetic, synthetic),
        "synthetic_matched_share": share(real & matched, matched),
        "control_unique": count(control),
        "control_common": count(real & control),
        "control_share": share(real & control, control),
    }
    # Of n-grams, not of notes; how many notes they are from is what counts.
    return over(min(len(encoded.training.lengths), len(rows["synthetic"]), len(rows["control"])), disclosed)


def _measures(
    notes: pd.DataFrame,
    rows: dict[str, pd.DataFrame],
    encoded: _Encoded,
    left_out: int,
    settings: PrivacyParams,
    budget: int,
) -> dict[str, Any]:
    """The verdict of each measure, on the mean over the matched pairs and on the tail of all notes."""
    in_training = count_in_training(encoded.compared, encoded.training, settings.overlap_n, budget)
    measures = {
        "rouge_recall": Measure.mean_of(notes["recall"].to_numpy()),
        "ngram_share": Measure(in_training.astype(np.float64), encoded.compared.totals(settings.overlap_n)),
        "longest_passage": Measure.mean_of(notes["passage_words"].to_numpy()),
    }
    written = len(rows["synthetic"])
    found = {}
    for name, measure in measures.items():
        matched, control = (measure.take(rows[kind].index.to_numpy()) for kind in ("synthetic_matched", "control"))
        ours, theirs = (measure.take(side).of_notes() for side in (slice(written), slice(written, None)))
        beyond = tail(ours, theirs, settings.tail_share, 1 - settings.significance_level, left_out)
        found[name] = judge(
            matched, control, beyond, settings.resamples, 1 - settings.significance_level, settings.seed
        )
    return found
