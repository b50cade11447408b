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
from synthnotes.machinery.sections import PrivacyParams
from synthnotes.privacy import budget as memory
from synthnotes.privacy.matching import Matched, match, standing_in
from synthnotes.privacy.membership import compare_membership
from synthnotes.privacy.overlap import count_by_holders, ngrams_in_training, unique
from synthnotes.privacy.pairs import longest_common_runs, shared_ngrams
from synthnotes.privacy.passages import longest_passages
from synthnotes.privacy.rouge import search
from synthnotes.privacy.summaries import (
    length_distribution,
    longest_summary,
    nearest_pairs,
    passage_summary,
    recall_distribution,
    recall_summary,
    summarise,
)
from synthnotes.privacy.tokens import Tokenizer
from synthnotes.privacy.verdicts import Measure, judge, overall, tail
from synthnotes.privacy.words import Encoder, Words, join


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


class _Corpora(NamedTuple):
    """Training, synthetic, control and further unseen notes, numbered by one encoder."""

    training: Words
    synthetic: Words
    control: Words
    unseen: Words


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
    of_rouge, of_passages = (
        _Corpora(*(encode(table["text"].tolist()) for table in (training, synthetic, partners, others)))
        for encode in (Encoder(tokenizer), Encoder("white-space"))
    )
    found = search(join(*of_rouge[1:]), of_rouge.training, settings.rouge_n, budget, work)
    longest = longest_passages(join(*of_passages[1:]), of_passages.training, budget, work).add_prefix("passage_")
    notes = pd.concat([found, longest], axis=1)
    kinds = np.repeat(["synthetic", "control", "unseen"], [len(synthetic), len(partners), len(others)])
    notes.insert(0, "kind", kinds)
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
    results = {
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
                "synthetic": _pairs(rows["synthetic"], of_rouge, of_passages, settings),
                "control": _pairs(rows["control"], of_rouge, of_passages, settings, shift=len(synthetic)),
            },
        },
        "longest": {
            kind: longest_summary(
                part[["passage_words", "passage_training_notes"]].rename(columns=lambda c: c.removeprefix("passage_")),
                settings.top_passages,
            )
            for kind, part in rows.items()
        },
        "overlap": _overlap(of_passages, matched, settings.overlap_n, budget, work),
        "measures": _measures(notes, of_passages, matched, known, settings, budget),
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


def _difference(matched: dict[str, Any], control: dict[str, Any]) -> dict[str, dict[str, float]]:
    """Synthetic minus control: above zero, synthetic notes lie nearer to training than unseen real ones."""
    return {
        part: {name: _minus(matched[part][name], control[part][name]) for name in ("mean", "median")}
        for part in ("all", "top")
    }


def _minus(first: float, second: float) -> float | None:
    return like(first - second, first, second)


def _pairs(
    rows: pd.DataFrame, of_rouge: _Corpora, of_passages: _Corpora, settings: PrivacyParams, shift: int = 0
) -> dict[str, Any]:
    """Looks closer at the nearest pairs; the first row stands `shift` notes after the first synthetic note."""
    top = nearest_pairs(rows, settings.top_passages)
    notes, partners = top.index.to_numpy(), top["real_index"].to_numpy()
    by_white_space, by_rule = (join(*corpora[1:]) for corpora in (of_passages, of_rouge))
    runs = longest_common_runs(by_white_space.take(notes), of_passages.training.take(partners))
    shared = shared_ngrams(
        by_rule.take(notes),
        of_rouge.training.take(partners),
        of_rouge.training,
        settings.rouge_n,
        settings.template_share,
    )
    return passage_summary(runs, shared)


def _overlap(corpora: _Corpora, matched: Matched, n: int, budget: int, work: Path | None) -> dict[str, Any]:
    """Counts different n-grams: of training, matched synthetic, other synthetic and control notes."""
    others = np.setdiff1d(np.arange(len(corpora.synthetic.lengths)), matched.synthetic)
    parts = [corpora.synthetic.take(notes) for notes in (matched.synthetic, others)]
    counts = count_by_holders([corpora.training, *parts, corpora.control], n, budget, work)

    def either(*corpora: int) -> int:
        """N-grams of the matched or the other synthetic notes, and of these corpora."""
        return unique(counts, 1, *corpora) + unique(counts, 2, *corpora) - unique(counts, 1, 2, *corpora)

    def share(part: int, whole: int) -> float | None:
        return part / whole if whole else None

    real, synthetic, common = unique(counts, 0), either(), either(0)
    told = {
        "n": setting(n),
        "real_unique": real,
        "synthetic_unique": synthetic,
        "common": common,
        "union": real + synthetic - common,
        "jaccard": share(common, real + synthetic - common),
        "synthetic_share": share(common, synthetic),
        "synthetic_matched_share": share(unique(counts, 0, 1), unique(counts, 1)),
        "control_unique": unique(counts, 3),
        "control_common": unique(counts, 0, 3),
        "control_share": share(unique(counts, 0, 3), unique(counts, 3)),
    }
    # Of n-grams, not of notes; how many notes they are from is what counts.
    return over(min(len(matched.control), *(len(corpus.lengths) for corpus in corpora[:3])), told)


def _measures(
    notes: pd.DataFrame, corpora: _Corpora, matched: Matched, left_out: int, settings: PrivacyParams, budget: int
) -> dict[str, Any]:
    """The verdict of each measure, on the mean over the matched pairs and on the tail of all notes."""
    n, written = settings.overlap_n, len(corpora.synthetic.lengths)
    everything = join(*corpora[1:])
    measures = {
        "rouge_recall": Measure.mean_of(notes["recall"].to_numpy()),
        "ngram_share": Measure(
            ngrams_in_training(everything, corpora.training, n, budget).astype(np.float64), everything.totals(n)
        ),
        "longest_passage": Measure.mean_of(notes["passage_words"].to_numpy()),
    }
    partners = slice(written, written + len(matched.control))
    return {
        name: judge(
            measure.take(matched.synthetic),
            measure.take(partners),
            tail(
                measure.take(slice(written)).of_notes(),
                measure.take(slice(written, None)).of_notes(),
                settings.tail_share,
                1 - settings.significance_level,
                left_out,
            ),
            settings.resamples,
            1 - settings.significance_level,
            settings.seed,
        )
        for name, measure in measures.items()
    }
