"""The demo kit: fills data/ with what a user would bring, and never touches what a user has brought.

`python -m synthnotes.demo --data data --scale demo --seed 1337` (what `make data` calls) writes `data/mimic` (files of
MIMIC-IV and MIMIC-IV-Note), `data/sepr` (the feather file and the titles), `data/models/<corpus>/generator` and
`…/encoder` (tiny base models in Hugging Face's layout), and `data/DEMO.json`, which says what the folder holds: scale,
seed, a fingerprint of the code that made it, and the SHA-256 of every file.

- The same scale and seed give the same corpora, byte for byte, everywhere; the models' weights are the same on the same
  machine, and may differ in their last digits on another processor.
- Scale `demo` takes some five minutes on two cores, of which each of the two languages fills one; `toy` (for the
  pipeline test) half a minute.
- If the folder holds this demo already, nothing happens. A file that the marker does not name, or names with other
  content, is somebody's own (what file managers leave, `.DS_Store`, is nobody's): then nothing is touched and the exit
  code is 1; with `--unless-own-data` that is no error, so that `make repro` serves the demo and real data alike.
"""

import argparse
import hashlib
import shutil
import sys
import tempfile
import time
from concurrent.futures import ProcessPoolExecutor
from multiprocessing import get_context
from pathlib import Path
from typing import Any

from tqdm import tqdm

from synthnotes.demo.clinic import prompts_of
from synthnotes.demo.scale import DEMO, TOY, Scale
from synthnotes.machinery.disclosure import DEMO as MARKER
from synthnotes.machinery.disclosure import UNFINISHED, checksum, demo_marker, foreign_files
from synthnotes.machinery.files import UserError, write_json

SCALES = {"demo": DEMO, "toy": TOY}
CORPORA = ("mimic", "sepr")
FOLDERS = (*CORPORA, "models")


def main() -> None:
    """Parses the command line and makes the demo."""
    parser = argparse.ArgumentParser(prog="python -m synthnotes.demo", description="Makes the demo's data.")
    parser.add_argument("--data", type=Path, default=Path("data"), help="the folder to fill")
    parser.add_argument("--scale", choices=sorted(SCALES), default="demo")
    parser.add_argument("--seed", type=int, default=1337)
    parser.add_argument("--unless-own-data", action="store_true", help="leave a folder with other data as it is")
    options = parser.parse_args()
    started = time.perf_counter()
    try:
        if options.unless_own_data and foreign_files(options.data):
            summary = f"{options.data} holds data of your own, which stay as they are"
        else:
            summary = make(options.data, options.scale, options.seed)
    except UserError as error:
        print(f"demo: error: {error}", file=sys.stderr)
        raise SystemExit(1) from None
    print(f"demo: {summary} ({time.perf_counter() - started:.1f} s)", flush=True)


def make(data: Path, scale: str, seed: int) -> str:
    """Makes the demo in the folder `data`, which need not exist, and says in a line what was done.

    The two languages are made at once by two processes of one thread each, so that the weights do not depend on the
    number of cores. Nothing appears under its final name before all is done.

    Raises:
        UserError: the folder holds something that is not the demo's.
    """
    if foreign := foreign_files(data):
        raise UserError(
            f"{data}: holds {len(foreign)} file(s) that are not the demo's, the first is {foreign[0]}; nothing was "
            "touched. Keep your data and go on without the demo, or name an empty folder with --data."
        )
    wanted, marker = {"scale": scale, "seed": seed, "version": fingerprint()}, demo_marker(data)
    if marker.items() >= wanted.items() and all((data / name).is_file() for name in marker["files"]):
        return f"{data} holds the demo already (scale {scale}, seed {seed})"
    data.mkdir(parents=True, exist_ok=True)
    for leftover in data.glob(f"{UNFINISHED}*"):  # of a killed run
        shutil.rmtree(leftover)
    with tempfile.TemporaryDirectory(prefix=UNFINISHED, dir=data) as name:
        made = Path(name)
        _make_corpora(made, SCALES[scale], seed)
        _replace_demo(data, made, wanted)
    return f"the demo is in {data} (scale {scale}, seed {seed})"


def fingerprint() -> str:
    """Fingerprint of what makes the demo: this package's sources and phrases, and what they take from elsewhere."""
    package = Path(__file__).parent
    cleaning = package.parent / "corpus" / "cleaning.py"
    digest = hashlib.sha256()
    for source in (*sorted(package.glob("[!.]*.py")), *sorted(package.glob("[!.]*.yaml")), cleaning):
        digest.update(source.read_bytes())
    for corpus in CORPORA:
        digest.update("\n".join(prompts_of(corpus)).encode())
    return digest.hexdigest()[:12]


def _make_corpora(folder: Path, scale: Scale, seed: int) -> None:
    """Makes both corpora with their models, each in a process of its own."""
    context = get_context("spawn")
    lock = context.RLock()
    with ProcessPoolExecutor(len(CORPORA), context, initializer=tqdm.set_lock, initargs=(lock,)) as processes:
        for future in [processes.submit(_make_corpus, folder, corpus, scale, seed) for corpus in CORPORA]:
            future.result()


def _make_corpus(folder: Path, corpus: str, scale: Scale, seed: int) -> None:
    """Writes one corpus and pretrains its base models."""
    from synthnotes.demo import mimic, sepr
    from synthnotes.demo.models import write_models

    language = {"mimic": mimic, "sepr": sepr}[corpus]
    language.write(folder / corpus, scale, seed)
    cases = language.sample_pretraining_cases(scale.pretraining_notes, seed)
    write_models(folder / "models" / corpus, corpus, cases, scale, seed, line=CORPORA.index(corpus))


def _replace_demo(data: Path, made: Path, wanted: dict[str, Any]) -> None:
    """Puts a finished demo in the place of the one before.

    The marker comes before the files: whenever this is interrupted, all files in `data` are named by its marker, and
    the next run sees an incomplete demo, not somebody's data.
    """
    hashes = {path.relative_to(made).as_posix(): checksum(path) for path in sorted(made.rglob("*")) if path.is_file()}
    for name in FOLDERS:
        if (data / name).exists():
            shutil.rmtree(data / name)
    write_json(data / MARKER, {**wanted, "files": hashes})
    for name in FOLDERS:
        (made / name).replace(data / name)
