"""The demo kit: fills data/ with what a user would bring, and never touches what a user has brought.

`data/DEMO.json` says what the folder holds: scale, seed, a fingerprint of the code that made it, and the SHA-256 of
every file. A file that it does not name, or names with other content, is somebody's own: the kit keeps its hands off.
What file managers leave (`.DS_Store`) is nobody's.

Takes some five minutes on two cores at scale `demo`, of which each of the two languages fills one.
"""

import hashlib
import shutil
import tempfile
from concurrent.futures import ProcessPoolExecutor
from multiprocessing import get_context
from pathlib import Path
from typing import Any

from tqdm import tqdm

from synthnotes.demo import scale as scales
from synthnotes.demo.scale import Scale
from synthnotes.machinery.disclosure import DEMO, UNFINISHED, checksum, demo_marker, foreign_files
from synthnotes.machinery.files import UserError, write_json

SCALES = {"demo": scales.DEMO, "toy": scales.TOY}
CORPORA = ("mimic", "sepr")
FOLDERS = (*CORPORA, "models")


def make(data: Path, scale: str, seed: int) -> str:
    """Makes the demo in `data`: `mimic/`, `sepr/`, `models/<corpus>/{generator,encoder}` and the marker.

    The two languages are made at once by two processes of one thread each, so that the weights do not depend on the
    number of cores. Nothing appears under its final name before all is done.

    Args:
        data: the folder, which need not exist.
        scale: `demo` or `toy`.
        seed: of everything.

    Returns:
        What was done, in one line.

    Raises:
        UserError: the scale does not exist, or the folder holds something that is not the demo's.
    """
    if scale not in SCALES:
        raise UserError(f"--scale {scale}: no such scale. Expected one of {', '.join(SCALES)}.")
    foreign = foreign_files(data)
    if foreign:
        raise UserError(
            f"{data}: holds {len(foreign)} file(s) that are not the demo's, the first is {foreign[0]}; nothing was "
            "touched. Keep your data and go on without the demo, or name an empty folder with --data."
        )
    wanted = {"scale": scale, "seed": seed, "version": version()}
    if is_complete(data, wanted):
        return f"{data} holds the demo already (scale {scale}, seed {seed})"
    data.mkdir(parents=True, exist_ok=True)
    for leftover in data.glob(f"{UNFINISHED}*"):  # of a killed run
        shutil.rmtree(leftover)
    with tempfile.TemporaryDirectory(prefix=UNFINISHED, dir=data) as name:
        grown = Path(name)
        _grow(grown, SCALES[scale], seed)
        _move(grown, data, wanted)
    return f"the demo is in {data} (scale {scale}, seed {seed})"


def is_complete(data: Path, wanted: dict[str, Any]) -> bool:
    """Whether the marker names this demo, and every file that it names is there."""
    marker = demo_marker(data)
    same = all(marker.get(key) == value for key, value in wanted.items())
    return same and bool(marker["files"]) and all((data / name).is_file() for name in marker["files"])


def version() -> str:
    """Fingerprint of what makes the demo: this package's sources and phrases, and what they take from elsewhere."""
    package = Path(__file__).parent
    borrowed = [package.parent / "corpus" / "cleaning.py", package.parent / "generation" / "records.py"]
    digest = hashlib.sha256()
    for source in (*sorted(package.glob("[!.]*.py")), *sorted(package.glob("[!.]*.yaml")), *borrowed):
        digest.update(source.read_bytes())
    return digest.hexdigest()[:12]


def _grow(folder: Path, scale: Scale, seed: int) -> None:
    """Makes both corpora with their models, each in a process of its own."""
    context = get_context("spawn")
    lock = context.RLock()
    with ProcessPoolExecutor(len(CORPORA), context, initializer=tqdm.set_lock, initargs=(lock,)) as processes:
        made = [processes.submit(_make_corpus, folder, corpus, scale, seed) for corpus in CORPORA]
        for future in made:
            future.result()


def _make_corpus(folder: Path, corpus: str, scale: Scale, seed: int) -> None:
    """Writes one corpus and pretrains its base models."""
    from synthnotes.demo import mimic, sepr
    from synthnotes.demo.models import write_models

    language = {"mimic": mimic, "sepr": sepr}[corpus]
    language.write(folder / corpus, scale, seed)
    cases = language.pretraining_cases(scale.pretraining_notes, seed)
    write_models(folder / "models" / corpus, corpus, cases, scale, seed, line=CORPORA.index(corpus))


def _move(grown: Path, data: Path, wanted: dict[str, Any]) -> None:
    """Puts a finished demo in the place of the one before.

    The marker comes before the files: whenever this is interrupted, all files in `data` are named by its marker, and
    the next run sees an incomplete demo, not somebody's data.
    """
    hashes = {path.relative_to(grown).as_posix(): checksum(path) for path in sorted(grown.rglob("*")) if path.is_file()}
    for name in FOLDERS:
        if (data / name).exists():
            shutil.rmtree(data / name)
    write_json(data / DEMO, {**wanted, "files": hashes})
    for name in FOLDERS:
        (grown / name).replace(data / name)
