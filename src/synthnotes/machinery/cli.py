"""The command line of a stage: its `main`'s signature gives the options, its return value the summary line."""

import argparse
import inspect
import sys
import time
from collections.abc import Callable
from pathlib import Path

from synthnotes.machinery import progress, redaction
from synthnotes.machinery.files import refuse_linked_folders
from synthnotes.machinery.resources import advise

DATA = Path("data")


def run(main: Callable[..., str]) -> None:
    """Runs a stage: parses `--option value` for every parameter of `main`, prints `<stage>: <summary> (<time>)`.

    Parameters annotated as Path, str or int are converted; `list[Path]` takes several values. A `UserError` prints as
    one line and ends with exit code 1; so does any other exception, a defect, of which only its type and the places in
    the code are told: its message may quote a note. Where stderr is no terminal, a line per minute says how far it is.
    What lies in data/ must not lie behind a link to a folder.
    """
    signature = inspect.signature(main)
    stage = Path(inspect.getfile(main)).stem
    parser = argparse.ArgumentParser(prog=f"python -m synthnotes.stages.{stage}", description=inspect.getdoc(main))
    for name, parameter in signature.parameters.items():
        kind = parameter.annotation
        several = kind == list[Path]
        parser.add_argument(
            f"--{name.replace('_', '-')}", type=Path if several else kind, nargs="+" if several else None, required=True
        )
    started = time.perf_counter()
    try:
        given = vars(parser.parse_args())
        for path in given.values():
            if isinstance(path, Path) and path.is_relative_to(DATA):
                refuse_linked_folders(DATA, path)
        with progress.reporting(stage):
            summary = main(**given)
    except redaction.SAFE_ERRORS as error:
        print(f"{stage}: error: {error}", file=sys.stderr)
        raise SystemExit(1) from None
    except Exception as error:
        lower = advise(stage, error)
        print(f"{stage}: error: {lower}" if lower else f"{stage}: defect: {redaction.describe(error)}", file=sys.stderr)
        raise SystemExit(1) from None
    print(f"{stage}: {summary} ({time.perf_counter() - started:.1f} s)", flush=True)
