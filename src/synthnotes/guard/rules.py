"""What may stand in a file or a message that leaves this machine: each rule gives a reason to refuse, or none.

Reasons name file, line and count, and never quote what they found.
"""

import re
from pathlib import PurePosixPath

from synthnotes.guard.fingerprint import ENOUGH, Fingerprint
from synthnotes.guard.repository import Content
from synthnotes.guard.words import normalised
from synthnotes.machinery import kinds

MOST_IDS = 9  # ten ids of patients, admissions or notes are a list
SHARE_OF_IDS = 0.2  # of a file's words of that length: numbers of eight digits are ids by chance now and then
PICTURES = (b"\x89PNG\r\n", b"\xff\xd8\xff", b"GIF8", b"RIFF", b"\0\0\1\0")
UTF_32 = b"\xff\xfe\0\0"  # which begins as UTF-16 does
ENDINGS = {
    **dict.fromkeys((".parquet", ".feather", ".arrow"), "a table of data"),
    **dict.fromkeys((".pkl", ".pickle", ".joblib", ".dill"), "a pickle"),
    **dict.fromkeys((".safetensors", ".bin", ".pt", ".pth", ".ckpt", ".gguf", ".onnx", ".h5"), "model weights"),
    **dict.fromkeys((".npy", ".npz"), "NumPy arrays"),
    **dict.fromkeys((".gz", ".bz2", ".xz", ".zst", ".zip", ".7z", ".tar", ".tgz"), "an archive or compressed"),
    **dict.fromkeys((".db", ".sqlite", ".sqlite3"), "a database"),
}
_PICKLE = re.compile(rb"\x80[\x02-\x05].*\.\Z", re.DOTALL)


def kind(content: Content) -> str | None:
    """Refuses what is no text and no picture: tables of data, weights, pickles, archives."""
    name = PurePosixPath(content.name.partition(" in commit ")[0])
    found = ENDINGS.get(name.suffix.lower())
    found = found or kinds.container(content.data)
    if found is None and _PICKLE.match(content.data):
        found = "a pickle"
    if found is None and content.data[8:10] == b'{"' and b'"data_offsets"' in content.data[:100_000]:
        found = "model weights"
    if found is None and kinds.kind_of(content.data[: kinds.START]) in (kinds.LFS, kinds.ANNEX):
        found = "a pointer to a file that lies elsewhere (Git LFS, git-annex)"
    if (
        found is None
        and b"\0" in content.data[:8000]
        and not content.data.removeprefix(UTF_32).startswith((*PICTURES, b"\xff\xfe", b"\xfe\xff"))
    ):
        found = "no text"
    return found and f"{found}; git is for code, parameters and aggregate results"


def link(content: Content, is_ignored: bool) -> str | None:
    """Refuses links to files that git must not hold, or outside of the repository."""
    target = PurePosixPath(content.data.decode("utf-8", "replace"))
    return "a link out of the repository or into what git ignores" if target.is_absolute() or is_ignored else None


def text(content: Content, fingerprint: Fingerprint) -> list[str]:
    """Refuses text of patients' notes, and lists of ids."""
    plain = normalised(decoded(content.data))
    found = []
    covered, place = fingerprint.copied(plain)
    if covered >= ENOUGH:
        line = plain.count(b"\n", 0, place) + 1
        found.append(f"from line {line} on: text of patients' notes (at least {covered} words)")
    ids, alike, first = fingerprint.known_ids(plain)
    if ids > MOST_IDS and ids >= SHARE_OF_IDS * alike:
        line = plain.count(b"\n", 0, first) + 1
        found.append(f"line {line}: a list of {ids} ids of patients, admissions or notes")
    return found


def decoded(data: bytes) -> str:
    """Text of UTF-8, UTF-16 or, failing these, Latin-1."""
    if data.startswith((b"\xff\xfe", b"\xfe\xff")):
        return data.decode("utf-16", "replace")
    try:
        return data.decode("utf-8-sig")
    except UnicodeDecodeError:
        return data.decode("latin-1")
