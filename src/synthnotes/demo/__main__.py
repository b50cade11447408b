"""Makes the demo's data: `python -m synthnotes.demo --data data --scale demo --seed 1337` (what `make data` calls).

Writes what a user with licences would bring: `data/mimic` (MIMIC-IV's and MIMIC-IV-Note's files), `data/sepr` (the
feather file and the titles), `data/models/<corpus>/generator` and `…/encoder` (tiny base models in Hugging Face's
layout), and `data/DEMO.json`, which says that all this is the demo's.

- The same scale and seed give the same corpora, byte for byte, everywhere; the models' weights are the same on the same
  machine, and may differ in their last digits on another processor.
- Scale `demo` takes some seven minutes on two cores, `toy` (for the pipeline test) half a minute.
- If the folder holds this demo already, nothing happens. If it holds anything else, nothing is touched and the exit
  code is 1; with `--unless-own-data` that is no error, so that `make repro` serves the demo and real data alike.
"""

import argparse
import sys
import time
from pathlib import Path

from synthnotes.demo import kit
from synthnotes.machinery.files import UserError


def main() -> None:
    """Parses the command line and makes the demo."""
    parser = argparse.ArgumentParser(prog="python -m synthnotes.demo", description="Makes the demo's data.")
    parser.add_argument("--data", type=Path, default=Path("data"), help="the folder to fill")
    parser.add_argument("--scale", choices=sorted(kit.SCALES), default="demo")
    parser.add_argument("--seed", type=int, default=1337)
    parser.add_argument("--unless-own-data", action="store_true", help="leave a folder with other data as it is")
    options = parser.parse_args()
    started = time.perf_counter()
    try:
        if options.unless_own_data and kit.foreign_files(options.data):
            summary = f"{options.data} holds data of your own, which stay as they are"
        else:
            summary = kit.make(options.data, options.scale, options.seed)
    except UserError as error:
        print(f"demo: error: {error}", file=sys.stderr)
        raise SystemExit(1) from None
    print(f"demo: {summary} ({time.perf_counter() - started:.1f} s)", flush=True)


if __name__ == "__main__":
    main()
