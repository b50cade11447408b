"""Work folders: unfinished work that survives a kill, under a name that says what determines it."""

import hashlib
import json
from pathlib import Path
from typing import Any


def fingerprint(values: Any, folder: Path) -> str:
    """Gives 16 hexadecimal digits that change with the values (anything JSON holds) or with any file of the folder."""
    digest = hashlib.sha256(json.dumps(values, sort_keys=True).encode())
    for path in sorted(path for path in folder.rglob("*") if path.is_file()):
        with path.open("rb") as file:
            digest.update(f"{path.relative_to(folder)} {hashlib.file_digest(file, 'sha256').hexdigest()}\n".encode())
    return digest.hexdigest()[:16]
