"""The rules, applied to what git holds, is about to keep, or is about to send; each gives reasons to refuse, or none.

Reasons name file, line and count, and never quote what they found.
"""

import html
import os
import re
import sys
from collections.abc import Iterable
from pathlib import Path, PurePosixPath

from noteguard import NoteguardError, fingerprint, tables
from noteguard.fingerprint import ENOUGH, Fingerprint, normalised
from noteguard.outputs import Output, undeclared_result
from noteguard.repository import Content, answer, common_folder, git, ignored
from noteguard.settings import Settings

OWN_DATA = ("noteguard.ownData", "synthnotes.ownData")  # git's setting, of all working trees, and as it was called once
MOST_IDS = 9  # ten ids of patients, admissions or notes are a list
SHARE_OF_IDS = 0.2  # of a file's words of that length: numbers of eight digits are ids by chance now and then
PICTURES = (b"\x89PNG\r\n", b"\xff\xd8\xff", b"GIF8", b"RIFF", b"\0\0\1\0")
ENDINGS = {
    **dict.fromkeys((".parquet", ".feather", ".arrow"), "a table of data"),
    **dict.fromkeys((".pkl", ".pickle", ".joblib", ".dill"), "a pickle"),
    **dict.fromkeys((".safetensors", ".bin", ".pt", ".pth", ".ckpt", ".gguf", ".onnx", ".h5"), "model weights"),
    **dict.fromkeys((".npy", ".npz"), "NumPy arrays"),
    **dict.fromkeys((".gz", ".bz2", ".xz", ".zst", ".zip", ".7z", ".tar", ".tgz"), "an archive or compressed"),
    **dict.fromkeys((".db", ".sqlite", ".sqlite3"), "a database"),
    **dict.fromkeys((".pdf", ".gpg", ".pgp", ".age"), "compressed or encrypted"),
}
CONTROL = re.compile(r"[\0-\x08\x0e-\x1a]")  # in no text: git looks for NUL alone, which a short archive may lack
ELSEWHERE = re.compile(
    rb"version https://(?:git-lfs|hawser)|# xet version|(?:\.\./)*(?:\.git)?/annex/objects|(?:\.\./)*\.git/annex"
)
ESCAPE = re.compile(r"""\\(?:u([0-9a-fA-F]{4})|x([0-9a-fA-F]{2})|[nrtbfv])|\\?(["'/\\]|&#?\w{1,31};)""")


def known_notes(settings: Settings) -> Fingerprint | None:
    """Gives what a repository's files are to be compared with; None where data are invented, or there are none at all.

    Raises:
        NoteguardError: the repository is set to data of its own, and there is nothing to compare with.
    """
    folder = common_folder(settings.root) / "noteguard" / "fingerprint"  # all working trees of a repository share it
    known = current_fingerprint(settings, folder)
    remember_own_data(settings)
    there = {source.partition(":")[0] for source in known.sources} if known else set()
    unknown, used = settings.notes.keys() - there, settings.value(settings.used) if settings.used else None
    needed = sorted(unknown & set(used) if isinstance(used, list | dict) else unknown)
    missing = [place for place in map(settings.folder, needed) if os.path.lexists(place)]
    if unknown == settings.notes.keys():
        missing = [settings.folder(*settings.notes)]
    mark, key = marked(settings.root), settings.own_data
    if mark is None and key:  # where nobody has said so or otherwise, a file may
        mark = settings.value(key) == key.value
    if missing and mark:
        others = "there are other files' alone, not that of the notes themselves" if known else "there is none"
        raise NoteguardError(
            f"{missing[0]}: the notes are not there, and nothing else to compare with: this repository is set to data "
            f"of its own, and of the fingerprint that `python -m noteguard tracked` makes of them ({folder}) {others}. "
            "Make the notes accessible (mount their disk), or run that in the working tree that has them, and try "
            f"again. If this machine has never held the notes: `git config {OWN_DATA[0]} false`."
        )
    return known


def remember_own_data(settings: Settings) -> None:
    """Leaves a mark in a repository with notes that are not invented: without them, nothing passes any more."""
    notes = settings.files(pattern for patterns in settings.notes.values() for pattern in patterns)
    if not marked(settings.root) and not all(map(settings.is_invented, notes)):
        git("config", OWN_DATA[0], "true", root=settings.root)


def marked(root: Path) -> bool | None:
    """Whether a repository has the mark, or has it no more; None where nobody has said so."""
    values = (answer("config", "--get", "--default", "", name, root=root).strip().lower() for name in OWN_DATA)
    value = next(filter(None, values), None)
    return None if value is None else value in ("true", "yes", "on", "1")


def current_fingerprint(settings: Settings, folder: Path) -> Fingerprint | None:
    """Gives the fingerprint of the notes that are, or were, on this machine; None where there never were any.

    What has changed in a file that is there is made anew. What is known of a file that is not there any more is kept.
    """
    protected, (public, texts) = tables.protected(settings), tables.public(settings)
    changed = fingerprint.stale(folder, tables.state(protected) | public)
    again = protected if changed & set(public) else {name: protected[name] for name in protected if name in changed}
    if again:
        print(f"noteguard: reading {len(again)} file(s) with notes or ids, once …", file=sys.stderr)
        sources = {name: tables.patients(settings, path) for name, path in again.items()}
        fingerprint.build(folder, sources, texts, tables.state(again) | public)
    return fingerprint.load(folder)


def findings(
    settings: Settings, contents: Iterable[Content], known: Fingerprint | None, declared: list[Output] | None = None
) -> list[str]:
    """Gives a line for each reason to refuse a file or message, which begins with its name.

    Results are compared with the pipeline's outputs if these are given.
    """
    contents, root = list(contents), settings.root
    targets = {content: _target(root, content) for content in contents if content.link}
    hidden = ignored(root, {*(content.path for content in contents if content.file), *filter(None, targets.values())})
    found = []
    for content in contents:
        reasons: list[str | None] = []
        if content.file and content.path in hidden:
            reasons.append("git ignores this path, and it was added by force")
        if content.link:
            target = targets[content]
            out = target is None or target in hidden or content.data.startswith(b"/")
            reasons.append("a link out of the repository or into what git ignores" if out else None)
        else:
            refused = kind(content) if content.file else None
            reasons += [refused] if refused or known is None else text(content, known)
        if declared is not None and content.file and settings.outputs:
            reasons.append(undeclared_result(content.path, declared, settings.outputs.results))
        found += [f"{content.name}: {reason}" for reason in reasons if reason]
    return found


def _target(root: Path, link: Content) -> str | None:
    """Where a link points, relative to the repository; None if that is outside of it."""
    real = ((root / link.path).parent / link.data.decode("utf-8", "replace")).resolve()
    return real.relative_to(root.resolve()).as_posix() if real.is_relative_to(root.resolve()) else None


def kind(content: Content) -> str | None:
    """Refuses what is no text and no picture, by its name or its bytes: tables of data, weights, pickles, archives."""
    found = ENDINGS.get(PurePosixPath(content.path).suffix.lower())
    if not found and ELSEWHERE.match(content.data):
        found = "a pointer to a file that lies elsewhere (Git LFS, git-annex)"
    if not found and not content.data.startswith(PICTURES) and CONTROL.search(decoded(content.data)):
        found = "no text, and no picture (data, weights, a pickle, compressed or encrypted)"
    return found and f"{found}; git is for code, parameters and aggregate results"


def text(content: Content, known: Fingerprint) -> list[str]:
    """Refuses text of patients' notes, and lists of ids: in a file as it is, and as it reads without escapes."""
    read = decoded(content.data)
    for plain in map(normalised, dict.fromkeys((read, unescaped(read)))):
        found = []
        covered, place = known.copied(plain)
        ids, alike, first = known.known_ids(plain)
        line, line_of_ids = (plain.count(b"\n", 0, of) + 1 for of in (place, first))
        if covered >= ENOUGH:
            found.append(f"from line {line} on: text of patients' notes (at least {covered} words)")
        if ids > MOST_IDS and ids >= SHARE_OF_IDS * alike:
            found.append(f"line {line_of_ids}: a list of {ids} ids of patients, admissions or notes")
        if found:
            return found
    return []


def decoded(data: bytes) -> str:
    """Text of UTF-8, UTF-16 or, failing these, Latin-1."""
    if data.startswith((b"\xff\xfe", b"\xfe\xff")):
        return data.decode("utf-16", "replace")  # of UTF-32, with NULs between the letters
    try:
        return data.decode("utf-8-sig")
    except UnicodeDecodeError:
        return data.decode("latin-1")


def unescaped(text: str) -> str:
    """A text without the escapes of JSON and of HTML, also where it is quoted twice; lines stay what they are."""

    def meant(match: re.Match[str]) -> str:
        letter = html.unescape(match[3]) if match[3] else chr(int(match[1] or match[2] or "20", 16))
        return " " if letter.isspace() else letter

    for _ in range(3):
        text = ESCAPE.sub(meant, text)
    return text
