"""Seeds: what coders trained on each set of notes reach, over all seeds of their training (paper, 6.2)."""

from pathlib import Path

from synthnotes.coding.seeds import over_seeds
from synthnotes.machinery import params
from synthnotes.machinery.cli import run
from synthnotes.machinery.disclosure import publish
from synthnotes.machinery.files import read_json
from synthnotes.machinery.sections import TRAINING_SETS


def main(coders: Path, results: Path) -> str:
    """Puts the results of all runs in the folder `coders` together, by their training notes."""
    seeds = params.load("seeds")
    found = {
        training: {"seeds": len(seeds)} | over_seeds([read_json(coders / f"{training}-{seed}.json") for seed in seeds])
        for training in TRAINING_SETS
    }
    publish(results, found, params.load("disclosure"))
    return f"{len(seeds)} seeds; micro-F1 " + ", ".join(
        f"{training.replace('_', ' ')} {of_training['micro']['f1']['mean']:.3f}"
        + (f" ± {deviation:.3f}" if (deviation := of_training["micro"]["f1"]["sd"]) is not None else "")
        for training, of_training in found.items()
    )


if __name__ == "__main__":
    run(main)
