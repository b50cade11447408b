"""What a project says of its notes: the table `[tool.noteguard]` in pyproject.toml.

    [tool.noteguard]
    notes = {clinic = "data/clinic/**/notes.csv*"}  # the files with the text, by a name of each source
    ids_only = ["data/clinic/admissions.csv"]       # files of which the ids alone are known again
    derived = ["build/*.parquet"]                   # what was made of the notes, and holds their text
    columns = {text = ["text"], ids = ["note_id", "patient_id"], owner = ["patient_id"]}
    public = {"data/titles.csv" = "title", "docs/*.md" = ""}  # what anybody may print: a column, or ("") a whole text
    invented = "data/DEMO.json"   # its `files` give the SHA-256, by path in its folder, of data that are nobody's
    own_data = {file = "params.yaml", key = "demo", value = false}  # says that the data are not those
    used = {file = "params.yaml", key = "sources"}  # a list or mapping of the sources that are needed, if not all
    outputs = {file = "dvc.yaml", results = ["results"]}  # of DVC, and the folders of which git holds the results

`notes` and `columns.text` must be there. Paths are patterns, relative to the repository: `**` stands for any folders.
What is hidden and what file managers leave is matched by no wildcard. Tables are .csv, .csv.gz, .feather or .parquet.
"""

import glob
import hashlib
import json
import os
import re
import tomllib
from collections.abc import Iterable
from pathlib import Path, PurePosixPath
from typing import Annotated, Any

import yaml
from pydantic import AfterValidator, BaseModel, BeforeValidator, ConfigDict, Field, ValidationError

from noteguard import NoteguardError
from noteguard.repository import git

FILE = "pyproject.toml"
LEFT = re.compile(  # by file managers and editors, beside what is hidden
    r"(?:^|/)(?:__MACOSX|(?:eh)?[Tt]humbs\.db|[Dd]esktop\.ini|\$RECYCLE\.BIN|System Volume Information|lost\+found"
    r"|@eaDir|~\$[^/]*|[^/]*~)(?:/|$)"
)


def _within(path: str) -> str:
    if not path or PurePosixPath(path).is_absolute() or ".." in PurePosixPath(path).parts:
        raise ValueError("expected a path within the repository")
    return path


Pattern = Annotated[str, AfterValidator(_within)]
Patterns = Annotated[list[Pattern], BeforeValidator(lambda value: [value] if isinstance(value, str) else value)]
Names = Annotated[list[str], Field(min_length=1)]


class _Table(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True, strict=True)


class Columns(_Table):
    """Names of columns, of which a file need not have all; the first `owner` that it has tells patients apart."""

    text: Names
    ids: list[str] = []
    owner: list[str] = []


class Key(_Table):
    """A key of a YAML file, its parts joined by dots."""

    file: Pattern
    key: str


class KeyValue(Key):
    """A value of such a key."""

    value: bool | int | str


class Outputs(_Table):
    """Where DVC's outputs are declared, and in which folders git may hold nothing else."""

    file: Pattern
    results: Patterns = []


class Settings(_Table):
    """The table, of which the module tells; `root` is the repository's working tree."""

    root: Path
    notes: Annotated[
        dict[Annotated[str, Field(pattern=r"^[\w.-]+$")], Annotated[Patterns, Field(min_length=1)]], Field(min_length=1)
    ]
    columns: Columns
    ids_only: Patterns = []
    derived: Patterns = []
    public: dict[Pattern, str] = {}
    invented: Pattern | None = None
    own_data: KeyValue | None = None
    used: Key | None = None
    outputs: Outputs | None = None

    def files(self, patterns: Iterable[str]) -> list[Path]:
        """The files that patterns match."""
        names = {name for of in patterns for name in glob.glob(of, root_dir=self.root, recursive=True)}  # noqa: PTH207
        return [path for name in sorted(names) if not LEFT.search(name) and (path := self.root / name).is_file()]

    def folder(self, *sources: str) -> Path:
        """The folder in which all notes of some sources lie."""
        beginnings = (re.split(r"[^/]*[*?\[]", pattern)[0] for source in sources for pattern in self.notes[source])
        folders = [b.rstrip("/") if b.endswith("/") else str(PurePosixPath(b).parent) for b in beginnings]
        return self.root / os.path.commonpath(folders)

    def is_invented(self, path: Path) -> bool:
        """Whether a file is named by the manifest of invented data, with the content that it has there."""
        manifest = self.root / (self.invented or "")
        if path == manifest or not manifest.is_file() or not path.is_relative_to(manifest.parent):
            return path == manifest
        try:
            checksum = json.loads(manifest.read_bytes())["files"].get(path.relative_to(manifest.parent).as_posix())
        except (ValueError, KeyError, TypeError, AttributeError, RecursionError):
            raise NoteguardError(f"{manifest}: expected JSON with SHA-256 by path in `files`. Make it again.") from None
        with path.open("rb") as file:
            return checksum == hashlib.file_digest(file, "sha256").hexdigest()

    def value(self, key: Key) -> Any:
        """The value of a key; None where it or its file is not there."""
        value = read_yaml(self.root / key.file) if (self.root / key.file).is_file() else None
        for part in key.key.split("."):
            value = value.get(part) if isinstance(value, dict) else None
        return value


def load(root: Path) -> Settings:
    """Reads the table of a repository, in its working tree or, where there is none, in its last commit."""
    path = root / FILE
    try:
        text = path.read_bytes() if path.is_file() else git("show", f"HEAD:{FILE}", root=root, most=128)
        table = tomllib.loads(text.decode()).get("tool", {})["noteguard"]
        return Settings(**{**table, "root": root})
    except (ValueError, KeyError, TypeError, AttributeError) as error:
        wrong = "there is no table [tool.noteguard], which says which files hold notes"
        if isinstance(error, ValidationError):
            wrong = "; ".join(f"{'.'.join(map(str, e['loc']))}: {e['msg']}" for e in error.errors())
            wrong = f"[tool.noteguard]: {wrong}"
        elif isinstance(error, ValueError):
            wrong = f"not valid TOML: {error}"
        raise NoteguardError(f"{path}: {wrong}.") from None


def read_yaml(path: Path) -> Any:
    """Reads a file of plain values; what is no YAML is a `NoteguardError`."""
    try:
        return yaml.safe_load(path.read_bytes())
    except Exception:  # bytes that are no text, and the reader's own defects: a date that is none, a bracket too many
        raise NoteguardError(f"{path}: not valid YAML. Expected UTF-8 text of keys and values.") from None
