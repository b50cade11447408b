"""Dependencies: which modules decide a stage's bytes. `make deps` writes them into dvc.yaml, a test checks them.

A stage depends on its own module and on what that imports, at whatever remove, but not on the machinery: command line,
messages, isolation, files, disclosure, parameter types, work folders, launching. It decides no byte of a result that is
right, and a word in a docstring of it would otherwise make every stage of days stale. A change there that is meant to
change results is the exception: `dvc repro --force` runs the stages that it concerns.
"""

import ast
import re
import sys
import textwrap
from functools import cache
from pathlib import Path

from ruamel.yaml import YAML

from synthnotes.machinery.files import is_dropping, replacing

SOURCE = Path(__file__).parents[2]
MACHINERY = Path("synthnotes/machinery")
STARTS = (Path("synthnotes"), Path("synthnotes/stages"))  # packages whose own code isolates every process alike
STAGE = re.compile(
    r"python -m synthnotes\.stages\.(?P<stage>\w+) .*?^(?P<indent> *)deps: \[(?P<listed>.*?)\]\n", re.S | re.M
)
WIDTH = 120


@cache
def imports(module: Path) -> frozenset[Path]:
    """The package's own modules that a module names in import statements anywhere in it, relative to src/."""
    found = set()
    for node in ast.walk(ast.parse((SOURCE / module).read_text(encoding="utf-8"))):
        if isinstance(node, ast.Import):
            names = [alias.name for alias in node.names]
        elif isinstance(node, ast.ImportFrom) and node.module:
            names = [node.module, *(f"{node.module}.{alias.name}" for alias in node.names)]
        else:
            continue
        paths = [Path(*name.split(".")) for name in names if name.startswith("synthnotes.")]
        candidates = [path for name in paths for path in (name.with_suffix(".py"), name / "__init__.py")]
        found |= {candidate for candidate in candidates if (SOURCE / candidate).exists() and _decides(candidate)}
    return frozenset(found)


def closure(module: Path) -> set[Path]:
    """All of the package's own modules that a module needs, itself included."""
    known: set[Path] = set()
    waiting = [module]
    while waiting:
        current = waiting.pop()
        if current not in known:
            known.add(current)
            waiting.extend(imports(current))
    return known


def deciding(stage: str) -> list[Path]:
    """What decides a stage's bytes: its module first, then the others, and files beside them that they read by name."""
    own = Path("synthnotes/stages", f"{stage}.py")
    modules = {m for m in closure(own) if MACHINERY not in m.parents}
    read = {path for module in modules for path in _files_named(module)}
    return [own, *sorted((modules | read) - {own})]


def folded(paths: list[Path]) -> list[Path]:
    """The same paths, with a folder in the place of its files where all of them are among the paths."""
    folders = {path.parent for path in paths}
    whole = [folder for folder in folders if _files(folder) <= set(paths)]
    outermost = (next((above for above in reversed(path.parents) if above in whole), path) for path in paths)
    return list(dict.fromkeys(outermost))


@cache
def _files(folder: Path) -> frozenset[Path]:
    files = (path.relative_to(SOURCE) for path in (SOURCE / folder).rglob("*") if path.is_file())
    kept = (path for path in files if "__pycache__" not in path.parts and not is_dropping(path))
    return frozenset(filter(_decides, kept))


def _decides(path: Path) -> bool:
    """Whether it is none of the empty files that make a folder a package, nor what starts every stage alike."""
    return path.name != "__init__.py" or ((SOURCE / path).stat().st_size > 0 and path.parent not in STARTS)


@cache
def _files_named(module: Path) -> frozenset[Path]:
    text = (SOURCE / module).read_text(encoding="utf-8")
    beside = (path for path in (SOURCE / module).parent.iterdir() if path.is_file() and path.suffix != ".py")
    return frozenset(path.relative_to(SOURCE) for path in beside if f'"{path.name}"' in text)


def with_modules(pipeline: str) -> str:
    """Gives the text of dvc.yaml with each stage's list of modules written anew; other dependencies stay."""

    def rewritten(match: re.Match[str]) -> str:
        listed = YAML(typ="safe").load(f"[{match['listed']}]")
        modules = [f"{SOURCE.name}/{path.as_posix()}" for path in folded(deciding(match["stage"]))]
        others = [f'"{path}"' if "$" in path else path for path in listed if Path(path).parts[0] != SOURCE.name]
        indent = match["indent"]
        deps = f"deps: [{', '.join([*modules, *others])}]"
        wrapper = textwrap.TextWrapper(WIDTH, indent, f"{indent}  ", break_long_words=False, break_on_hyphens=False)
        return match[0][: match.start("indent") - match.start()] + wrapper.fill(deps) + "\n"

    return STAGE.sub(rewritten, pipeline)


if __name__ == "__main__":
    file = Path(sys.argv[1])
    text = file.read_text(encoding="utf-8")
    written = with_modules(text)
    if written != text:
        with replacing(file) as temporary:
            temporary.write_text(written, encoding="utf-8")
    print(f"{file}: {'modules written anew' if written != text else 'every stage names its modules'}")
