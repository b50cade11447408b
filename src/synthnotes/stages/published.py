"""Published: published values beside those of this run, with a verdict on each, taken from the results of others."""

from pathlib import Path
from typing import Any

from synthnotes.machinery import params
from synthnotes.machinery.cli import run
from synthnotes.machinery.files import read_json, read_yaml, write_json
from synthnotes.machinery.sections import DisclosureParams, RatingsParams
from synthnotes.significance.published import VERDICTS, compare, parse

OF_CORPORA = ("cohort", "utility", "significance")  # stages with a result per corpus; ratings have one per study


def read_results(path: Path) -> dict[str, Any]:
    """Reads a result file, without what it tells of its own making."""
    return {name: value for name, value in read_json(path).items() if name != "computed_by"}


def main(published: Path, results: Path, compared: list[Path]) -> str:
    """Compares each file of published values with the results, and writes a file of the same name about it."""
    members = dict.fromkeys(OF_CORPORA, params.load("corpora", list))
    members["ratings"] = list(params.load("ratings", RatingsParams).studies)
    found = {
        stage: {of: read_results(results / stage / f"{of}.json") for of in names} for stage, names in members.items()
    }
    demo, told = params.load("disclosure", DisclosureParams).demo, []
    for path in compared:
        source = published / f"{path.stem}.yaml"
        comparison = compare(parse(read_yaml(source), str(source)), found, demo)
        write_json(path, comparison)
        told.append(comparison["counts"])
    return ", ".join(f"{sum(counts[verdict] for counts in told)} {verdict}" for verdict in VERDICTS)


if __name__ == "__main__":
    run(main)
