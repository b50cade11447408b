"""Generation: what fine-tuning, merging and sampling came to (paper, section 4)."""

from pathlib import Path

from synthnotes.corpus import notes
from synthnotes.generation.generators import load_tokenizer
from synthnotes.generation.records import encode_records, read_records
from synthnotes.generation.sample_measures import assess, summarise
from synthnotes.generation.sampling import COLUMNS
from synthnotes.machinery import params
from synthnotes.machinery.cli import run
from synthnotes.machinery.disclosure import Table, publish, setting
from synthnotes.machinery.files import read_json, read_parquet
from synthnotes.machinery.language import read_stop_words
from synthnotes.machinery.params import DisclosureParams, FinetuneParams, GenerationParams


def main(
    corpus: str,
    language: str,
    languages: Path,
    log: Path,
    check: Path,
    model: Path,
    records: Path,
    samples: Path,
    real: Path,
    results: Path,
    curve: Path,
) -> str:
    """Describes the training by its log and by the tuned model's loss on notes of S, the merge, and the samples."""
    settings, tuning = params.load("generation", GenerationParams), params.load("finetune", FinetuneParams, corpus)
    disclosure = params.load("disclosure", DisclosureParams)
    from synthnotes.generation import training_measures
    from synthnotes.generation.generators import silence_libraries

    silence_libraries()
    log_of = read_json(log)
    points = training_measures.average_losses(log_of.pop("losses"), settings.curve_steps)
    unseen = read_records(records / "prompts.jsonl")[: settings.validation_records]
    loss = training_measures.mean_loss(
        model, encode_records(load_tokenizer(model), unseen, tuning.max_length), tuning.precision
    )
    tuned = training_measures.describe_training(log_of, points, loss, len(unseen))
    drawn = read_parquet(samples, COLUMNS).to_pandas()
    quality = assess(drawn, notes.read(real)["text"], language, read_stop_words(languages))
    of_samples = summarise(drawn, settings.seed) | {"quality": quality}
    publish(curve, Table(points, labels=["step"], statistics=["loss"], basis=tuned["records"]), disclosure)
    # How far merged and adapted model differ is rounding, whatever the few notes on which they were compared.
    found = {"finetune": tuned, "merge": setting(read_json(check)), "samples": of_samples}
    publish(results, found, disclosure)
    on_unseen = "" if loss is None else f" (on unseen notes {loss:.2f})"
    return (
        f"{corpus}: loss {tuned['first_loss']:.2f} -> {tuned['last_loss']:.2f}{on_unseen}; of {of_samples['samples']} "
        f"samples {of_samples['share_stopped']:.1%} ended by themselves, {of_samples['mean_words']:.0f} words a note"
    )


if __name__ == "__main__":
    run(main)
