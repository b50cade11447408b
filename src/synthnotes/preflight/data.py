"""What data/ holds and lacks, and whether the machine is large enough: `make check`, before anything long runs."""

import argparse
import gc
import shutil
import sys
import zlib
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import pandas as pd
import pyarrow as pa
import pyarrow.feather as feather

from synthnotes.corpus import machine, mimic, releases, sepr, sources
from synthnotes.corpus.machine import GIB, Model
from synthnotes.machinery import machine as resource_file
from synthnotes.machinery import params, tokenizer_checks
from synthnotes.machinery.disclosure import DEMO
from synthnotes.machinery.files import UserError, is_dropping, refuse_linked_folders
from synthnotes.machinery.machine import Machine
from synthnotes.machinery.model_folders import Role, require_positions, skeleton
from synthnotes.machinery.packing import require_architecture
from synthnotes.machinery.sections import Params

CREDENTIALS = (
    "on PhysioNet: become a credentialed user (identity and CITI course), sign the data use agreement on the page "
)
SEPR_ACCESS = "the Health Bank (Stockholm University), SEPR II, on request"
LLAMA = "Llama-3.1-8B: Hugging Face, meta-llama, after its licence; the model's whole folder"
MODELS = {  # and where they come from
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
ASKED = (
    "machine.yaml asks for them (generate.tensor_parallel times data_parallel, finetune.processes, coding.processes)"
)
VERSIONS = ((2, 2), (3, 1))  # of MIMIC-IV, the first and the last that the method is for
TRIED = 300  # notes of a corpus that are read, to see whether the tokenizers know them
COUNTED = 64 * 2**20  # bytes: rows of larger files are not counted, that would take minutes


@dataclass(frozen=True)
class Finding:
    """One line of the inventory.

    Attributes:
        text: what was found.
        stops: whether the run would fail over it.
    """

    text: str
    stops: bool = False


def main(data: Path, params_file: Path, machine_file: Path) -> int:
    """Validates both parameter files, prints what is there, what is missing and what does not suffice.

    Returns:
        The exit code: 0 if nothing found would make the run fail.
    """
    try:
        settings, resources = params.read(params_file), resource_file.read(machine_file)
        tuning = resources.finetune
        resource_file.steps_of(settings.finetune.batch, tuning.micro_batch, tuning.processes)
    except UserError as error:
        print(f"error: {error}", file=sys.stderr)
        return 1
    print(f"{params_file}, {machine_file}: valid. Corpora to rebuild: {', '.join(settings.corpora)}.")
    findings = []
    for finding in inventory(data, settings, resources):
        print(("! " if finding.stops else "  ") + finding.text, flush=True)
        findings.append(finding)
    wrong = sum(finding.stops for finding in findings)
    if wrong:
        print(f"{wrong} of these would make the run fail. (`make data` fills an empty {data}/ with the demo's data.)")
    return 1 if wrong else 0


def inventory(data: Path, settings: Params, resources: Machine) -> Iterator[Finding]:
    """Everything that can be said of a data folder and the machine without reading more than some notes."""
    theirs = data.is_dir() and any(not is_dropping(path.relative_to(data)) for path in data.iterdir())
    if theirs and (data / DEMO).is_file() != settings.disclosure.demo:
        told = "the demo's data" if not settings.disclosure.demo else "data that the demo kit has not made"
        found = f"{data}: {told}, but disclosure.demo is {str(settings.disclosure.demo).lower()} in params.yaml"
        yield Finding(found, stops=settings.disclosure.demo)  # nothing about few patients would be suppressed
    try:
        refuse_linked_folders(data, data)
    except UserError as error:
        yield Finding(str(error), stops=True)
    models, note_bytes = {}, {}
    for corpus in settings.corpora:
        yield from _mimic(data / corpus) if corpus == "mimic" else _sepr(data / corpus)
        yield _split_file(data / corpus / "splits.feather")
        models[corpus], notes = {}, _some_notes(data / corpus, corpus)
        for role, name in MODELS[corpus].items():
            asked = _lengths(settings, corpus, role)
            packing = role == "generator" and settings.finetune.packing
            model, finding = _model(data / "models" / corpus / role, name, role, asked, notes, packing)
            yield finding
            models[corpus] |= {role: model} if model else {}
        note_bytes[corpus] = _note_bytes(data / corpus, corpus)
    if all(len(of_corpus) == len(MODELS[corpus]) for corpus, of_corpus in models.items()):
        yield from _machine(data, settings, resources, models, note_bytes)
    else:
        yield Finding("disk, memory and GPUs: told once the models are there")


def _mimic(folder: Path) -> Iterator[Finding]:
    columns = {name.removesuffix(".csv.gz"): names for name, names in mimic.FILES.items()}
    for product in releases.PRODUCTS:
        access = f'{CREDENTIALS}"{product.page}" and download it into {folder}/'
        all_found = releases.found(folder, product)
        if len(all_found) > 1:
            places = ", ".join(f"{release.label} in {release.root}" for release in all_found)
            yield Finding(f"{folder}: several releases: {places}. Leave one there.", stops=True)
        if not all_found:
            yield Finding(f"{product.title}: missing. Get it {access}", stops=True)
        for release in all_found:
            yield Finding(f"{release.label}, in {release.root}{_supported(release)}")
            yield from (_csv(path, columns[name]) for name, path in release.files.items())
            for name in release.missing:
                yield Finding(f"{release.root / name}.csv.gz: missing. Get it {access}", stops=True)


def _supported(release: releases.Release) -> str:
    """A remark on a version of MIMIC-IV for which the method was not made."""
    if release.product is not releases.MIMIC_IV or release.version is None:
        return ""
    version = tuple(map(int, release.version.split(".")))[:2]
    first, last = (".".join(map(str, version)) for version in VERSIONS)
    return "" if VERSIONS[0] <= version <= VERSIONS[1] else f"; only {first} to {last} have been tried"


def _sepr(folder: Path) -> Iterator[Finding]:
    notes, titles = folder / sepr.NOTES, folder / sepr.DESCRIPTIONS
    for path in (notes, titles):
        if not path.is_file():
            yield Finding(f"{path}: missing. From {SEPR_ACCESS}", stops=True)
        elif path == titles:
            yield _csv(path, sepr.FILES[sepr.DESCRIPTIONS])
        else:
            yield _feather(path, sepr.FILES[sepr.NOTES])


def _csv(path: Path, columns: list[str]) -> Finding:
    """A table's size, and its rows where it is small; whether its columns are those expected."""
    try:
        sources.check_columns(path, columns)
        small = path.stat().st_size <= COUNTED
        rows = f", {len(sources.read_csv(path, columns[:1])):,} rows" if small else ""
    except UserError as error:
        return Finding(str(error), stops=True)
    return Finding(f"{path}: {_size(path)}{rows}")


def _feather(path: Path, columns: list[str]) -> Finding:
    """A feather file's size and rows, by its first column alone; whether its columns are those expected."""
    try:
        with pa.memory_map(str(path)) as file:
            names = pa.ipc.open_file(file).schema.names
        rows = feather.read_table(path, columns=names[:1]).num_rows
    except (pa.ArrowException, OSError):  # damaged, empty, or of feather's first version
        names = []
    try:
        if sorted(name for name in names if name in columns) != sorted(columns):
            rows = len(sources.read_feather(path, columns))
    except UserError as error:
        return Finding(str(error), stops=True)
    return Finding(f"{path}: {_size(path)}, {rows:,} rows")


def _split_file(path: Path) -> Finding:
    if not path.is_file():
        return Finding(f"{path}: absent (optional); subsets are drawn by patient")
    try:
        rows = len(sources.read_feather(path, ["_id", "split|splits"]))
    except UserError as error:
        return Finding(str(error), stops=True)
    return Finding(f"{path}: {rows:,} rows; its published subsets are used")


def _lengths(settings: Params, corpus: str, role: Role) -> dict[str, int]:
    """The parameters that ask a model to read so many tokens at once."""
    if role == "encoder":
        return {"coding.chunk_tokens": settings.coding.chunk_tokens}
    sampled = settings.generate.model_length[corpus]
    return {"finetune.max_length": settings.finetune.max_length, f"generate.model_length.{corpus}": sampled}


def _model(
    folder: Path, name: str, role: Role, asked: dict[str, int], notes: list[str], packing: bool
) -> tuple[Model | None, Finding]:
    """All that the stages check of a model when they load it."""
    if not folder.is_dir():
        return None, Finding(f"{folder}: missing. {name}", stops=True)
    try:
        found = skeleton(folder, role)
        for parameter, tokens in asked.items():
            require_positions(found.model, tokens, parameter, folder)
        tokenizer = tokenizer_checks.load(folder, role, found.rows)
        known = f"; {tokenizer_checks.require_known(tokenizer, notes, folder)}" if notes else ""
        if packing:
            require_architecture(folder)
    except UserError as error:
        return None, Finding(f"{error} {name}", stops=True)
    model = machine.model_of(found)
    kind = model.config["model_type"]
    return model, Finding(f"{folder}: {kind}, {model.parameters / 1e6:,.0f} million parameters{known}")


def _some_notes(folder: Path, corpus: str) -> list[str]:
    """The first notes, to try tokenizers on; none where they cannot be read, which is told elsewhere."""
    try:
        if corpus == "mimic":
            path = releases.found(folder, releases.MIMIC_IV_NOTE)[0].files["note/discharge"]
            texts = pd.read_csv(path, usecols=["text"], nrows=TRIED, dtype=str, keep_default_na=False)["text"].tolist()
        else:
            with pa.memory_map(str(folder / sepr.NOTES)) as file:
                batches = map(pa.ipc.open_file(file).get_batch, range(pa.ipc.open_file(file).num_record_batches))
                batch = next(batch for batch in batches if batch.num_rows)  # polars writes empty ones, too
                texts = batch.slice(0, TRIED).column(batch.schema.get_field_index("text")).to_pylist()
    except (StopIteration, IndexError, KeyError, ValueError, OSError, EOFError, zlib.error, pa.ArrowException):
        return []
    return [text for text in texts if isinstance(text, str)]


def _note_bytes(folder: Path, corpus: str) -> int:
    """The size of a corpus's notes as they lie on disk; 0 where they are missing, which is told elsewhere."""
    if corpus == "mimic":
        paths = [r.files["note/discharge"] for r in releases.found(folder, releases.MIMIC_IV_NOTE)]
    else:
        paths = [folder / sepr.NOTES]
    return sum(path.stat().st_size for path in paths if path.is_file())


def _machine(
    data: Path,
    settings: Params,
    resources: Machine,
    models: dict[str, dict[str, Model]],
    note_bytes: dict[str, int],
) -> Iterator[Finding]:
    """Disk, memory and GPUs against the estimates of `machine.needs`."""
    cards = machine.gpus()
    needs = machine.needs(settings, resources, models, note_bytes, machine.size_of(data), bool(cards))
    yield from _disks(data, needs.disk)
    memory = machine.memory()
    if memory is None:
        yield Finding(f"memory: not told by this system; needs about {_gib(needs.memory)}")
    else:
        yield Finding(f"memory: {_gib(memory)}; needs about {_gib(needs.memory)}", stops=memory < needs.memory)
    yield _gpus(cards, needs, max(of_corpus["generator"].parameters for of_corpus in models.values()))


def _disks(data: Path, needed: int) -> Iterator[Finding]:
    """The disk of the project, and that of DVC's cache where it is another: it takes a copy of data/ and of build/."""
    project = data.absolute().parent
    build, cache = project / "build", machine.cache_of(project)
    built = (needed - machine.size_of(data)) // 2
    disks: dict[int, list[tuple[Path, Path, int]]] = {}
    for folder, takes in ((build, built), (cache, needed - built)):
        there = next(above for above in (folder, *folder.parents) if above.exists())
        disks.setdefault(there.stat().st_dev, []).append((folder, there, takes))
    for parts in disks.values():
        folder, there, _ = parts[0]
        held, needs = sum(machine.size_of(part) for part, _, _ in parts), sum(takes for _, _, takes in parts)
        free = shutil.disk_usage(there).free
        told = f"{_gib(free)} free, {_gib(held)} in use by earlier runs; needs about {_gib(needs)}"
        yield Finding(f"disk{f' of {folder}' * (len(disks) > 1)}: {told}", stops=free + held < needs)


def _gpus(cards: list[int | None], needs: machine.Needs, parameters: int) -> Finding:
    if not cards:
        if needs.gpus > 1:
            return Finding(f"GPUs: none; {needs.gpus} are needed, {ASKED}", stops=True)
        if parameters > machine.WITHOUT_GPU:
            return Finding(f"GPUs: none; one of {_gib(needs.gpu_memory)} is needed for a generator this large", True)
        return Finding("GPUs: none; the generator is small enough to go without")
    smallest = min((size for size in cards if size is not None), default=None)
    of = "a size that nvidia-smi does not tell" if smallest is None else _gib(smallest)
    told = f"GPUs: {len(cards)}, of {of}; {needs.gpus} needed, with about {_gib(needs.gpu_memory)} each"
    told += f"; {ASKED}" if len(cards) < needs.gpus else ""
    return Finding(told, stops=len(cards) < needs.gpus or (smallest is not None and smallest < needs.gpu_memory))


def _size(path: Path) -> str:
    size = path.stat().st_size
    return f"{size / 2**20:,.1f} MiB" if size >= 2**20 else f"{size / 2**10:,.1f} KiB"


def _gib(size: int) -> str:
    return f"{size / GIB:,.1f} GiB"


if __name__ == "__main__":
    # Most of the check's time is that of imports. Transformers would import two packages for sampling and images, which
    # are not looked at; and what is imported stays.
    sys.modules["sklearn"] = sys.modules["scipy"] = None  # type: ignore[assignment]
    gc.disable()
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--data", type=Path, default=Path("data"))
    parser.add_argument("--params-file", type=Path, default=Path("params.yaml"))
    parser.add_argument("--machine-file", type=Path, default=Path("machine.yaml"))
    arguments = parser.parse_args()
    raise SystemExit(main(arguments.data, arguments.params_file, arguments.machine_file))
