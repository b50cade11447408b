"""A fingerprint of the notes: hashes of some of their 8-word runs, by which copied text is known again.

- Sampling is by winnowing (Schleimer, Wilkerson and Aiken 2003): of any `WINDOW` runs in a row the one with the
  smallest hash is kept, and of every text its smallest. What counts as copied is kept runs that cover `ENOUGH` = 11
  words: `SEEN` = 17 copied words in a row always hold as much, ten never do, which may be two headings in a row.
- Hashes are salted after the sampling: the same notes and the same text give the same verdict, whatever the salt.
- Runs that stand with more than `TEMPLATE` patients say nothing about one of them (headings, advice, standard phrases),
  and those of public texts (titles of codes, the demo kit's phrases) nothing about any: neither is kept. A copied
  passage whose sampled runs are all of these kinds is not seen.
- It is salted and holds no text, but whoever has it and its salt can test guesses. It is patient data.
- A source that is not there when it is made anew (a disk that is not mounted, another working tree of the repository)
  stays in it. To forget one, delete the folder.

Memory stays below some 300 MB whatever the size of the corpora: runs go to files by their highest bits, and each file
is sorted by itself. A search reads what it needs of the sorted file.
"""

import json
import secrets
import shutil
import tempfile
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from synthnotes.guard.words import NONE, RUN, mixed, normalised, runs, words
from synthnotes.machinery.files import UserError, read_json, replacing, write_json

WINDOW = 4
ENOUGH = 11  # words that known runs cover
SEEN = ENOUGH + 2 * (WINDOW - 1)  # words: with fewer, all that is sampled may lie within ENOUGH - 1 words
TEMPLATE = 9  # patients; aggregates of ten are published as well
BLOCK = 4 * 2**20  # characters hashed at a time
SHELVES = 64
SHORTEST_ID = 6  # characters: shorter ones cannot be told from ordinary numbers
KEPT = np.uint64(1)  # the lowest bit of a hash on the shelves: whether it is sampled; all are counted
VERSION = 4  # of this module: what it makes of the same notes
DESCRIPTION = "fingerprint.json"

State = Mapping[str, list[int] | str]  # of files, by path


@dataclass(frozen=True)
class Patient:
    """What belongs to one patient: texts, and ids by which the patient or an admission is known."""

    texts: list[str]
    ids: list[str]


@dataclass(frozen=True)
class Fingerprint:
    """Sorted hashes, read from disk as they are needed.

    Attributes:
        runs: of the notes' runs of words, by source.
        ids: of the ids, by source.
        salt: of both.
        sources: the files that they were made from.
    """

    runs: list[np.ndarray]
    ids: list[np.ndarray]
    salt: int
    sources: list[str]

    def copied(self, content: bytes) -> tuple[int, int]:
        """Counts the words of a normalised text that are covered by runs which a patient's notes hold.

        A run that stands there several times is counted once.

        Returns:
            The number of words, and the place in the text where the first such run begins.
        """
        found = words(content)
        hashes = runs(found)
        salted = _salted(hashes, self.salt)
        known = np.zeros(len(hashes), dtype=bool)
        for of_source in self.runs:
            known |= _among(salted, of_source)
        places = np.flatnonzero(known & (hashes != NONE))
        if not len(places):
            return 0, 0
        first = places[np.unique(hashes[places], return_index=True)[1]]
        covered = np.unique(first[:, None] + np.arange(RUN))
        return len(covered), int(found.start[places[0]])

    def known_ids(self, content: bytes) -> tuple[int, int, int]:
        """Counts a text's words that are ids: how many different ones, among how many of their lengths, first place."""
        found = words(content)
        length = found.end - found.start
        salted = mixed(found.hashes ^ np.uint64(self.salt))
        hits = np.any([_among(salted, ids) for ids in self.ids], axis=0) & (length >= SHORTEST_ID)
        if not hits.any():
            return 0, 0, 0
        alike = np.isin(length, np.unique(length[hits])) & (found.lettered == found.lettered[hits][0])
        different = len(np.unique(found.hashes[hits]))
        return different, len(np.unique(found.hashes[alike])), int(found.start[hits][0])


def build(folder: Path, sources: Mapping[str, Iterable[Patient]], public: Iterable[str], made_from: State) -> None:
    """Makes the fingerprint of some sources, in the place of the one before, of which it keeps all other sources.

    Args:
        folder: where it lies.
        sources: by name, patient by patient; how common a run is, is counted within a source.
        public: texts whose runs are public.
        made_from: what tells later whether it is still that of the files (see `stale`).
    """
    before = _description(folder) or {"salt": str(secrets.randbits(64)), "sources": {}, "made_from": {}}
    salt, kept = int(before["salt"]), {name: n for name, n in before["sources"].items() if name not in sources}
    known = np.unique(np.concatenate([np.zeros(0, dtype=np.uint64), *(_hashes(text, salt) for text in public)]))
    numbers = dict(zip(sources, sorted({*range(len(kept) + len(sources))} - {*kept.values()}), strict=False))
    with replacing(folder) as temporary:
        temporary.mkdir(mode=0o700)
        for number in kept.values():
            for path in _files(folder, number):
                shutil.copyfile(path, temporary / path.name)
        for name, patients in sources.items():
            to_runs, to_ids = _files(temporary, numbers[name])
            ids: set[int] = set()
            with _Shelves(temporary) as shelves:
                for texts, owners, of_block in _blocks(patients):
                    shelves.add(_marked(texts, owners, salt))
                    ids.update(mixed(_words_of_ids(of_block) ^ np.uint64(salt)).tolist())
                shelves.write(to_runs, known)
            np.array(sorted(ids), dtype=np.uint64).tofile(to_ids)
        sizes = {path.name: path.stat().st_size for path in temporary.iterdir()}
        description = {"version": VERSION, "salt": str(salt), "sources": kept | numbers, "sizes": sizes}
        write_json(temporary / DESCRIPTION, {**description, "made_from": before["made_from"] | made_from})
        for file in temporary.iterdir():
            file.chmod(0o600)


def load(folder: Path) -> Fingerprint | None:
    """Opens a fingerprint; None where there is none, or an incomplete one, or one of another version of this module."""
    description = _description(folder)
    if description is None:
        return None
    maps = [[_map(path) for path in _files(folder, number)] for number in description["sources"].values()]
    return Fingerprint(
        [pair[0] for pair in maps], [pair[1] for pair in maps], int(description["salt"]), [*description["sources"]]
    )


def stale(folder: Path, made_from: State) -> set[str]:
    """The names of those files of which the fingerprint is not made, or that have changed since (size, time of change).

    What it holds of other files does not matter.
    """
    made = (_description(folder) or {"made_from": {}})["made_from"]
    return {name for name, state in json.loads(json.dumps(made_from)).items() if made.get(name) != state}


def _description(folder: Path) -> dict[str, Any] | None:
    """What a fingerprint says of itself; None unless it is there, whole, and of this version."""
    try:
        found = read_json(folder / DESCRIPTION)
        whole = found["version"] == VERSION and all(
            (folder / name).stat().st_size == size for name, size in found["sizes"].items()
        )
    except (UserError, KeyError, FileNotFoundError):
        return None
    return found if whole else None


def _files(folder: Path, number: int) -> tuple[Path, Path]:
    """Where the runs and the ids of a source lie."""
    return folder / f"runs-{number}.u64", folder / f"ids-{number}.u64"


def _blocks(patients: Iterable[Patient]) -> Iterator[tuple[list[str], list[int], list[str]]]:
    """Texts with the number of their owner, and ids, a block at a time."""
    texts: list[str] = []
    owners: list[int] = []
    ids: list[str] = []
    size = 0
    for owner, patient in enumerate(patients):
        texts += patient.texts
        owners += [owner] * len(patient.texts)
        ids += patient.ids
        size += sum(map(len, patient.texts)) + sum(map(len, patient.ids))
        if size >= BLOCK:
            yield texts, owners, ids
            texts, owners, ids, size = [], [], [], 0
    yield texts, owners, ids


def _marked(texts: list[str], owners: list[int], salt: int) -> np.ndarray:
    """All runs of some texts, each once per owner, with `KEPT` in those that are sampled."""
    parts = [normalised(text) for text in texts]
    found = words(b"\n".join(parts))
    if not len(found.start):
        return np.zeros(0, dtype=np.uint64)
    ends = np.cumsum([len(part) + 1 for part in parts])
    of_text = np.searchsorted(ends, found.start, side="right")
    hashes = runs(found, of_text)
    if not len(hashes):
        return hashes
    of_run = of_text[: len(hashes)]
    windows = np.lib.stride_tricks.sliding_window_view(np.concatenate([hashes, np.full(WINDOW - 1, NONE)]), WINDOW)
    chosen = np.arange(len(hashes)) + windows.argmin(axis=1)
    order = np.lexsort((hashes, of_run))  # a text of few runs may lie in no window of its own
    smallest = order[np.concatenate([[True], of_run[order][1:] != of_run[order][:-1]])]
    marked = _salted(hashes, salt)
    marked[chosen[chosen < len(hashes)]] |= KEPT
    marked[smallest] |= KEPT
    owner = np.asarray(owners)[of_run]
    order = np.lexsort((marked, owner))
    order = order[hashes[order] != NONE]
    marked, owner = marked[order], owner[order]
    last = np.concatenate([(marked[1:] | KEPT != marked[:-1] | KEPT) | (owner[1:] != owner[:-1]), [True]])
    return marked[last[: len(marked)]]


def _hashes(text: str, salt: int) -> np.ndarray:
    return _salted(runs(words(normalised(text))), salt)


def _salted(hashes: np.ndarray, salt: int) -> np.ndarray:
    """Hashes as they are kept, the lowest bit clear. What is sampled is decided before, so without the salt."""
    return mixed(hashes ^ np.uint64(salt)) & ~KEPT


def _words_of_ids(ids: list[str]) -> np.ndarray:
    """The hash of each id's longest word, of those that are long enough."""
    parts = [normalised(one) for one in dict.fromkeys(ids)]
    found = words(b"\n".join(parts))
    of_id = np.searchsorted(np.cumsum([len(part) + 1 for part in parts]), found.start, side="right")
    length = found.end - found.start
    order = np.lexsort((length, of_id))
    last = order[np.concatenate([of_id[order][1:] != of_id[order][:-1], [True]])] if len(order) else order
    return found.hashes[last[length[last] >= SHORTEST_ID]]


def _among(values: np.ndarray, ordered: np.ndarray) -> np.ndarray:
    """Which values stand in a sorted array."""
    if not len(ordered):
        return np.zeros(len(values), dtype=bool)
    place = np.minimum(np.searchsorted(ordered, values), len(ordered) - 1)
    return np.asarray(ordered[place] == values)


def _map(path: Path) -> np.ndarray:
    if not path.stat().st_size:
        return np.zeros(0, dtype=np.uint64)
    return np.memmap(path, dtype=np.uint64, mode="r")


class _Shelves:
    """Hashes on disk, by their highest bits, until all are there."""

    def __init__(self, folder: Path) -> None:
        self._folder = tempfile.TemporaryDirectory(dir=folder)
        self._files = [Path(self._folder.name, f"{number}").open("w+b") for number in range(SHELVES)]  # noqa: SIM115

    def __enter__(self) -> "_Shelves":
        return self

    def __exit__(self, *_: object) -> None:
        for file in self._files:
            file.close()
        self._folder.cleanup()

    def add(self, hashes: np.ndarray) -> None:
        hashes = np.sort(hashes)
        edges = np.searchsorted(hashes >> np.uint64(58), np.arange(SHELVES + 1, dtype=np.uint64))
        for file, low, high in zip(self._files, edges[:-1], edges[1:], strict=True):
            hashes[low:high].tofile(file)

    def write(self, path: Path, public: np.ndarray) -> None:
        """Writes, in order, what stands with few owners and is not public."""
        with path.open("wb") as target:
            for file in self._files:
                file.seek(0)
                marked = np.sort(np.fromfile(file, dtype=np.uint64))
                if not len(marked):
                    continue
                first = np.flatnonzero(np.concatenate([[True], marked[1:] | KEPT != marked[:-1] | KEPT]))
                owners = np.diff(np.append(first, len(marked)))
                sampled = np.bitwise_or.reduceat(marked, first) & KEPT == KEPT
                values = marked[first[sampled & (owners <= TEMPLATE)]] & ~KEPT
                values[~np.isin(values, public)].tofile(target)
