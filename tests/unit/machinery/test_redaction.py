"""What libraries say of notes is redacted: exceptions, warnings, logs, threads and other processes."""

import os
import subprocess
import sys
from importlib import import_module
from pathlib import Path

import pandas as pd
import pyarrow as pa
import pytest
from table import SAYS

from synthnotes.machinery import redaction
from synthnotes.machinery.disclosure import DEMO, checksum
from synthnotes.machinery.files import UserError, write_json
from synthnotes.machinery.params import ReportParams
from synthnotes.machinery.redaction import describe

SECRET = "Patient Ada Lovelace, sedan igår svår huvudvärk"

STAGE = f'''
import sys
sys.argv[0] = "-m"
import synthnotes.stages
sys.argv = ["probe", "--kind", sys.argv[1]]
import logging, threading, warnings
from concurrent.futures import ProcessPoolExecutor
from pathlib import Path
from synthnotes.machinery.cli import run
from synthnotes.machinery import redaction
from synthnotes.machinery.disclosure import DEMO, checksum
from synthnotes.machinery.files import UserError, write_json

SECRET = {SECRET!r}

def fail(text):
    raise ValueError(text)

def chained():
    try:
        {{}}[SECRET]
    except KeyError as error:
        raise RuntimeError(f"no {{SECRET}}") from error

def thread():
    started = threading.Thread(target=fail, args=(SECRET,), name=SECRET)
    started.start()
    started.join()

class Unraisable:
    def __del__(self):
        fail(SECRET)

def main(kind: str) -> str:
    """Fails in one way or another."""
    if kind == "chained":
        chained()
    if kind == "pool":
        with ProcessPoolExecutor(1) as pool:
            pool.submit(fail, SECRET).result()
    if kind == "rest":
        thread()
        Unraisable()
        import resource
        assert resource.getrlimit(resource.RLIMIT_CORE)[0] == 0
        warnings.warn(SECRET)
        logging.getLogger("library").error("read %s", SECRET, exc_info=ValueError(SECRET))
        logging.warning(f"read {{SECRET}}")
    if kind == "network":
        import socket
        socket.create_connection(("192.0.2.1", 80))
    if kind == "user":
        raise UserError("notes.parquet: note 17 has no codes.") from ValueError(SECRET)
    return "done"

if __name__ == "__main__":
    run(main)
'''


@pytest.fixture(autouse=True)
def elsewhere(tmp_path, monkeypatch):
    """A folder without data: where the project's own are the demo's, nothing would be redacted."""
    monkeypatch.chdir(tmp_path)
    redaction.shown.cache_clear()
    yield
    redaction.shown.cache_clear()


@pytest.fixture(scope="module")
def stage(tmp_path_factory):
    """Runs a stage that fails on purpose."""
    path = tmp_path_factory.mktemp("stage") / "probe.py"
    path.write_text(STAGE, encoding="utf-8")

    def run(kind, **environment):
        words = [sys.executable, str(path), kind]
        done = subprocess.run(words, env={**os.environ, **environment}, capture_output=True, text=True, timeout=60)
        return done.returncode, done.stdout + done.stderr

    return run


def pieces(text):
    """A text, and each of its words of some length."""
    return [text, *(word for word in text.replace(",", "").split() if len(word) > 4)]


@pytest.mark.parametrize(
    ("kind", "named"),
    [
        ("chained", ["RuntimeError", "caused by KeyError", "probe.py:", "in chained"]),
        ("pool", ["probe: defect: ValueError", "_RemoteTraceback"]),
    ],
)
def test_a_defect_tells_what_and_where_and_no_value(stage, kind, named, record_property):
    code, told = stage(kind)
    assert code == 1
    assert all(name in told for name in [*named, "SYNTHNOTES_SHOW_VALUES=1"])
    assert "Traceback (most recent" not in told
    assert not [piece for piece in pieces(SECRET) if piece in told], told
    record_property(SAYS, f"{told.splitlines()[0]} … {told.splitlines()[-1]}")


def group():
    raise ExceptionGroup(SECRET, [ValueError(SECRET), OSError(28, "full", SECRET)])


@pytest.mark.parametrize(
    ("fail", "named"),
    [
        (group, ["ExceptionGroup", "ValueError", "No space left on device"]),
        (lambda: pd.Series([SECRET]).astype(float), ["ValueError", "pandas/core/generic.py:"]),
        (lambda: ReportParams(top_chapters=SECRET), ["ValidationError"]),
        (lambda: pa.array([SECRET]).cast(pa.int64()), ["pyarrow.lib.ArrowInvalid"]),
        (lambda: Path(SECRET).read_text(), ["FileNotFoundError: No such file or directory"]),
        (lambda: import_module("no_such_package"), ["ModuleNotFoundError: no_such_package"]),
    ],
)
def test_errors_of_libraries_quote_and_their_descriptions_do_not(fail, named):
    with pytest.raises(Exception, match=r"Ada|no_such") as raised:  # the library does quote
        fail()
    told = describe(raised.value)
    assert all(name in told for name in named)
    assert not [piece for piece in pieces(SECRET) if piece in told], told


def test_what_does_not_stop_a_stage_is_redacted_too(stage):
    code, told = stage("rest")
    assert code == 0
    assert "probe: done" in told
    assert not [piece for piece in pieces(SECRET) if piece in told], told
    assert told.count("ValueError\n") == 2  # in a thread, and in a destructor
    assert "UserWarning at probe.py:" in told
    assert told.count("(redacted, SYNTHNOTES_SHOW_VALUES=1 shows it)") == 3


def test_errors_of_our_own_stay_whole(stage):
    assert stage("user") == (1, "probe: error: notes.parquet: note 17 has no codes.\n")
    code, told = stage("network")
    assert code == 1
    assert told.startswith("probe: error: 192.0.2.1: this process may not reach beyond this machine")


def test_a_developer_sees_everything_who_asks_for_it(stage):
    told = stage("chained", SYNTHNOTES_SHOW_VALUES="1")[1]
    assert SECRET in told
    assert "Traceback (most recent" in told


def test_a_description_of_an_error_that_causes_itself_ends():
    one, other = ValueError(SECRET), KeyError(SECRET)
    one.__cause__, other.__cause__ = other, one
    assert describe(one).count("caused by") == 1
    assert SECRET not in describe(one)
    assert "row 3" in describe(UserError("row 3"))


@pytest.mark.parametrize(("changed", "shown"), [(None, True), ("content", False), ("file", False), ("marker", False)])
def test_of_the_demo_s_data_everything_is_shown(tmp_path, changed, shown):
    data = tmp_path / "data"
    data.mkdir()
    (data / "notes.csv").write_text(SECRET)
    write_json(data / DEMO, {"files": {"notes.csv": checksum(data / "notes.csv")}})
    if changed == "content":
        (data / "notes.csv").write_text(f"{SECRET}.")
    elif changed == "file":
        (data / "own.csv").write_text(SECRET)
    elif changed == "marker":
        (data / DEMO).write_text("{")
    assert (SECRET in describe(ValueError(SECRET))) is shown
