"""Where DVC's cache lies: asked for before it takes in notes of patients (`make data`).

DVC keeps a copy of all data and outputs in its cache, beside the repository unless told otherwise, where backups and
synchronised folders may find it. The place is kept in .dvc/config.local, which git ignores.
"""

import argparse
import subprocess
import sys
from pathlib import Path

from synthnotes.demo import kit
from synthnotes.guard import checks, repository
from synthnotes.machinery.files import UserError

ADVICE = (
    "{data} holds data of your own. DVC will keep copies of them, and of all that is made from them, in its cache. "
    "Choose a folder for it on an encrypted disk that only you can read, outside of synchronised folders and backups."
)


def choose(root: Path, data: Path, given: str | None) -> str | None:
    """Sees to it that the cache's place has been chosen, if there is anything to hide.

    Args:
        root: the repository.
        data: the folder data/.
        given: the place, if the user has named one (CACHE=…).

    Returns:
        A line that says where the cache is; None where the data are the demo's, or there are none.

    Raises:
        UserError: nothing was named and nobody is there to ask, or the place is one that git would track.
    """
    if not data.exists() or not kit.foreign_files(data):
        return None
    checks.remember_own_data(root, data)
    known = _dvc(root, "config", "--local", "cache.dir", check=False)
    if known and not given:
        return f"DVC's cache: {known} (.dvc/config.local)"
    place = given or _ask(root, data)
    folder = Path(place).expanduser()
    folder = folder if folder.is_absolute() else root / folder
    if folder.resolve().is_relative_to(root.resolve()):
        name = folder.resolve().relative_to(root.resolve()).as_posix()
        if name not in repository.ignored(root, [name]):
            raise UserError(f"{folder}: git would track the cache there. Choose a folder outside of the repository.")
    folder.mkdir(parents=True, exist_ok=True, mode=0o700)
    _dvc(root, "config", "--local", "cache.dir", str(folder.resolve()))
    return f"DVC's cache: {folder.resolve()}, kept in .dvc/config.local"


def _ask(root: Path, data: Path) -> str:
    advice = ADVICE.format(data=data)
    if not sys.stdin.isatty():
        raise UserError(f"{advice} Name it: `CACHE=/folder make data` (CACHE=.dvc/cache leaves it in the repository).")
    return input(f"{advice}\nFolder (empty: {root / '.dvc' / 'cache'}): ").strip() or str(root / ".dvc" / "cache")


def _dvc(root: Path, *words: str, check: bool = True) -> str:
    command = [sys.executable, "-m", "dvc", *words]
    done = subprocess.run(command, cwd=root, capture_output=True, text=True, check=False)
    if check and done.returncode:
        raise UserError(f"dvc {words[0]}: {done.stderr.strip()}")
    return done.stdout.strip()


if __name__ == "__main__":
    parser = argparse.ArgumentParser(prog="python -m synthnotes.guard.cache", description=__doc__)
    parser.add_argument("--data", type=Path, default=Path("data"))
    parser.add_argument("--dir", help="the cache's folder; asked for if it is not given")
    arguments = parser.parse_args()
    try:
        if told := choose(Path.cwd(), arguments.data, arguments.dir):
            print(told)
    except UserError as error:
        sys.exit(f"cache: error: {error}")
