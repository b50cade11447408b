"""The check: rules, fingerprint and outputs, applied to what git holds, is about to keep, or is about to send."""

from collections.abc import Iterable
from pathlib import Path

from synthnotes.guard import corpora, fingerprint, outputs, rules
from synthnotes.guard.fingerprint import Fingerprint
from synthnotes.guard.outputs import Output
from synthnotes.guard.repository import Content, ignored
from synthnotes.machinery.progress import Bar


def current_fingerprint(data: Path, tables: Path, folder: Path) -> Fingerprint | None:
    """Gives the fingerprint of the notes on this machine, made anew if they have changed; None where there are none."""
    protected = corpora.protected_files(data, tables)
    if not protected:
        return None
    made_from = corpora.state(protected)
    if not fingerprint.is_current(folder, made_from):
        progress = Bar(protected, "fingerprint of the notes", unit="file")
        sources = {str(path): corpora.patients(path) for path in progress}
        fingerprint.build(folder, sources, corpora.public_texts(data), made_from)
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
