"""What data/ holds and what it lacks: `make check` runs this before anything long does."""

import argparse
import sys
from collections.abc import Sequence
from pathlib import Path

from synthnotes import params
from synthnotes.corpus import mimic, sepr
from synthnotes.files import UserError

NOTES_ACCESS = 'PhysioNet, "MIMIC-IV-Note: Deidentified free-text clinical notes", credentialed access'
CODES_ACCESS = 'PhysioNet, "MIMIC-IV", credentialed access'
SEPR_ACCESS = "the Health Bank (Stockholm University), SEPR II, on request"
MODELS = {
    "mimic": {"generator": "Llama-3.1-8B", "encoder": "RoBERTa-base-PM-M3-Voc"},
    "sepr": {"generator": "Llama-3.1-8B", "encoder": "SweDeClin-BERT"},
}


def needed(corpora: Sequence[str]) -> dict[str, str]:
    """The files that the pipeline reads from data/, each with how to get it, by path relative to data/."""
    files = {}
    for corpus in corpora:
        if corpus == "mimic":
            for name in mimic.FILES:
                files[f"mimic/{name}"] = NOTES_ACCESS if name.startswith("note/") else CODES_ACCESS
        else:
            files |= {f"sepr/{name}": SEPR_ACCESS for name in sepr.FILES}
        for role, model in MODELS[corpus].items():
            files[f"models/{corpus}/{role}/config.json"] = f"Hugging Face, {model}, the model's whole folder"
    return files


def missing(corpora: Sequence[str], data: Path) -> list[str]:
    """What a data folder lacks.

    Args:
        corpora: the corpora to rebuild, `mimic` or `sepr`.
        data: the folder.

    Returns:
        For each file that is absent or empty a line that names it and how to get it; no line if nothing is missing.
    """
    lines = []
    for name, source in needed(corpora).items():
        path = data / name
        if not path.is_file():
            lines.append(f"{path}: missing. From {source}.")
        elif path.stat().st_size == 0:
            lines.append(f"{path}: empty. Get it again from {source}.")
    return lines


def main(data: Path, params_file: Path) -> int:
    """Validates the parameters, prints what is there and what is missing; returns the exit code."""
    try:
        corpora = params.read(params_file).corpora
    except UserError as error:
        print(f"error: {error}", file=sys.stderr)
        return 1
    print(f"{params_file}: valid. Corpora to rebuild: {', '.join(corpora)}.")
    for name in needed(corpora):
        path = data / name
        if path.is_file() and path.stat().st_size:
            print(f"{path}: {path.stat().st_size / 2**20:,.1f} MiB")
    for corpus in corpora:
        splits = data / corpus / "splits.feather"
        used = (
            "its published subsets are used" if splits.is_file() else "absent (optional): subsets are drawn by patient"
        )
        print(f"{splits}: {used}")
    lines = missing(corpora, data)
    for line in lines:
        print(line)
    if lines:
        print(f"{len(lines)} files are missing. (`make data` fills an empty {data}/ with the demo's instead.)")
    return 1 if lines else 0


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--data", type=Path, default=Path("data"))
    parser.add_argument("--params-file", type=Path, default=Path("params.yaml"))
    arguments = parser.parse_args()
    raise SystemExit(main(arguments.data, arguments.params_file))
