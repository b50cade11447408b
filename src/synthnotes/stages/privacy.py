"""Privacy: n-gram overlap of synthetic notes with training notes, against unseen real notes (paper, section 7)."""

from pathlib import Path

from synthnotes import notes, params
from synthnotes.cli import run
from synthnotes.files import replacing, write_csv, write_json
from synthnotes.privacy.control import compare


def main(
    corpus: str, training: Path, synthetic: Path, control: Path, neighbours: Path, results: Path, recall: Path
) -> str:
    """Finds the nearest training note of every synthetic and control note, and the n-grams that the corpora share."""
    settings = params.load("privacy")
    texts = [notes.read(path)["text"].tolist() for path in (training, synthetic, control)]
    comparison = compare(*texts, settings, settings.rouge_tokenizer[corpus])

    with replacing(neighbours) as temporary:
        comparison.neighbours.to_parquet(temporary, index=False, compression="zstd")
    write_csv(recall, comparison.distribution)
    write_json(results, comparison.results)

    summaries = comparison.results["rouge"]["recall"]
    overlap = comparison.results["overlap"]
    return (
        f"{len(texts[1])} synthetic against {len(texts[0])} training notes: "
        f"ROUGE-{settings.rouge_n} recall {summaries['synthetic_matched']['all']['mean']:.3f} "
        f"(control {summaries['control']['all']['mean']:.3f}), "
        f"{settings.overlap_n}-grams in training {_percent(overlap['synthetic_matched_share'])} "
        f"(control {_percent(overlap['control_share'])})"
    )


def _percent(share: float | None) -> str:
    return "none" if share is None else f"{share:.1%}"


if __name__ == "__main__":
    run(main)
