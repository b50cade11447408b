"""A fingerprint of the notes: hashes of some of their 8-word runs, by which copied text is known again.

- A word is a run of letters and digits, in lower case; everything between words (punctuation, line ends, quotes, the
  underscores of blanks) is the same. So a note is known again however it is wrapped, quoted or cleaned.
- Sampling is by winnowing (Schleimer, Wilkerson and Aiken 2003): of any `WINDOW` runs in a row the one with the
  smallest hash is kept, and of every text its smallest. What counts as copied is kept runs that cover `ENOUGH` = 11
  words: `SEEN` = 17 copied words in a row always hold as much, ten never do, which may be two headings in a row.
- Hashes are salted after the sampling: the same notes and the same text give the same verdict, whatever the salt.
- Runs that stand with more than `TEMPLATE` patients say nothing about one of them (headings, advice, standard phrases),
  and those of public texts nothing about any: neither is kept. A passage whose sampled runs are all of these kinds is
  not seen.
- It holds no text, but whoever has it and its salt can test guesses. It is patient data.
- A source that is not there when it is made anew (a disk that is not mounted, another working tree of the repository)
  stays in it. To forget one, delete the folder.

Memory stays below some 300 MB whatever the size of the corpora: runs go to files by their highest bits, and each file
is sorted by itself. A search reads what it needs of the sorted file.
"""

import fcntl
import json
import re
import secrets
import shutil
import tempfile
import unicodedata
from collections.abc import Iterable, Iterator, Mapping
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np

RUN = 8  # words per hashed run (n-gram)
LETTERED = 4  # of them must hold a letter: rows of numbers are alike everywhere
NONE = np.uint64(2**64 - 1)  # where no run begins; what hashes to it is lost, one in 2^64
WINDOW = 4
ENOUGH = 11  # words that known runs cover
SEEN = ENOUGH + 2 * (WINDOW - 1)  # words: with fewer, all that is sampled may lie within ENOUGH - 1 words
TEMPLATE = 9  # patients; aggregates of ten are published as well
BLOCK = 4 * 2**20  # characters hashed at a time
SHELVES = 64
SHORTEST_ID = 6  # characters: shorter ones cannot be told from ordinary numbers
KEPT = np.uint64(1)  # the lowest bit of a hash on the shelves: whether it is sampled; all are counted
VERSION = 5  # of this module: what it makes of the same notes
DESCRIPTION = "fingerprint.json"

_BYTE_BASE, _WORD_BASE = np.uint64(0x100000001B3), np.uint64(0x9E3779B97F4A7C15)
_WORD = np.array([chr(b).isalnum() or b >= 0x80 for b in range(256)])  # other characters than ASCII: see `normalised`
_LETTER = _WORD & ~np.isin(np.arange(256), list(b"0123456789"))
_LONGEST = 64  # bytes of a word that count
_NOT_A_WORD = re.compile(r"[\W_]+")
_POWERS = np.cumprod(np.append(np.uint64(1), np.full(_LONGEST - 1, _BYTE_BASE)), dtype=np.uint64)  # modulo 2^64

State = dict[str, list[int] | str]  # of files, by name: what changes when they do


class Patient(NamedTuple):
    """What belongs to one patient: texts, and ids by which the patient or an admission is known."""

    texts: list[str]
    ids: list[str]


class Words(NamedTuple):
    """Where each word begins and ends (bytes of a normalised text), its hash (uint64), and whether it has a letter."""

    start: np.ndarray
    end: np.ndarray
    hashes: np.ndarray
    lettered: np.ndarray


def normalised(text: str) -> bytes:
    """Lower case, composed letters, UTF-8; line ends stay, so that a place in it can be told as a line."""
    if not text.isascii():
        text = unicodedata.normalize("NFC", text)
        text = _NOT_A_WORD.sub(lambda match: "\n" * match[0].count("\n") or " ", text)
    return text.lower().encode("utf-8", "replace")


def words(content: bytes) -> Words:
    """Splits a normalised text into words and hashes each."""
    codes = np.frombuffer(content, dtype=np.uint8)
    inside = np.zeros(len(codes) + 2, dtype=np.int8)
    inside[1:-1] = _WORD[codes]
    edges = np.diff(inside)
    start, end = np.flatnonzero(edges == 1), np.flatnonzero(edges == -1)
    if not len(start):
        return Words(start, end, np.zeros(0, dtype=np.uint64), np.zeros(0, dtype=bool))
    places = np.flatnonzero(inside[1:-1])
    letters, offsets = codes[places], places - np.repeat(start, end - start)
    values = np.where(offsets < _LONGEST, (letters.astype(np.uint64) + np.uint64(1)) * _POWERS[offsets % _LONGEST], 0)
    first = np.append(0, np.cumsum(end - start)[:-1])
    hashes = mixed(np.add.reduceat(values.astype(np.uint64), first))
    return Words(start, end, hashes, np.logical_or.reduceat(_LETTER[letters], first))


def runs(found: Words, texts: np.ndarray | None = None) -> np.ndarray:
    """Hashes the `RUN` words from each word on (uint64); `NONE` where they are mostly numbers, or of several texts.

    `texts` tells which text each word belongs to, ascending.
    """
    count = max(0, len(found.hashes) - RUN + 1)
    total, lettered = np.zeros(count, dtype=np.uint64), np.zeros(count, dtype=np.int8)
    for place in range(RUN):
        total = total * _WORD_BASE + found.hashes[place : place + count]
        lettered += found.lettered[place : place + count]
    none = lettered < LETTERED
    if texts is not None and count:
        none |= texts[:count] != texts[RUN - 1 :]
    return np.where(none, NONE, mixed(total))


def mixed(values: np.ndarray) -> np.ndarray:
    """Spreads what differs over all bits (the finaliser of splitmix64)."""
    values = (values ^ (values >> np.uint64(30))) * np.uint64(0xBF58476D1CE4E5B9)
    values = (values ^ (values >> np.uint64(27))) * np.uint64(0x94D049BB133111EB)
    return values ^ (values >> np.uint64(31))


@dataclass(frozen=True)
class Fingerprint:
    """Sorted salted hashes of runs and of ids, one array per named source, read from disk as they are needed."""

    runs: list[np.ndarray]
    ids: list[np.ndarray]
    salt: int
    sources: list[str]

    def copied(self, content: bytes) -> tuple[int, int]:
        """Counts a normalised text's words that known runs cover, each run once; and where the first run begins."""
        found = words(content)
        hashes = runs(found)
        places = np.flatnonzero(_among(_salted(hashes, self.salt), self.runs) & (hashes != NONE))
        if not len(places):
            return 0, 0
        first = places[np.unique(hashes[places], return_index=True)[1]]
        return len(np.unique(first[:, None] + np.arange(RUN))), int(found.start[places[0]])

    def known_ids(self, content: bytes) -> tuple[int, int, int]:
        """Counts a text's words that are ids: how many different ones, among how many of their lengths, first place."""
        found = words(content)
        length = found.end - found.start
        hits = _among(mixed(found.hashes ^ np.uint64(self.salt)), self.ids) & (length >= SHORTEST_ID)
        if not hits.any():
            return 0, 0, 0
        alike = np.isin(length, np.unique(length[hits])) & (found.lettered == found.lettered[hits][0])
        different = len(np.unique(found.hashes[hits]))
        return different, len(np.unique(found.hashes[alike])), int(found.start[hits][0])


def build(folder: Path, sources: Mapping[str, Iterable[Patient]], public: Iterable[str], made_from: State) -> None:
    """Makes the fingerprint of some sources, in the place of the one before, of which it keeps all other sources.

    How common a run is, is counted within a source; those of public texts are left out. `made_from` tells later whether
    it is still that of the files (see `stale`).
    """
    folder.parent.mkdir(parents=True, exist_ok=True)
    temporary = folder.with_name(f"{folder.name}.new")
    with folder.with_name(f"{folder.name}.lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)  # whoever makes it at the same time waits
        shutil.rmtree(temporary, ignore_errors=True)  # of a killed process
        temporary.mkdir(mode=0o700)
        before = _description(folder) or {"salt": str(secrets.randbits(64)), "sources": {}, "made_from": {}}
        salt, kept = int(before["salt"]), {name: n for name, n in before["sources"].items() if name not in sources}
        numbers = dict(zip(sources, sorted({*range(len(kept) + len(sources))} - {*kept.values()}), strict=False))
        for path in (path for number in kept.values() for path in _files(folder, number)):
            shutil.copyfile(path, temporary / path.name)
        texts = (_salted(runs(words(normalised(text))), salt) for text in public)
        known = np.unique(np.concatenate([np.zeros(0, dtype=np.uint64), *texts]))
        for name, patients in sources.items():
            _write(patients, salt, known, *_files(temporary, numbers[name]))
        sizes = {path.name: path.stat().st_size for path in temporary.iterdir()}
        description = {"version": VERSION, "salt": str(salt), "sources": kept | numbers, "sizes": sizes}
        described = json.dumps({**description, "made_from": before["made_from"] | made_from})
        (temporary / DESCRIPTION).write_text(described, encoding="utf-8")
        for file in temporary.iterdir():
            file.chmod(0o600)
        shutil.rmtree(folder, ignore_errors=True)
        temporary.rename(folder)


def load(folder: Path) -> Fingerprint | None:
    """Opens a fingerprint; None where there is none, or an incomplete one, or one of another version of this module."""
    if (found := _description(folder)) is None:
        return None
    maps = [[_map(path) for path in _files(folder, number)] for number in found["sources"].values()]
    return Fingerprint([of[0] for of in maps], [of[1] for of in maps], int(found["salt"]), [*found["sources"]])


def stale(folder: Path, made_from: State) -> set[str]:
    """The names of those files of which the fingerprint is not made, or that have changed since."""
    made = (_description(folder) or {"made_from": {}})["made_from"]
    return {name for name, state in made_from.items() if made.get(name) != state}


def _description(folder: Path) -> dict[str, Any] | None:
    """What a fingerprint says of itself; None unless it is there, whole, and of this version."""
    try:
        found = json.loads((folder / DESCRIPTION).read_bytes())
        sizes = [(folder / name).stat().st_size == size for name, size in found["sizes"].items()]
    except (ValueError, KeyError, TypeError, FileNotFoundError):
        return None
    return found if found["version"] == VERSION and all(sizes) else None


def _files(folder: Path, number: int) -> tuple[Path, Path]:
    """Where the runs and the ids of a source lie."""
    return folder / f"runs-{number}.u64", folder / f"ids-{number}.u64"


def _map(path: Path) -> np.ndarray:
    empty = not path.stat().st_size
    return np.zeros(0, dtype=np.uint64) if empty else np.memmap(path, dtype=np.uint64, mode="r")


def _write(patients: Iterable[Patient], salt: int, public: np.ndarray, to_runs: Path, to_ids: Path) -> None:
    """Writes the sampled runs of a source that stand with few patients and are not public, and its ids, in order."""
    ids: set[int] = set()
    with ExitStack() as opened:
        shelves = [opened.enter_context(tempfile.TemporaryFile(dir=to_runs.parent)) for _ in range(SHELVES)]
        for block in _blocks(patients):
            hashes = np.sort(_marked(block, salt))
            edges = np.searchsorted(hashes >> np.uint64(58), np.arange(SHELVES + 1, dtype=np.uint64))
            for shelf, low, high in zip(shelves, edges[:-1], edges[1:], strict=True):
                hashes[low:high].tofile(shelf)
            ids.update(mixed(_words_of_ids(block) ^ np.uint64(salt)).tolist())
        target = opened.enter_context(to_runs.open("wb"))
        for shelf in shelves:
            shelf.seek(0)
            marked = np.sort(np.fromfile(shelf, dtype=np.uint64))
            if not len(marked):
                continue
            first = np.flatnonzero(np.append(True, marked[1:] | KEPT != marked[:-1] | KEPT))
            owners_of = np.diff(np.append(first, len(marked)))
            sampled = np.bitwise_or.reduceat(marked, first) & KEPT == KEPT
            values = marked[first[sampled & (owners_of <= TEMPLATE)]] & ~KEPT
            values[~np.isin(values, public)].tofile(target)
    np.array(sorted(ids), dtype=np.uint64).tofile(to_ids)


def _blocks(patients: Iterable[Patient]) -> Iterator[list[Patient]]:
    """Patients, a block at a time."""
    block, size = [], 0
    for patient in patients:
        block.append(patient)
        size += sum(map(len, patient.texts + patient.ids))
        if size >= BLOCK:
            yield block
            block, size = [], 0
    yield block


def _marked(block: list[Patient], salt: int) -> np.ndarray:
    """All runs of some patients' texts, each once per patient, with `KEPT` in those that are sampled."""
    found, of_text = _words_of(text for patient in block for text in patient.texts)
    hashes = runs(found, of_text)
    if not len(hashes):
        return hashes
    of_run = of_text[: len(hashes)]
    windows = np.lib.stride_tricks.sliding_window_view(np.append(hashes, np.full(WINDOW - 1, NONE)), WINDOW)
    chosen = np.arange(len(hashes)) + windows.argmin(axis=1)
    order = np.lexsort((hashes, of_run))  # a text of few runs may lie in no window of its own
    smallest = order[np.append(True, of_run[order][1:] != of_run[order][:-1])]
    marked = _salted(hashes, salt)
    marked[np.append(chosen[chosen < len(hashes)], smallest)] |= KEPT
    owner = np.repeat(np.arange(len(block)), [len(patient.texts) for patient in block])[of_run]
    order = np.lexsort((marked, owner))
    order = order[hashes[order] != NONE]
    marked, owner = marked[order], owner[order]
    last = np.append((marked[1:] | KEPT != marked[:-1] | KEPT) | (owner[1:] != owner[:-1]), True)
    return marked[last[: len(marked)]]


def _salted(hashes: np.ndarray, salt: int) -> np.ndarray:
    """Hashes as they are kept, the lowest bit clear. What is sampled is decided before, so without the salt."""
    return mixed(hashes ^ np.uint64(salt)) & ~KEPT


def _words_of(texts: Iterable[str]) -> tuple[Words, np.ndarray]:
    """The words of some texts, and which text each belongs to."""
    parts = [normalised(text) for text in texts]
    found = words(b"\n".join(parts))
    return found, np.searchsorted(np.cumsum([len(part) + 1 for part in parts]), found.start, side="right")


def _words_of_ids(block: list[Patient]) -> np.ndarray:
    """The hash of each id's longest word, of those that are long enough."""
    found, of_id = _words_of(dict.fromkeys(one for patient in block for one in patient.ids))
    length = found.end - found.start
    order = np.lexsort((length, of_id))
    last = order[np.append(of_id[order][1:] != of_id[order][:-1], True)[: len(order)]]
    return found.hashes[last[length[last] >= SHORTEST_ID]]


def _among(values: np.ndarray, sources: list[np.ndarray]) -> np.ndarray:
    """Which values stand in one of some sorted arrays."""
    known = np.zeros(len(values), dtype=bool)
    for ordered in filter(len, sources):
        known |= ordered[np.minimum(np.searchsorted(ordered, values), len(ordered) - 1)] == values
    return known
