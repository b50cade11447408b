"""What data/ holds and lacks: corpora, models and where each comes from, told without reading more than some notes."""

import zlib
from collections.abc import Callable, Generator, Iterator
from dataclasses import dataclass
from pathlib import Path

import pandas as pd
import pyarrow as pa
import pyarrow.feather as feather

from synthnotes.corpus import releases, sepr, sources, splits
from synthnotes.machinery import tokenizer_checks
from synthnotes.machinery.disclosure import DEMO
from synthnotes.machinery.files import UserError, is_dropping, refuse_linked_folders
from synthnotes.machinery.model_folders import Role, Skeleton, require_positions, skeleton
from synthnotes.machinery.packing import require_architecture
from synthnotes.machinery.params import Params
from synthnotes.preflight.estimates import Architecture

CREDENTIALS = (
    "on PhysioNet: become a credentialed user (identity and CITI course), sign the data use agreement on the page "
)
SEPR_ACCESS = "the Health Bank (Stockholm University), SEPR II, on request"
LLAMA = "Llama-3.1-8B: Hugging Face, meta-llama, after its licence; the model's whole folder"
MODELS: dict[str, dict[Role, str]] = {  # and where they come from
    "mimic": {
        "generator": LLAMA,
        "encoder": "RoBERTa-base-PM-M3-Voc: the archive (its form for Hugging Face) that the README of the code "
        "to its paper (Lewis et al. 2020, bio-lm) names; what lies in its inner folder",
    },
    "sepr": {
        "generator": LLAMA,
        "encoder": "SweDeClin-BERT: the Health Bank (Stockholm University), on request; the model's whole folder",
    },
}
VERSIONS = ("2.2", "3.1")  # of MIMIC-IV, the first and the last that the method is for
TRIED = 300  # notes of a corpus that are read, to see whether the tokenizers know them
COUNTED = 64 * 2**20  # bytes: rows of larger files are not counted, that would take minutes


@dataclass(frozen=True)
class Finding:
    """One line of what is told, and whether the run would fail over it."""

    text: str
    stops: bool = False


def inspect(data: Path, settings: Params) -> Iterator[Finding]:
    """Whether data/ as a whole is what params.yaml says, and all that DVC will hash."""
    theirs = data.is_dir() and any(not is_dropping(path.relative_to(data)) for path in data.iterdir())
    if theirs and (data / DEMO).is_file() != settings.disclosure.demo:
        message = "the demo's data" if not settings.disclosure.demo else "data that the demo kit has not made"
        found = f"{data}: {message}, but disclosure.demo is {str(settings.disclosure.demo).lower()} in params.yaml"
        yield Finding(found, stops=settings.disclosure.demo)  # nothing about few patients would be suppressed
    try:
        refuse_linked_folders(data, data)
    except UserError as error:
        yield Finding(str(error), stops=True)


def inspect_corpus(data: Path, settings: Params, corpus: str) -> Generator[Finding, None, dict[Role, Architecture]]:
    """What there is of a corpus and its models; returns those models that pass."""
    folder, models = data / corpus, {}
    yield from _mimic(folder) if corpus == "mimic" else _sepr(folder)
    yield _found(describe_split, folder / splits.SPLIT_FILE)
    notes = first_notes(folder, corpus)
    for role, source in MODELS[corpus].items():
        path = data / "models" / corpus / role
        try:
            if not path.is_dir():
                raise UserError(f"{path}: missing.")
            found = require_model(path, role, settings, corpus)
            tokenizer = tokenizer_checks.load(path, role, found.rows)
            known = f"; {tokenizer_checks.require_known(tokenizer, notes, path)}" if notes else ""
            if role == "generator" and settings.finetune.packing:
                require_architecture(path)
        except UserError as error:
            yield Finding(f"{error} {source}", stops=True)
        else:
            models[role] = Architecture.of(found.model.config, found.parameters)
            kind = found.model.config.model_type
            yield Finding(f"{path}: {kind}, {found.parameters / 1e6:,.0f} million parameters{known}")
    return models


def require_model(folder: Path, role: Role, settings: Params, corpus: str) -> Skeleton:
    """Gives a model without its values; a `UserError` if files lack or parameters ask it to read too many tokens."""
    found = skeleton(folder, role)
    asked = {"coding.chunk_tokens": settings.coding.chunk_tokens}
    if role == "generator":
        asked = {"finetune.max_length": settings.finetune.max_length}
        asked |= {f"generate.model_length.{corpus}": settings.generate.model_length[corpus]}
    for parameter, tokens in asked.items():
        require_positions(found.model, tokens, parameter, folder)
    return found


def _found(describe: Callable[..., str], path: Path, *columns: list[str]) -> Finding:
    """What a function says of a file, or what is wrong with it."""
    try:
        return Finding(f"{path}: {describe(path, *columns)}")
    except UserError as error:
        return Finding(str(error), stops=True)


def _mimic(folder: Path) -> Iterator[Finding]:
    for product in releases.PRODUCTS:
        access = f'{CREDENTIALS}"{product.page}" and download it into {folder}/'
        all_found = releases.find_releases(folder, product)
        if len(all_found) > 1:
            places = ", ".join(f"{release.label} in {release.root}" for release in all_found)
            yield Finding(f"{folder}: several releases: {places}. Leave one there.", stops=True)
        if not all_found:
            yield Finding(f"{product.title}: missing. Get it {access}", stops=True)
        for release in all_found:
            yield Finding(f"{release.label}, in {release.root}{_supported(release)}")
            yield from (_found(describe_csv, path, product.files[name]) for name, path in release.files.items())
            for name in release.missing:
                yield Finding(f"{release.root / name}.csv.gz: missing. Get it {access}", stops=True)


def _supported(release: releases.Release) -> str:
    """A remark on a version of MIMIC-IV for which the method was not made."""
    if release.product is not releases.MIMIC_IV or release.version is None:
        return ""
    first, version, last = (tuple(map(int, v.split(".")[:2])) for v in (VERSIONS[0], release.version, VERSIONS[1]))
    return "" if first <= version <= last else f"; only {' to '.join(VERSIONS)} have been tried"


def _sepr(folder: Path) -> Iterator[Finding]:
    for name, describe in ((sepr.NOTES, describe_feather), (sepr.DESCRIPTIONS, describe_csv)):
        path = folder / name
        missing = Finding(f"{path}: missing. From {SEPR_ACCESS}", stops=True)
        yield _found(describe, path, sepr.FILES[name]) if path.is_file() else missing


def describe_csv(path: Path, columns: list[str]) -> str:
    """A table's size, and its rows where it is small; raises a `UserError` if its columns are not those expected."""
    sources.check_columns(path, columns)
    small = path.stat().st_size <= COUNTED
    return _size(path) + (f", {len(sources.read_csv(path, columns[:1])):,} rows" if small else "")


def describe_feather(path: Path, columns: list[str]) -> str:
    """As `describe_csv`, of a feather file; its rows are counted by its first column alone."""
    try:
        with pa.memory_map(str(path)) as file:
            names = pa.ipc.open_file(file).schema.names
        rows = feather.read_table(path, columns=names[:1]).num_rows
    except (pa.ArrowException, OSError):  # damaged, empty, or of feather's first version
        names = []
    if sorted(name for name in names if name in columns) != sorted(columns):
        rows = len(sources.read_feather(path, columns))
    return f"{_size(path)}, {rows:,} rows"


def describe_split(path: Path) -> str:
    """The published split, if it is there; raises a `UserError` if its columns are not those expected."""
    if splits.find_split_file(path.parent) is None:
        return "absent (optional); subsets are drawn by patient"
    return f"{len(sources.read_feather(path, ['_id', 'split|splits'])):,} rows; its published subsets are used"


def note_files(folder: Path, corpus: str) -> list[Path]:
    """The files of a corpus's notes; none where they are missing, which is told elsewhere."""
    if corpus == "mimic":
        return [release.files["note/discharge"] for release in releases.find_releases(folder, releases.MIMIC_IV_NOTE)]
    return [path for path in [folder / sepr.NOTES] if path.is_file()]


def first_notes(folder: Path, corpus: str) -> list[str]:
    """Some notes, to try tokenizers on; none where they cannot be read, which is told elsewhere."""
    try:
        path = note_files(folder, corpus)[0]
        if corpus == "mimic":
            texts = pd.read_csv(path, usecols=["text"], nrows=TRIED, dtype=str, keep_default_na=False)["text"].tolist()
        else:
            with pa.memory_map(str(path)) as mapped:
                file = pa.ipc.open_file(mapped)
                batches = map(file.get_batch, range(file.num_record_batches))
                batch = next(batch for batch in batches if batch.num_rows)  # polars writes empty ones, too
                texts = batch.slice(0, TRIED).column(batch.schema.get_field_index("text")).to_pylist()
    except (StopIteration, IndexError, KeyError, ValueError, OSError, EOFError, zlib.error, pa.ArrowException):
        return []
    return [text for text in texts if isinstance(text, str)]


def _size(path: Path) -> str:
    size = path.stat().st_size
    return f"{size / 2**20:,.1f} MiB" if size >= 2**20 else f"{size / 2**10:,.1f} KiB"
