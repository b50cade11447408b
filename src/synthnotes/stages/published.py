"""Published: published values beside those of this run, with a verdict on each, taken from the results of others."""

from pathlib import Path

from synthnotes.machinery import params
from synthnotes.machinery.cli import run
from synthnotes.machinery.files import read_json, read_yaml, write_json
from synthnotes.machinery.makers import COMPUTED_BY, name_of, without_makers
from synthnotes.machinery.params import DisclosureParams, RatingsParams
from synthnotes.significance.published_values import VERDICTS, compare, parse

OF_CORPORA = ("cohort", "utility", "significance")  # stages with a result per corpus; ratings have one per study


def main(published: Path, results: Path, compared: list[Path]) -> str:
    """Compares each file of published values with the results, and writes a file of the same name about it."""
    corpora = list(params.load("corpora", dict))
    members = dict.fromkeys(OF_CORPORA, corpora)
    members["ratings"] = list(params.load("ratings", RatingsParams).studies)
    found = {
        stage: {of: without_makers(read_json(results / stage / f"{of}.json")) for of in names}
        for stage, names in members.items()
    }
    demo, counted = params.load("disclosure", DisclosureParams).demo, []
    for path in compared:
        source = published / f"{path.stem}.yaml"
        comparison = compare(parse(read_yaml(source), str(source)), found, demo)
        write_json(path, comparison | {COMPUTED_BY: name_of(compare)})
        counted.append(comparison["counts"])
    return ", ".join(f"{sum(counts[verdict] for counts in counted)} {verdict}" for verdict in VERDICTS)


if __name__ == "__main__":
    run(main)
