"""Files under another kind's name, written by the programs that write such files: the reader says what they are."""

import gzip
import io
import json
import pickle
import sqlite3
import tarfile
import zipfile
from itertools import product

import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.feather as feather
import pyarrow.parquet as pq
import pytest
import torch
from safetensors.torch import save

from synthnotes.corpus import sources
from synthnotes.generation.records import read_records
from synthnotes.machinery import kinds
from synthnotes.machinery.files import UserError, read_csv, read_json, read_parquet, read_yaml

CSV = b"_id,text,code\n" + b"".join(b'%d,"secret, note",I10\n' % n for n in range(400))
TABLE = pa.table({"_id": ["1"], "text": ["secret"], "code": ["I10"]})
LFS = b"version https://git-lfs.github.com/spec/v1\noid sha256:4d7a2146\nsize 1234\n"
PAGE = b"\n<!DOCTYPE html>\n<html><head><title>Log in</title></head><body>secret</body></html>"


def written(write):
    buffer = io.BytesIO()
    write(buffer)
    return buffer.getvalue()


def archive(name="table.csv"):
    def write(buffer):
        with zipfile.ZipFile(buffer, "w") as file:
            file.writestr(name, CSV)

    return written(write)


def tar(buffer):
    with tarfile.open(fileobj=buffer, mode="w") as file:
        entry = tarfile.TarInfo("table.csv")
        entry.size = len(CSV)
        file.addfile(entry, io.BytesIO(CSV))


def stream(buffer):
    with pa.ipc.new_stream(buffer, TABLE.schema) as writer:
        writer.write_table(TABLE)


def database():
    connection = sqlite3.connect(":memory:")
    connection.execute("create table notes (text)")
    return connection.serialize()


FILES = {
    "text": (CSV, "plain text"),
    "text with a mark": (b"\xef\xbb\xbf" + CSV, "plain text"),
    "Latin-1": ("_id,text\n1,åäö\n".encode("latin-1"), "plain text"),
    "JSON": (json.dumps({"message": "secret"}).encode(), "plain text"),
    "gzip": (gzip.compress(CSV, mtime=0), "a gzip-compressed file"),
    "parquet": (written(lambda b: pq.write_table(TABLE, b)), "a parquet file"),
    "feather": (written(lambda b: feather.write_feather(TABLE, b)), "a feather file"),
    "feather, first version": (written(lambda b: feather.write_feather(TABLE, b, version=1)), "a feather file"),
    "Arrow stream": (written(stream), "an Arrow stream"),
    "page": (PAGE, "a web page"),
    "page, after a comment": (b"<!-- s -->\n<HTML lang='en'>" + PAGE, "a web page"),
    "XML": (b"<?xml version='1.0'?><Error><Code>AccessDenied</Code></Error>", "XML"),
    "LFS": (LFS, "a Git-LFS pointer"),
    "git-annex": (b"/annex/objects/SHA256E-s1234--4d7a.csv\n", "a git-annex pointer"),
    "workbook": (archive("[Content_Types].xml"), "an Office document"),
    "old workbook": (b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1" + b"\0" * 600, "an old Office document"),
    "zip": (archive(), "a zip archive"),
    "tar": (written(tar), "a tar archive"),
    "UTF-16": (CSV.decode().encode("utf-16"), "text in UTF-16"),
    "UTF-16 without mark": (CSV.decode().encode("utf-16-le"), "text in UTF-16"),
    "big-endian": (CSV.decode().encode("utf-16-be"), "text in UTF-16"),
    "zeros": (bytes(5000), "nothing but zeros"),
    "npy": (written(lambda b: np.save(b, np.zeros(3))), "a NumPy array"),
    "npz": (written(lambda b: np.savez(b, np.zeros(3))), "a zip archive"),
    "torch": (written(lambda b: torch.save({"a": torch.zeros(2)}, b)), "a zip archive"),
    "safetensors": (save({"a": torch.zeros(2)}), "model weights"),
    "Stata": (written(lambda b: pd.DataFrame({"a": [1]}).to_stata(b, version=118)), "a Stata file"),
    "SAS": (bytes(12) + bytes.fromhex("c2ea8160b31411cfbd92080009c7318c181f1011") + bytes(200), "a SAS file"),
    "SAS, transport": (b"HEADER RECORD*******LIBRARY HEADER RECORD!!!!!!!" + b"0" * 30, "a SAS file"),
    "SPSS, compressed": (b"$FL3@(#) SPSS DATA FILE" + bytes(200), "an SPSS file"),
    "R, not compressed": (b"X\n\0\0\0\3\0\4\3\0" + bytes(99), "data of R"),
    "Access": (b"\0\1\0\0Standard ACE DB\0" + bytes(99), "a database"),
    "LibreOffice": (archive("mimetypeapplication/vnd.oasis.opendocument.spreadsheet"), "an Office document"),
    "Numbers": (archive("Index/Document.iwa"), "an Office document"),
    "RTF": (b"{\\rtf1\\ansi _id,text}", "an Office document"),
    **{f"pickle {n}": (pickle.dumps({"secret": ["a"] * 99}, n), "a pickle") for n in (2, 3, 4, 5)},
    "lz4": (b"\x04\x22\x4d\x18d@\xa7" + CSV, "an lz4-compressed file"),
    "PGP": (b"\x85\x01\x0c\x03" + bytes(range(99)), "an encrypted file"),
    "PGP, as text": (b"-----BEGIN PGP MESSAGE-----\n\nhQEMA\n", "an encrypted file"),
    "age": (b"age-encryption.org/v1\n-> X25519 a\n", "an encrypted file"),
    "git-crypt": (b"\0GITCRYPT\0" + bytes(range(99)), "an encrypted file"),
    "DVC": (b"outs:\n- md5: 4d7a\n  size: 3\n  path: table.csv\n", "a pointer of DVC"),
    "LFS, older": (b"version https://hawser.github.com/spec/v1\noid sha256:4d7a\n", "a Git-LFS pointer"),
    "a link, as git on Windows leaves it": (b"../../other disk/table.csv", "a link saved as a file"),
    "a link of Windows": (b"L\0\0\0\1\x14\2\0" + bytes(99), "a link saved as a file"),
    "page, without its beginning": (b"<meta charset='utf-8'><title>secret</title>", "a web page"),
    "R": (b"RDX3\nX\n\0\0\0\x03", "data of R"),
    "database": (database(), "a database"),
}
OTHERS = {name: content for name, (content, _) in FILES.items()}
READERS = {
    "table.csv": (lambda p: sources.read_csv(p, ["_id", "text", "code"]), "plain text"),
    "table.csv.gz": (lambda p: sources.read_csv(p, ["_id", "text", "code"]), "a gzip-compressed file"),
    "table.feather": (lambda p: sources.read_feather(p, ["_id", "text", "code"]), "a feather file"),
    "table.parquet": (lambda p: read_parquet(p, ["_id", "text", "code"]), "a parquet file"),
    "result.json": (read_json, "plain text"),
}


@pytest.mark.parametrize("name", FILES)
def test_first_bytes_tell(name):
    content, kind = FILES[name]
    assert kinds.kind_of(content[: kinds.START]).startswith(kind)


@pytest.mark.parametrize("start", ["ORCID", "RDX of notes", "Object", "PARIS", "<p>", "version 2", "GIF"])
def test_words_are_no_containers(start):
    """A text that begins like a container is none."""
    assert kinds.container(start.encode() * 3) is None
    assert kinds.kind_of(start.encode() * 3) == "plain text"


def test_what_tells_nothing_has_no_kind():
    assert kinds.kind_of(b"\x01\x02\x03secret") is None
    assert kinds.kind_of(b"") == "an empty file"


@pytest.mark.parametrize("file", READERS)
@pytest.mark.parametrize("start", [b"ORC\x01\2\3", b"\x1b\x03\0secret", b"r\2\1\0", bytes(range(8, 60))])
def test_what_has_no_known_kind_is_not_told_as_a_damaged_file(tmp_path, file, start):
    path = tmp_path / file
    path.write_bytes(start * 9)
    with pytest.raises(UserError, match="it is of an unknown kind, where") as error:
        READERS[file][0](path)
    assert "secret" not in str(error.value)


@pytest.mark.parametrize("file", READERS)
@pytest.mark.parametrize("name", FILES)
def test_a_file_under_another_kind_s_name(tmp_path, file, name):
    """Each reader, for each other kind, says what the file is; it never advises to copy the same file again."""
    read, expected = READERS[file]
    content, kind = FILES[name]
    if kind == expected:
        return
    path = tmp_path / file
    path.write_bytes(content)
    with pytest.raises(UserError) as error:
        read(path)
    message = str(error.value)
    assert message.startswith(f"{path}: it is {kind}")
    assert f", where {expected} is expected. " in message
    assert "secret" not in message
    assert "Copy it again" not in message


@pytest.mark.parametrize("name", [name for name, (_, kind) in FILES.items() if kind != "plain text"])
def test_another_kind_within_a_gzip_file(tmp_path, name):
    path = tmp_path / "table.csv.gz"
    path.write_bytes(gzip.compress(FILES[name][0], mtime=0))
    with pytest.raises(UserError, match=f": it holds {FILES[name][1]}.*, where plain text is expected"):
        sources.read_csv(path, ["_id", "text", "code"])


@pytest.mark.parametrize(
    ("name", "file", "remedy"),
    [
        ("text", "discharge.csv.gz", "rename it to discharge.csv."),
        ("gzip", "discharge.csv", "Rename it to discharge.csv.gz, or unpack it."),
        ("LFS", "discharge.csv.gz", "run `git lfs pull`"),
        ("page", "discharge.csv.gz", "ask for a login"),
        ("UTF-16", "descriptions.csv", "Save it as UTF-8."),
        ("workbook", "descriptions.csv", "Save the table as CSV UTF-8"),
        ("parquet", "notes.feather", "Write the table again as a feather file."),
    ],
)
def test_the_remedy_fits_the_kind(tmp_path, name, file, remedy):
    path = tmp_path / file
    path.write_bytes(OTHERS[name])
    with pytest.raises(UserError) as error:
        sources.read_feather(path, ["_id"]) if path.suffix == ".feather" else sources.check_columns(path, ["_id"])
    assert remedy in str(error.value)


OTHER_READERS = [*product([read_yaml, read_csv, read_records], ["gzip", "parquet", "zip"])]
OTHER_READERS += [(read_csv, "UTF-16"), (read_records, "UTF-16")]  # YAML may be UTF-16


@pytest.mark.parametrize(("read", "name"), OTHER_READERS)
def test_other_readers_of_text(tmp_path, read, name):
    path = tmp_path / "file"
    path.write_bytes(OTHERS[name])
    with pytest.raises(UserError, match=f"it is {FILES[name][1]}"):
        read(path)
