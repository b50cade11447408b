"""What data/ holds and lacks: corpora, models and where each comes from, told without reading more than some notes."""

import zlib
from collections.abc import Callable, Generator, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any, get_args

import pandas as pd
import pyarrow as pa
import pyarrow.feather as feather
import pyarrow.parquet as pq

from synthnotes.corpus import codiesp, releases, sources, splits
from synthnotes.machinery import tokenizer_checks
from synthnotes.machinery.disclosure import DEMO
from synthnotes.machinery.files import UserError, is_dropping, refuse_linked_folders
from synthnotes.machinery.language import read_language
from synthnotes.machinery.model_folders import Role, Skeleton, require_positions, skeleton
from synthnotes.machinery.packing import require_architecture
from synthnotes.machinery.params import CodiespSource, MimicSource, Params, Source, TableSource
from synthnotes.preflight.estimates import Architecture
from synthnotes.questionnaire.survey import read_wording

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


def inspect_corpus(
    data: Path, languages: Path, settings: Params, corpus: str
) -> Generator[Finding, None, dict[Role, Architecture]]:
    """What there is of a corpus and its models; returns those models that pass."""
    folder, models, own = data / corpus, {}, settings.of(corpus)
    declared = settings.corpora[corpus]
    try:
        language = languages / f"{declared.language}.yaml"
        yield Finding(f"{language}: {read_language(language).name}")
        read_wording(language)
    except UserError as error:
        yield Finding(str(error), stops=True)
    yield from INSPECTED[declared.source.reader](folder, declared.source, declared.access)
    yield _found(describe_split, folder / splits.SPLIT_FILE)
    notes = first_notes(folder, declared.source)
    for role in get_args(Role):
        path = data / "models" / corpus / role
        try:
            if not path.is_dir():
                raise UserError(f"{path}: missing.")
            found = require_model(path, role, own)
            tokenizer = tokenizer_checks.load(path, role, found.rows)
            known = f"; {tokenizer_checks.require_known(tokenizer, notes, path)}" if notes else ""
            if role == "generator" and own.finetune.packing:
                require_architecture(path)
        except UserError as error:
            yield Finding(f"{error} {getattr(declared.models, role)}", stops=True)
        else:
            models[role] = Architecture.of(found.model.config, found.parameters)
            kind = found.model.config.model_type
            yield Finding(f"{path}: {kind}, {found.parameters / 1e6:,.0f} million parameters{known}")
    return models


def require_model(folder: Path, role: Role, settings: Params) -> Skeleton:
    """Gives a model without its values; a `UserError` if files lack or parameters ask it to read too many tokens."""
    found = skeleton(folder, role)
    asked = {"coding.chunk_tokens": settings.coding.chunk_tokens}
    if role == "generator":
        asked = {
            "finetune.max_length": settings.finetune.max_length,
            "generate.model_length": settings.generate.model_length,
        }
    for parameter, tokens in asked.items():
        require_positions(found.model, tokens, parameter, folder)
    return found


def _found(describe: Callable[..., str], path: Path, *columns: list[str]) -> Finding:
    """What a function says of a file, or what is wrong with it."""
    try:
        return Finding(f"{path}: {describe(path, *columns)}")
    except UserError as error:
        return Finding(str(error), stops=True)


def _mimic(folder: Path, source: MimicSource, access: str) -> Iterator[Finding]:
    for product in releases.PRODUCTS:
        from_page = f'{access}: "{product.page}", downloaded into {folder}/'
        all_found = releases.find_releases(folder, product)
        if len(all_found) > 1:
            places = ", ".join(f"{release.label} in {release.root}" for release in all_found)
            yield Finding(f"{folder}: several releases: {places}. Leave one there.", stops=True)
        if not all_found:
            yield Finding(f"{product.title}: missing. Get it {from_page}", stops=True)
        for release in all_found:
            yield Finding(f"{release.label}, in {release.root}{_supported(release)}")
            yield from (_found(describe_csv, path, product.files[name]) for name, path in release.files.items())
            for name in release.missing:
                yield Finding(f"{release.root / name}.csv.gz: missing. Get it {from_page}", stops=True)


def _supported(release: releases.Release) -> str:
    """A remark on a version of MIMIC-IV for which the method was not made."""
    if release.product is not releases.MIMIC_IV or release.version is None:
        return ""
    first, version, last = (tuple(map(int, v.split(".")[:2])) for v in (VERSIONS[0], release.version, VERSIONS[1]))
    return "" if first <= version <= last else f"; only {' to '.join(VERSIONS)} have been tried"


def _table(folder: Path, source: TableSource, access: str) -> Iterator[Finding]:
    columns = list(source.columns.model_dump(exclude_none=True).values())
    titles = [source.title_columns.code, source.title_columns.title]
    for name, wanted in ((source.notes, columns), (source.titles, titles)):
        path = folder / name
        missing = Finding(f"{path}: missing. From {access}", stops=True)
        describe = describe_feather if path.suffix in (".feather", ".parquet") else describe_csv
        yield _found(describe, path, wanted) if path.is_file() else missing
    if source.columns.patient_id is None:
        yield Finding(f"{folder / source.notes}: names no patients; every note counts as one of its own")


def _codiesp(folder: Path, source: CodiespSource, access: str) -> Iterator[Finding]:
    try:
        root = codiesp.find_root(folder)
        sizes = {part: len(list(codiesp.read_cases(root, part, source.text))) for part in codiesp.PARTS}
        lists = codiesp.find_lists(folder)
    except UserError as error:
        yield Finding(f"{error} From {access}", stops=True)
        return
    yield Finding(f"{root}: {', '.join(f'{part} {size:,} cases' for part, size in sizes.items())}")
    for kind, path in lists.items():
        without = (
            f"absent: no {kind} has a title"
            if kind == "procedure"
            else "absent: titles are those of ICD-10-CM, in English"
        )
        yield Finding(f"{folder}: {codiesp.TITLES[kind]} {f'is {path}' if path else without}")


INSPECTED: dict[str, Callable[[Path, Any, str], Iterator[Finding]]] = {
    "mimic": _mimic,
    "codiesp": _codiesp,
    "table": _table,
}


def describe_csv(path: Path, columns: list[str]) -> str:
    """A table's size, and its rows where it is small; raises a `UserError` if its columns are not those expected."""
    sources.check_columns(path, columns)
    small = path.stat().st_size <= COUNTED
    return _size(path) + (f", {len(sources.read_csv(path, columns[:1])):,} rows" if small else "")


def describe_feather(path: Path, columns: list[str]) -> str:
    """As `describe_csv`, of a feather or parquet file; its rows are counted by its first column alone."""
    if path.suffix == ".parquet":
        return f"{_size(path)}, {len(sources.read_feather(path, columns)):,} rows"
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


def note_files(folder: Path, source: Source) -> list[Path]:
    """The files of a corpus's notes; none where they are missing, which is told elsewhere."""
    if source.reader == "mimic":
        return [release.files["note/discharge"] for release in releases.find_releases(folder, releases.MIMIC_IV_NOTE)]
    if source.reader == "codiesp":
        return sorted(folder.rglob(f"{codiesp.TEXTS[source.text]}/*.txt"))
    return [path for path in [folder / source.notes] if path.is_file()]


def first_notes(folder: Path, source: Source) -> list[str]:
    """Some notes, to try tokenizers on; none where they cannot be read, which is told elsewhere."""
    column = source.columns.text if source.reader == "table" else "text"
    try:
        path, *others = note_files(folder, source)
        if source.reader == "codiesp":
            texts = [file.read_text(encoding="utf-8") for file in [path, *others][:TRIED]]
        elif path.suffix == ".parquet":
            with pq.ParquetFile(path) as table:
                texts = next(table.iter_batches(TRIED, columns=[column])).column(0).to_pylist()
        elif path.suffix == ".feather":
            with pa.memory_map(str(path)) as mapped:
                file = pa.ipc.open_file(mapped)
                batches = map(file.get_batch, range(file.num_record_batches))
                batch = next(batch for batch in batches if batch.num_rows)  # polars writes empty ones, too
                texts = batch.slice(0, TRIED).column(batch.schema.get_field_index(column)).to_pylist()
        else:
            texts = pd.read_csv(path, usecols=[column], nrows=TRIED, dtype=str, keep_default_na=False)[column].tolist()
    except (StopIteration, IndexError, KeyError, ValueError, OSError, EOFError, zlib.error, pa.ArrowException):
        return []
    return [text for text in texts if isinstance(text, str)]


def _size(path: Path) -> str:
    size = path.stat().st_size
    return f"{size / 2**20:,.1f} MiB" if size >= 2**20 else f"{size / 2**10:,.1f} KiB"
