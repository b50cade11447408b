"""The check: rules, fingerprint and outputs, applied to what git holds, is about to keep, or is about to send."""

import os
from collections.abc import Iterable
from pathlib import Path
from typing import Any

from synthnotes.demo import kit
from synthnotes.guard import corpora, fingerprint, outputs, repository, rules
from synthnotes.guard.fingerprint import Fingerprint
from synthnotes.guard.outputs import Output
from synthnotes.guard.repository import Content, ignored
from synthnotes.machinery.files import UserError, read_yaml
from synthnotes.machinery.progress import Bar

OWN_DATA = "synthnotes.ownData"  # git's setting, the same for all working trees: that there are notes to compare with


def known_notes(root: Path, data: Path, tables: Path, folder: Path | None = None) -> Fingerprint | None:
    """Gives what a repository's files are to be compared with; None where it is of the demo, or of no data at all.

    Args:
        root: the repository's working tree.
        data: the folder data/, relative to it.
        tables: the folder of the note tables, relative to it.
        folder: of the fingerprint; without it, a folder of git's own that all working trees of a repository share.

    Raises:
        UserError: the repository is set to data of its own, and there is nothing to compare with.
    """
    folder = root / folder if folder else repository.common_folder(root) / "synthnotes" / "fingerprint"
    known = current_fingerprint(root / data, root / tables, folder)
    remember_own_data(root, data)
    sources = known.sources if known else []
    unknown = [name for name in corpora.NOTES if not any(corpora.holds_notes(source, name) for source in sources)]
    missing = [
        root / data / name for name in unknown if _is_asked_for(root, name) and os.path.lexists(root / data / name)
    ]
    if len(unknown) == len(corpora.NOTES):
        missing = [root / data]
    if missing and _has_own_data(root):
        others = "there are other files' alone, not that of the notes as released" if known else "there is none"
        raise UserError(
            f"{missing[0]}: the notes are not there, and nothing else to compare with: this repository is set to data "
            f"of its own, and of the fingerprint that `make check` makes of them ({folder}) {others}. Make "
            f"{data}/ accessible (mount its disk), or run `make check` in the working tree that has it, and try again. "
            f"If this machine has never held the notes: `git config {OWN_DATA} false`."
        )
    return known


def remember_own_data(root: Path, data: Path) -> None:
    """Leaves a mark in a repository with notes that are not the demo's: without them, nothing passes any more."""
    if repository.is_set(root, OWN_DATA):
        return
    notes = [
        path for path in corpora.released_files(root / data) if any(corpora.holds_notes(path, n) for n in corpora.NOTES)
    ]
    if notes and not set(notes).isdisjoint(kit.foreign_files(root / data)):
        repository.git("config", OWN_DATA, "true", root=root)


def _has_own_data(root: Path) -> bool:
    """Whether the mark is there or, where nobody has said so or otherwise, params.yaml says that it is no demo."""
    marked = repository.is_set(root, OWN_DATA)
    section = _parameters(root).get("disclosure") if marked is None else None
    return bool(marked) or (isinstance(section, dict) and section.get("demo") is False)


def _is_asked_for(root: Path, corpus: str) -> bool:
    """Whether params.yaml has a corpus in its list, or has no list."""
    asked = _parameters(root).get("corpora")
    return corpus in asked if isinstance(asked, list) else True


def _parameters(root: Path) -> dict[str, Any]:
    values = read_yaml(root / "params.yaml") if (root / "params.yaml").is_file() else None
    return values if isinstance(values, dict) else {}


def current_fingerprint(data: Path, tables: Path, folder: Path) -> Fingerprint | None:
    """Gives the fingerprint of the notes that are, or were, on this machine; None where there never were any.

    What has changed in a file that is there is made anew. What is known of a file that is not there any more is kept.
    """
    protected, public = corpora.protected_files(data, tables), corpora.public_state(data)
    changed = fingerprint.stale(folder, corpora.state(protected) | public)
    again = [path for path in protected if str(path.absolute()) in changed or changed & set(public)]
    if again:
        progress = Bar(again, "fingerprint of the notes", unit="file")
        sources = {str(path.absolute()): corpora.patients(path) for path in progress}
        fingerprint.build(folder, sources, corpora.public_texts(data), corpora.state(again) | public)
    return fingerprint.load(folder)


def findings(
    root: Path, contents: Iterable[Content], known: Fingerprint | None, declared: list[Output] | None = None
) -> list[str]:
    """Applies every rule to every content.

    Args:
        root: the repository.
        contents: files and messages.
        known: the fingerprint of the notes; None where there are none.
        declared: the pipeline's outputs, if results are to be compared with them.

    Returns:
        A line for each reason to refuse, which begins with the name of the file or message.
    """
    contents = list(contents)
    paths = {content: content.name.partition(" in commit ")[0] for content in contents if content.file}
    targets = {content: _target(root, paths[content], content) for content in contents if content.link}
    hidden = ignored(root, {*paths.values(), *filter(None, targets.values())})
    found = []
    for content in contents:
        reasons: list[str | None] = []
        if content.file and paths[content] in hidden:
            reasons.append("git ignores this path, and it was added by force")
        if content.link:
            target = targets[content]
            reasons.append(rules.link(content, target is None or target in hidden))
        else:
            refused = rules.kind(content) if content.file else None
            reasons.append(refused)
            if known is not None and refused is None:
                reasons += rules.text(content, known)
        if declared is not None and content.file:
            reasons.append(outputs.undeclared_result(paths[content], declared))
        found += [f"{content.name}: {reason}" for reason in reasons if reason]
    return found


def _target(root: Path, name: str, content: Content) -> str | None:
    """Where a link points, relative to the repository; None if that is outside of it."""
    target = (root / name).parent / content.data.decode("utf-8", "replace")
    real = target.resolve()
    return real.relative_to(root.resolve()).as_posix() if real.is_relative_to(root.resolve()) else None
