"""A coder from a training table to its results: what every experiment with coders runs, and the folder it leaves."""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pandas as pd
import torch
from safetensors import SafetensorError
from safetensors.torch import load_model, save_model
from transformers import PreTrainedTokenizerBase

from synthnotes.coding import predictions
from synthnotes.coding.metrics import evaluate, mean_average_precision
from synthnotes.coding.plm_icd import baseline
from synthnotes.coding.plm_icd.data import EncodedNotes, encode
from synthnotes.coding.plm_icd.model import PlmIcd, encoder_from_config, load_encoder, load_tokenizer, require_fit
from synthnotes.coding.plm_icd.processes import ALONE, Processes
from synthnotes.coding.plm_icd.reading import predict
from synthnotes.coding.plm_icd.training import CURVE, Fit, fit, require_enough
from synthnotes.coding.predictions import Predictions, above
from synthnotes.machinery.files import UserError, read_json, replacing, require, write_json
from synthnotes.machinery.sections import CodingParams
from synthnotes.machinery.workdir import fingerprint

WEIGHTS = "model.safetensors"
DESCRIPTION = "coder.json"
READING = ("chunk_tokens", "max_words", "attend_to_padding")  # how a coder reads a note


@dataclass(frozen=True)
class Coder:
    """A trained coder with all that is needed to code a note."""

    model: PlmIcd
    tokenizer: PreTrainedTokenizerBase
    codes: list[str]
    threshold: float


@dataclass(frozen=True)
class Experiment:
    """A coder, what it predicts for the evaluation notes, and how well.

    Attributes:
        coder: with the weights of the best epoch.
        predictions: for the evaluation notes.
        results: counts, best epoch, threshold, metrics, and the metrics of the baseline (aggregates only).
        curve: the training curve, one row per epoch.
    """

    coder: Coder
    predictions: Predictions
    results: dict[str, Any]
    curve: pd.DataFrame


def run(
    training: pd.DataFrame,
    evaluation: pd.DataFrame,
    encoder: Path,
    codes: Sequence[str],
    settings: CodingParams,
    seed: int,
    work: Path | None = None,
    processes: Processes = ALONE,
) -> Experiment:
    """Trains a coder and evaluates it.

    Args:
        training: a note table; its folds `train` and `validation` say which notes teach and which choose.
        evaluation: the note table of E.
        encoder: a Hugging Face encoder folder.
        codes: the corpus's code set.
        settings: the section `coding`.
        seed: of weights that no encoder brings, of dropout and of the order of the notes.
        work: the folder of this very experiment's checkpoints (see `work_name`); None to do without.
        processes: those that train together; each evaluates the coder by itself.

    Raises:
        UserError: notes, code set or encoder do not serve, or training diverged.
    """
    tokenizer = load_tokenizer(encoder)
    torch.manual_seed(seed)
    device = torch.device("cuda" if torch.cuda.is_available() else "cpu")
    model = PlmIcd(load_encoder(encoder), len(codes)).to(device)
    require_fit(model.encoder, tokenizer, settings.chunk_tokens, encoder)
    folds = _encode(training, evaluation, tokenizer, codes, settings)
    found = fit(model, folds[0], folds[1], settings, seed, work, processes)
    return _experiment(Coder(model, tokenizer, list(codes), found.threshold), found, folds, settings)


def run_existing(
    folder: Path, training: pd.DataFrame, evaluation: pd.DataFrame, codes: Sequence[str], settings: CodingParams
) -> Experiment:
    """Evaluates a coder that exists already, with its own encoder and threshold, as `run` does one that it trains.

    The curve has one row, for epoch 0: the loss of training is not known.

    Args:
        folder: as `save` leaves it; predictions are not needed.
        training: the note table that the coder learnt from, for counts, validation MAP and baseline.
        evaluation: the note table of E.
        codes: the corpus's code set.
        settings: the section `coding`.

    Raises:
        UserError: the folder is not complete, or the coder has other codes or reads notes in another way.
    """
    coder = load(folder)
    _require_comparable(folder, coder, codes, settings)
    coder.model.to("cuda" if torch.cuda.is_available() else "cpu")
    folds = _encode(training, evaluation, coder.tokenizer, codes, settings)
    require_enough(folds[0], folds[1])
    truth, probabilities = folds[1].labels.toarray(), predict(coder.model, folds[1], settings)
    average_precision = mean_average_precision(truth, probabilities)
    micro_f1 = evaluate(truth, probabilities, above(probabilities, coder.threshold))["micro"]["f1"]
    curve = pd.DataFrame([[0, None, average_precision, micro_f1]], columns=CURVE)
    return _experiment(coder, Fit(0, average_precision, coder.threshold, curve), folds, settings)


def _encode(
    training: pd.DataFrame,
    evaluation: pd.DataFrame,
    tokenizer: PreTrainedTokenizerBase,
    codes: Sequence[str],
    settings: CodingParams,
) -> list[EncodedNotes]:
    """The notes that teach, those that choose, and those that judge."""
    tables = (training[training["fold"] == "train"], training[training["fold"] == "validation"], evaluation)
    return [encode(notes, tokenizer, codes, settings.max_words) for notes in tables]


def _experiment(coder: Coder, found: Fit, folds: list[EncodedNotes], settings: CodingParams) -> Experiment:
    train, validation, held_out = folds
    probabilities = predict(coder.model, held_out, settings)
    predicted = Predictions(held_out.note_ids, coder.codes, probabilities, found.threshold)
    results = _results(train, validation, held_out, found, predicted, settings)
    return Experiment(coder, predicted, results, found.curve)


def _require_comparable(folder: Path, coder: Coder, codes: Sequence[str], settings: CodingParams) -> None:
    if coder.codes != list(codes):
        other = set(coder.codes) ^ set(codes)
        which = f"{min(other)} is in one of them only" if other else "their order differs"
        raise UserError(
            f"{folder / DESCRIPTION}: the coder has {len(coder.codes)} codes, the corpus {len(codes)} ({which}). "
            "Take a coder of this code set, or take it out of coding.weights so that one is trained."
        )
    description = read_json(folder / DESCRIPTION)
    for key in READING:
        if description[key] != getattr(settings, key):
            raise UserError(
                f"{folder / DESCRIPTION}: the coder was trained with {key} {description[key]}, params.yaml says "
                f"coding.{key}: {getattr(settings, key)}. Set it alike, or coders would read the notes differently."
            )
    require_fit(coder.model.encoder, coder.tokenizer, settings.chunk_tokens, folder)


def work_name(training: pd.DataFrame, encoder: Path, codes: Sequence[str], settings: CodingParams, seed: int) -> str:
    """Gives the name of a training's work folder: it changes with everything that the trained weights depend on."""
    columns = (training[name] for name in ("note_id", "text", "fold", "codes"))
    rows = ([*row, sorted(of_note)] for *row, of_note in zip(*columns, strict=True))
    return f"coding-{fingerprint([settings.model_dump(), seed, list(codes)], encoder, rows=rows)}"


def _results(
    train: EncodedNotes,
    validation: EncodedNotes,
    held_out: EncodedNotes,
    found: Fit,
    predicted: Predictions,
    settings: CodingParams,
) -> dict[str, Any]:
    truth = held_out.labels.toarray()
    by_baseline = baseline.predict(train.labels, len(held_out), settings.baseline_codes)
    return (
        {
            "training_notes": len(train),
            "validation_notes": len(validation),
            "evaluation_notes": len(held_out),
            "truncated_notes": train.truncated + validation.truncated + held_out.truncated,
            "codes": len(predicted.codes),
            "codes_in_training": int((train.labels.sum(axis=0) > 0).sum()),
            "codes_in_evaluation": int(truth.any(axis=0).sum()),
            "best_epoch": found.best_epoch,
            "validation_map": found.validation_map,
            "threshold": found.threshold,
        }
        | evaluate(truth, predicted.probabilities, predicted.predicted)
        | {"baseline": evaluate(truth, *by_baseline)}
    )


def summary(results: dict[str, Any]) -> str:
    """The line that a stage prints: how much was learnt from, how well it went, and what the baseline reaches."""
    training = f"best epoch {results['best_epoch']}" if results["best_epoch"] else "evaluated without training"
    return (
        f"{results['training_notes']} training notes, {training}, "
        f"micro-F1 {results['micro']['f1']:.3f} (baseline {results['baseline']['micro']['f1']:.3f}), "
        f"macro-F1 {results['macro']['f1']:.3f}, MAP {results['ranking']['map']:.3f}"
    )


def save(folder: Path, experiment: Experiment, settings: CodingParams) -> None:
    """Leaves the coder's folder: weights, tokenizer, description and predictions, all of it or nothing."""
    coder = experiment.coder
    with replacing(folder) as temporary:
        temporary.mkdir()
        coder.tokenizer.save_pretrained(temporary)
        coder.model.encoder.config.save_pretrained(temporary)
        save_model(coder.model, str(temporary / WEIGHTS))
        reading = settings.model_dump(include=set(READING))
        write_json(temporary / DESCRIPTION, {"threshold": coder.threshold, **reading, "codes": coder.codes})
        predictions.save(temporary, experiment.predictions)


def load(folder: Path) -> Coder:
    """Reads a coder back, to code other notes with it.

    Raises:
        UserError: the folder is not one that `save` left, or its weights do not fit its description.
    """
    require(folder / DESCRIPTION, folder / WEIGHTS, folder / "config.json")
    try:
        description = read_json(folder / DESCRIPTION)
        codes, threshold, _ = description["codes"], description["threshold"], [description[key] for key in READING]
    except (ValueError, KeyError) as error:
        raise UserError(f"{folder / DESCRIPTION}: not a coder's description. Copy or make the folder again.") from error
    model = PlmIcd(encoder_from_config(folder), len(codes))
    try:
        load_model(model, str(folder / WEIGHTS))
    except (RuntimeError, SafetensorError) as error:
        raise UserError(
            f"{folder / WEIGHTS}: the weights do not fit the {len(codes)} codes and the encoder that {DESCRIPTION} and "
            "config.json describe. Delete the folder and run `dvc repro`; if it is not the pipeline's, copy it again."
        ) from error
    return Coder(model, load_tokenizer(folder), codes, threshold)
