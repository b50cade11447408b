"""A coder from a training table to its results: what every experiment with coders runs, and the folder it leaves."""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import pandas as pd
import torch
from safetensors import SafetensorError
from safetensors.torch import load_model, save_model
from transformers import PreTrainedTokenizerBase

from synthnotes.coding import predictions
from synthnotes.coding.collapse import Collapse, baseline_map, measure_collapse
from synthnotes.coding.plm_icd.data import EncodedNotes, encode
from synthnotes.coding.plm_icd.model import (
    PlmIcd,
    at_work,
    encoder_from_config,
    load_encoder,
    load_tokenizer,
    predict,
    require_fit,
)
from synthnotes.coding.plm_icd.training import CURVE, Fit, fit, processes, require_enough
from synthnotes.coding.predictions import CURVE_FILE, DESCRIPTION, Predictions, above
from synthnotes.coding.rates import f1, mean_average_precision
from synthnotes.machinery import tokenizer_checks
from synthnotes.machinery.files import UserError, fingerprint, read_json, replacing, require, write_csv, write_json
from synthnotes.machinery.params import CodingParams

WEIGHTS = "model.safetensors"
COMPARABLE = ("chunk_tokens", "max_words", "attend_to_padding", "join_lines")  # how a coder reads a note
COLLAPSED = (
    "the coder has collapsed: it gives every note about the same answer, and results will hold no verdict about it. "
    "Lower coding.learning_rate or raise coding.warmup_steps in params.yaml"
)


@dataclass(frozen=True)
class Coder:
    """A trained coder with all that is needed to code a note."""

    model: PlmIcd
    tokenizer: PreTrainedTokenizerBase
    codes: list[str]
    threshold: float


@dataclass(frozen=True)
class Experiment:
    """A coder, how its training went, what it predicts for the evaluation notes, and what that owes to these.

    `baseline_map` is the mean average precision, on these notes, of the codes in the order of their frequency in
    training.
    """

    coder: Coder
    fit: Fit
    predictions: Predictions
    collapse: Collapse
    baseline_map: float


def run(
    training: pd.DataFrame,
    evaluation: pd.DataFrame,
    encoder: Path,
    codes: Sequence[str],
    settings: CodingParams,
    seed: int,
    micro_batch: int | None = None,
    work: Path | None = None,
) -> Experiment:
    """Trains a coder, with all processes of the run, and lets it read the evaluation notes, each process by itself.

    Args:
        training: a note table; its folds `train` and `validation` say which notes teach and which choose.
        evaluation: the note table of E.
        encoder: a Hugging Face encoder folder.
        codes: the corpus's code set.
        settings: the section `coding`.
        seed: of weights that no encoder brings, of dropout and of the order of the notes.
        micro_batch: notes that are read at once, at most; None reads a whole batch.
        work: the folder of this very experiment's checkpoints (see `work_name`); None to do without.

    Raises:
        UserError: notes, code set or encoder do not serve, or training diverged.
    """
    tokenizer = load_tokenizer(encoder)
    torch.manual_seed(seed)
    model = at_work(PlmIcd(load_encoder(encoder), len(codes)))
    require_fit(model.encoder, tokenizer, settings.chunk_tokens, encoder)
    known = tokenizer_checks.require_known(tokenizer, evaluation["text"].tolist(), encoder)
    if processes().is_main_process:
        print(f"{encoder}: {known}")
    train, validation, held_out = _encode(training, evaluation, tokenizer, codes, settings)
    found = fit(model, train, validation, settings, seed, micro_batch, work)
    coder = Coder(model, tokenizer, list(codes), found.threshold)
    return _evaluated(coder, found, train, held_out, evaluation, settings, micro_batch)


def run_existing(
    folder: Path,
    training: pd.DataFrame,
    evaluation: pd.DataFrame,
    codes: Sequence[str],
    settings: CodingParams,
    micro_batch: int | None = None,
) -> Experiment:
    """Lets a coder that exists already, with its own encoder and threshold, read the notes as `run` does.

    Its folder is as `save` leaves it; predictions are not needed. The training notes serve for the validation MAP. The
    curve has one row, for epoch 0: the loss of training is not known.

    Raises:
        UserError: the folder is not complete, or the coder has other codes or reads notes in another way.
    """
    coder = load(folder)
    _require_comparable(folder, coder, codes, settings)
    at_work(coder.model)
    print(f"{folder}: {tokenizer_checks.require_known(coder.tokenizer, evaluation['text'].tolist(), folder)}")
    train, validation, held_out = _encode(training, evaluation, coder.tokenizer, codes, settings)
    require_enough(train, validation)
    truth = validation.labels.toarray()
    probabilities = predict(coder.model, validation, settings, micro_batch)
    average_precision = mean_average_precision(truth, probabilities)
    predicted = above(probabilities, coder.threshold)
    micro_f1 = float(f1(truth.sum(), predicted.sum(), (truth & predicted).sum()))
    curve = pd.DataFrame([[0, None, average_precision, micro_f1]], columns=CURVE)
    found = Fit(0, average_precision, coder.threshold, curve)
    return _evaluated(coder, found, train, held_out, evaluation, settings, micro_batch)


def _encode(
    training: pd.DataFrame,
    evaluation: pd.DataFrame,
    tokenizer: PreTrainedTokenizerBase,
    codes: Sequence[str],
    settings: CodingParams,
) -> list[EncodedNotes]:
    """The notes that teach, those that choose, and those that judge."""
    tables = (training[training["fold"] == "train"], training[training["fold"] == "validation"], evaluation)
    return [encode(notes, tokenizer, codes, settings.max_words, settings.join_lines) for notes in tables]


def _evaluated(
    coder: Coder,
    found: Fit,
    train: EncodedNotes,
    held_out: EncodedNotes,
    evaluation: pd.DataFrame,
    settings: CodingParams,
    micro_batch: int | None,
) -> Experiment:
    """Lets a coder read the evaluation notes, and looks whether it reads them."""
    probabilities = predict(coder.model, held_out, settings, micro_batch)
    predicted = Predictions(held_out.note_ids, coder.codes, probabilities, coder.threshold)
    reads = measure_collapse(held_out.labels, probabilities, evaluation["patient_id"].to_numpy())
    return Experiment(coder, found, predicted, reads, baseline_map(held_out.labels, train.labels.sum(axis=0)))


def _require_comparable(folder: Path, coder: Coder, codes: Sequence[str], settings: CodingParams) -> None:
    if coder.codes != list(codes):
        other = set(coder.codes) ^ set(codes)
        which = f"{min(other)} is in one of them only" if other else "their order differs"
        raise UserError(
            f"{folder / DESCRIPTION}: the coder has {len(coder.codes)} codes, the corpus {len(codes)} ({which}). "
            "Take a coder of this code set, or take it out of coding.weights so that one is trained."
        )
    description = read_json(folder / DESCRIPTION)
    for key in COMPARABLE:
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
    decisive = settings.model_dump(exclude={"weights", "real_l_validation"})
    return f"coding-{fingerprint([decisive, seed, list(codes)], encoder, rows=rows)}"


def summary(experiment: Experiment) -> str:
    """The line that a stage prints: how training went, by the notes that chose the epoch, and what the coder reads."""
    found = experiment.fit
    how = f"best epoch {found.best_epoch}" if found.best_epoch else "not trained"
    reads, baseline = experiment.collapse, experiment.baseline_map
    message = f"MAP {reads.map:.3f} on E (baseline {baseline:.3f}), spread over its notes {reads.spread:.3f}"
    return f"{how}, validation MAP {found.validation_map:.3f}, threshold {found.threshold:.2f}; {message}" + (
        f". WARNING: {COLLAPSED}" if reads.collapsed else ""
    )


def save(folder: Path, experiment: Experiment, settings: CodingParams) -> None:
    """Leaves the coder's folder, all of it or nothing: weights, tokenizer, description, curve and predictions."""
    coder, found = experiment.coder, experiment.fit
    description = {
        "threshold": coder.threshold,
        "best_epoch": found.best_epoch,
        "validation_map": found.validation_map,
        **settings.model_dump(include=set(COMPARABLE)),
        "codes": coder.codes,
    }
    with replacing(folder) as temporary:
        temporary.mkdir()
        coder.tokenizer.save_pretrained(temporary)
        coder.model.encoder.config.save_pretrained(temporary)
        save_model(coder.model, str(temporary / WEIGHTS))
        write_json(temporary / DESCRIPTION, description)
        write_csv(temporary / CURVE_FILE, found.curve)
        predictions.save(temporary, experiment.predictions)


def load(folder: Path) -> Coder:
    """Reads a coder back, to code other notes with it.

    Raises:
        UserError: the folder is not one that `save` left, or its weights do not fit its description.
    """
    require(folder / DESCRIPTION, folder / WEIGHTS, folder / "config.json")
    try:
        description = read_json(folder / DESCRIPTION)
        codes, threshold, _ = description["codes"], description["threshold"], [description[key] for key in COMPARABLE]
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
    if not all(bool(weight.isfinite().all()) for weight in model.parameters()):
        raise UserError(f"{folder / WEIGHTS}: the coder's weights hold what is no number. Take another coder.")
    return Coder(model, load_tokenizer(folder), codes, threshold)
