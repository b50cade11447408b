"""A fingerprint of the notes: hashes of some of their 8-word runs, by which copied text is known again.

- Sampling is by winnowing (Schleimer, Wilkerson and Aiken 2003): of any `WINDOW` runs in a row the one with the
  smallest hash is kept, and of every text its smallest. So `SEEN` = 17 copied words in a row always hold two kept runs,
  which is what counts as copied: one alone may be chance, two headings that follow each other.
- Runs that stand with more than `TEMPLATE` patients say nothing about one of them (headings, advice, standard phrases),
  and those of public texts (titles of codes, the demo kit's phrases) nothing about any: neither is kept. A copied
  passage whose sampled runs are all of these kinds is not seen.
- It is salted and holds no text, but whoever has it and its salt can test guesses. It is patient data.

Memory stays below some 300 MB whatever the size of the corpora: runs go to files by their highest bits, and each file
is sorted by itself. A search reads what it needs of the sorted file.
"""

import json
import secrets
import tempfile
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from synthnotes.guard.words import NONE, RUN, mixed, normalised, runs, words
from synthnotes.machinery.files import read_json, replacing, write_json

WINDOW = 5
ENOUGH = 2  # kept runs
SEEN = RUN + ENOUGH * WINDOW - 1  # words
TEMPLATE = 9  # patients; aggregates of ten are published as well
BLOCK = 4 * 2**20  # characters hashed at a time
SHELVES = 64
SHORTEST_ID = 6  # characters: shorter ones cannot be told from ordinary numbers
KEPT = np.uint64(1)  # the lowest bit of a hash on the shelves: whether it is sampled; all are counted
VERSION = 3  # of this module: what it makes of the same notes
DESCRIPTION = "fingerprint.json"


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
        ids: of the ids.
        salt: of both.
    """

    runs: list[np.ndarray]
    ids: np.ndarray
    salt: int

    def copied(self, content: bytes) -> tuple[int, int]:
        """Counts the different runs of a normalised text that a patient's notes hold; where the first begins."""
        found = words(content)
        hashes = runs(found, salt=self.salt)
        known = np.zeros(len(hashes), dtype=bool)
        for of_source in self.runs:
            known |= _among(hashes & ~KEPT, of_source)
        places = np.flatnonzero(known & (hashes != NONE))
        return len(np.unique(hashes[places])), int(found.start[places[0]]) if len(places) else 0

    def known_ids(self, content: bytes) -> tuple[int, int, int]:
        """Counts a text's words that are ids: how many different ones, among how many of their lengths, first place."""
        found = words(content)
        length = found.end - found.start
        hits = _among(_id_hashes(found.hashes, self.salt), self.ids) & (length >= SHORTEST_ID)
        if not hits.any():
            return 0, 0, 0
        alike = np.isin(length, np.unique(length[hits])) & (found.lettered == found.lettered[hits][0])
        different = len(np.unique(found.hashes[hits]))
        return different, len(np.unique(found.hashes[alike])), int(found.start[hits][0])


def build(
    folder: Path, sources: Mapping[str, Iterable[Patient]], public: Iterable[str], made_from: dict[str, list[int]]
) -> None:
    """Makes the fingerprint of all sources, in the place of the one before.

    Args:
        folder: where it lies.
        sources: by name, patient by patient; how common a run is, is counted within a source.
        public: texts whose runs are public.
        made_from: what tells later whether it is still that of the files (see `is_current`).
    """
    salt = secrets.randbits(64)
    known = (
        np.unique(np.concatenate([_hashes(text, salt) for text in public] or [np.zeros(0, dtype=np.uint64)])) & ~KEPT
    )
    with replacing(folder) as temporary:
        temporary.mkdir(mode=0o700)
        ids: set[int] = set()
        for number, patients in enumerate(sources.values()):
            with _Shelves(temporary) as shelves:
                for texts, owners, of_block in _blocks(patients):
                    shelves.add(_marked(texts, owners, salt))
                    ids.update(_id_hashes(_words_of_ids(of_block), salt).tolist())
                shelves.write(temporary / f"runs-{number}.u64", known)
        np.array(sorted(ids), dtype=np.uint64).tofile(temporary / "ids.u64")
        description = {"version": VERSION, "salt": str(salt), "sources": list(sources), "made_from": made_from}
        write_json(temporary / DESCRIPTION, description)
        for file in temporary.iterdir():
            file.chmod(0o600)


def load(folder: Path) -> Fingerprint:
    """Opens a fingerprint."""
    description = read_json(folder / DESCRIPTION)
    runs_of = [_map(folder / f"runs-{number}.u64") for number in range(len(description["sources"]))]
    return Fingerprint(runs_of, _map(folder / "ids.u64"), int(description["salt"]))


def is_current(folder: Path, made_from: dict[str, list[int]]) -> bool:
    """Whether there is a fingerprint, and of these very files (names, sizes, times of change)."""
    if not (folder / DESCRIPTION).is_file():
        return False
    made = read_json(folder / DESCRIPTION)
    return made.get("version") == VERSION and made.get("made_from") == json.loads(json.dumps(made_from))


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
    hashes = runs(found, of_text, salt)
    if not len(hashes):
        return hashes
    of_run = of_text[: len(hashes)]
    windows = np.lib.stride_tricks.sliding_window_view(np.concatenate([hashes, np.full(WINDOW - 1, NONE)]), WINDOW)
    chosen = np.arange(len(hashes)) + windows.argmin(axis=1)
    order = np.lexsort((hashes, of_run))  # a text of few runs may lie in no window of its own
    smallest = order[np.concatenate([[True], of_run[order][1:] != of_run[order][:-1]])]
    marked = hashes & ~KEPT
    marked[chosen[chosen < len(hashes)]] |= KEPT
    marked[smallest] |= KEPT
    owner = np.asarray(owners)[of_run]
    order = np.lexsort((marked, owner))
    order = order[hashes[order] != NONE]
    marked, owner = marked[order], owner[order]
    last = np.concatenate([(marked[1:] | KEPT != marked[:-1] | KEPT) | (owner[1:] != owner[:-1]), [True]])
    return marked[last[: len(marked)]]


def _hashes(text: str, salt: int) -> np.ndarray:
    return runs(words(normalised(text)), salt=salt)


def _words_of_ids(ids: list[str]) -> np.ndarray:
    """The hash of each id's longest word, of those that are long enough."""
    parts = [normalised(one) for one in dict.fromkeys(ids)]
    found = words(b"\n".join(parts))
    of_id = np.searchsorted(np.cumsum([len(part) + 1 for part in parts]), found.start, side="right")
    length = found.end - found.start
    order = np.lexsort((length, of_id))
    last = order[np.concatenate([of_id[order][1:] != of_id[order][:-1], [True]])] if len(order) else order
    return found.hashes[last[length[last] >= SHORTEST_ID]]


def _id_hashes(hashes: np.ndarray, salt: int) -> np.ndarray:
    return mixed(hashes ^ np.uint64(salt))


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
