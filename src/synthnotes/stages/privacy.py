"""Privacy: what synthetic notes share with training notes, against unseen real notes (paper, section 7)."""

from pathlib import Path

import pandas as pd

from synthnotes.corpus import notes
from synthnotes.machinery import params
from synthnotes.machinery.cli import run
from synthnotes.machinery.disclosure import publish
from synthnotes.machinery.files import read_parquet, replacing, write_csv
from synthnotes.machinery.language import read_language
from synthnotes.machinery.params import DisclosureParams, PrivacyParams
from synthnotes.machinery.resources import PrivacyMachine, load_resources
from synthnotes.privacy.comparison import compare
from synthnotes.privacy.passage_text import quote_longest


def main(
    language: Path,
    training: Path,
    synthetic: Path,
    control: Path,
    unseen: Path,
    further: Path,
    work: Path,
    neighbours: Path,
    longest: Path,
    results: Path,
    recall: Path,
    passages: Path,
) -> str:
    """Finds the nearest training notes, shared passages and shared n-grams of synthetic and control notes."""
    settings = params.load("privacy", PrivacyParams)
    learnt, written, others, more = (notes.read(path) for path in (training, synthetic, control, unseen))
    more = pd.concat([more, read_parquet(further, ["note_id", "patient_id", "text"]).to_pandas()], ignore_index=True)
    resources = load_resources("privacy", PrivacyMachine)
    tokenizer = read_language(language).rouge_tokenizer
    comparison = compare(learnt, written, others, more, settings, tokenizer, resources.memory_gib, work)

    with replacing(neighbours) as temporary:
        comparison.notes.to_parquet(temporary, index=False, compression="zstd")
    write_csv(longest, quote_longest(comparison.notes, written, others, learnt, settings.top_passages))
    disclosure = params.load("disclosure", DisclosureParams)
    publish(recall, comparison.recalls, disclosure)
    publish(passages, comparison.lengths, disclosure)
    publish(results, comparison.results, disclosure)

    verdicts = ", ".join(
        f"{name.replace('_', ' ')} {_number(measure['synthetic'])} (control {_number(measure['control'])}): "
        f"{measure['verdict']}"
        for name, measure in comparison.results["measures"].items()
    )
    nearer = comparison.results["membership"]
    return (
        f"{len(written)} synthetic against {len(learnt)} training notes: {verdicts}; "
        f"members nearer by {_number(nearer['difference'])}, p {_number(nearer['p'])}"
    )


def _number(value: float | None) -> str:
    return "none" if value is None else f"{value:.3f}"


if __name__ == "__main__":
    run(main)
