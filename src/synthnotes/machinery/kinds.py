"""What kind of file it is, by its first bytes: names are often wrong, and "copy it again" gives the same file again."""

import re
from pathlib import Path

START = 4096  # bytes that tell
GZIP, PARQUET, FEATHER, TEXT = "a gzip-compressed file", "a parquet file", "a feather file", "plain text"
ZIP, WEIGHTS, UTF_16 = "a zip archive (also .npz, .pt, .docx, .xlsx)", "model weights", "text in UTF-16"
OFFICE, PAGE, LFS, ANNEX = "an Office document (.xlsx, .docx)", "a web page", "a Git-LFS pointer", "a git-annex pointer"
XML, STREAM, ZEROS, EMPTY = "XML", "an Arrow stream", "nothing but zeros", "an empty file"
PICKLE, ENCRYPTED, SHORTCUT, UNKNOWN = "a pickle", "an encrypted file", "a link saved as a file", "of an unknown kind"
DVC = "a pointer of DVC"

# Containers of data, of models, and what hides its content.
KINDS = {
    b"PAR1": PARQUET,
    b"ARROW1": FEATHER,
    b"FEA1": FEATHER,
    b"\xff\xff\xff\xff": STREAM,
    b"\x1f\x8b": GZIP,
    b"BZh": "a bzip2-compressed file",
    b"\xfd7zXZ": "an xz-compressed file",
    b"\x28\xb5\x2f\xfd": "a zstd-compressed file",
    b"\x04\x22\x4d\x18": "an lz4-compressed file",
    b"\x1f\x9d": "a file compressed by compress (.Z)",
    b"Rar!\x1a\x07": "a RAR archive",
    b"PK\x03\x04": ZIP,
    b"7z\xbc\xaf": "a 7z archive",
    b"\x93NUMPY": "a NumPy array",
    b"\x89HDF": "an HDF5 file",
    b"SQLite format 3": "a database",
    b"GGUF": WEIGHTS,
    b"%PDF": "a PDF, whose text is compressed",
    b"\xd0\xcf\x11\xe0": "an old Office document (.xls, .doc)",
    b"$FL2@(#)": "an SPSS file",
    b"$FL3@(#)": "an SPSS file",
    b"HEADER RECORD*******LIB": "a SAS file",
    b"\0\1\0\0Standard ": "a database",
    b"MATLAB 5.0 MAT-file": "a MATLAB file",
    **dict.fromkeys((b"\x80\x02", b"\x80\x03", b"\x80\x04\x95", b"\x80\x05\x95"), PICKLE),
    **dict.fromkeys((b"-----BEGIN PGP MESSAGE", b"\x85\x01\x0c\x03", b"\x85\x02\x0c\x03", b"\x8c\x0d\x04"), ENCRYPTED),
    **dict.fromkeys((b"age-encryption.org/", b"Salted__", b"\0GITCRYPT\0"), ENCRYPTED),
    bytes(12) + b"\xc2\xea\x81\x60": "a SAS file",
    b"<stata_dta>": "a Stata file",
    b"RDX2\n": "data of R",
    b"RDX3\n": "data of R",
    b"X\n\0\0\0": "data of R",
    b"Obj\x01": "an Avro file",
}
_POINTERS = {
    **dict.fromkeys((b"version https://git-lfs", b"version https://hawser", b"# xet version"), LFS),
    **dict.fromkeys((b"/annex/objects", b"../.git/annex", b".git/annex"), ANNEX),
    **dict.fromkeys((b"L\0\0\0\1\x14\2\0", b"[InternetShortcut]"), SHORTCUT),
    b"outs:": DVC,
}
_LINK = re.compile(rb"[\w.:-]*[/\\][\w./\\ -]*\.[a-z]+\s*")  # what git makes of one on Windows: its path
_PAGE = re.compile(rb"(?is)\s*(?:<!--.*?-->\s*)?<(?:!doctype html|html|head|body|meta|title|script)\b")
_NO_TEXT = re.compile(rb"[\0-\x08\x0e-\x1a]")
_SHEET = re.compile(rb"\[Content_Types\]\.xml|xl/|mimetypeapplication/vnd\.oasis|\.iwa")  # of zip archives
_ANEW = "If the pipeline made it, delete it and run `dvc repro`; if not, copy it again from its source."
_SERVED = "A server sent it instead of the file, often to ask for a login. Download the file again."
REMEDIES = {
    LFS: "It stands for the file, which has not been fetched: run `git lfs pull` where it comes from.",
    ANNEX: "It stands for the file, which has not been fetched: run `git annex get` where it comes from.",
    DVC: "It stands for the file, which has not been fetched: run `dvc pull` where it comes from.",
    SHORTCUT: "Copy the file that it points to.",
    ENCRYPTED: "Decrypt it first.",
    UNKNOWN: "Copy it again from its source, as the kind of file that its name says.",
    PAGE: _SERVED,
    XML: _SERVED,
    UTF_16: "Save it as UTF-8.",
    ZIP: "Unpack it and put the file itself there.",
    ZEROS: f"A copy broke off, or the disk was full. {_ANEW}",
    EMPTY: _ANEW,
}


def container(start: bytes) -> str | None:
    """What container of data bytes begin, None if none that is known."""
    return next((kind for magic, kind in KINDS.items() if start.startswith(magic)), None)


def kind_of(start: bytes) -> str | None:
    """What kind of file the first `START` bytes begin, in words that follow "it is"; None where they tell nothing."""
    kind = container(start)
    if kind == ZIP and _SHEET.search(start):
        return OFFICE
    if kind or not start:
        return kind or EMPTY
    if not start.strip(b"\0"):
        return ZEROS
    if start[257:262] == b"ustar":
        return "a tar archive"
    if start[8:10] == b'{"':
        return WEIGHTS
    if start.startswith((b"\xff\xfe", b"\xfe\xff")) or (len(start) > 3 and 0 in (any(start[::2]), any(start[1::2]))):
        return UTF_16
    text = start.removeprefix(b"\xef\xbb\xbf")
    pointer = next((kind for words, kind in _POINTERS.items() if text.startswith(words)), None)
    if pointer or _PAGE.match(text):
        return pointer or PAGE
    if _LINK.fullmatch(text):
        return SHORTCUT
    if text.startswith(b"{\\rtf"):
        return OFFICE
    if text.lstrip().startswith(b"<?xml"):
        return XML
    return None if _NO_TEXT.search(text) else TEXT


def other_kind(path: Path, expected: str, start: bytes | None = None) -> str | None:
    """Says that a file is of another kind than expected, and what to do; None where its first bytes do not tell so.

    Args:
        path: the file.
        expected: one of this module's kinds.
        start: the first bytes of what is in the file, once unpacked; None reads those of the file itself.
    """
    inside = start is not None
    if start is None:
        with path.open("rb") as file:
            start = file.read(START)
    kind = kind_of(start)
    if kind is None and (expected in (GZIP, PARQUET, FEATHER) or _NO_TEXT.search(start.partition(b"\n")[0])):
        kind = UNKNOWN  # each of these has a beginning of its own, and no text's first line holds such bytes
    if kind in (None, expected):
        return None
    if kind == TEXT and expected == GZIP:
        remedy = f"It is not compressed: rename it to {path.name.removesuffix('.gz')}."
    elif kind == GZIP and expected == TEXT:
        remedy = "It is compressed twice: unpack it once." if inside else f"Rename it to {path.name}.gz, or unpack it."
    elif kind == OFFICE and expected in (TEXT, GZIP):
        remedy = "Save the table as CSV UTF-8, with commas between the cells."
    else:
        otherwise = "Copy it again." if expected == WEIGHTS else f"Write the table again as {expected}."
        remedy = REMEDIES.get(kind, otherwise)
    return f"{path}: {'it holds' if inside else 'it is'} {kind}, where {expected} is expected. {remedy}"
