"""Every value of a result names the function that computed it, and the function is there."""

from collections.abc import Iterator, Mapping
from importlib import import_module
from inspect import getsource, getsourcefile, isroutine, unwrap
from pathlib import Path
from typing import Any

import pytest

from synthnotes.fidelity.statistics import Splitter, compare
from synthnotes.machinery import dependencies, pipeline
from synthnotes.machinery.disclosure import publish
from synthnotes.machinery.files import read_json
from synthnotes.machinery.makers import COMPUTED_BY, PACKAGE, maker_of, without_makers
from synthnotes.machinery.params import DisclosureParams
from synthnotes.stages.report import gather

ROOT = Path(__file__).parents[2]
RESULTS = [file for file in pipeline.result_files(pipeline.stages(ROOT)) if file.endswith(".json")]


def names(makers: Any) -> Iterator[str]:
    """All names in an entry `computed_by`."""
    if isinstance(makers, str):
        yield makers
    else:
        for below in makers.values():
            yield from names(below)


def places(found: Any, prefix: str = "") -> Iterator[str]:
    """The places of all values that are told."""
    if isinstance(found, Mapping):
        for name, value in found.items():
            yield from places(value, f"{prefix}.{name}")
    elif found is not None:
        yield prefix.removeprefix(".")


def named(name: str) -> Any:
    """What a name stands for: a module's function, or a method of one of its classes."""
    parts = name.split(".")
    for length in range(len(parts) - 1, 0, -1):
        try:
            found = import_module(PACKAGE + ".".join(parts[:length]))
        except ModuleNotFoundError:
            continue
        for part in parts[length:]:
            found = getattr(found, part)
        return unwrap(found)
    raise LookupError(name)


def check(result: Mapping[str, Any]) -> None:
    """Every value has a maker, and every maker is a function."""
    values = without_makers(result)
    assert [place for place in places(values) if maker_of(result[COMPUTED_BY], place) is None] == []
    assert [name for name in set(names(result[COMPUTED_BY])) if not isroutine(named(name))] == []


def test_names_lead_from_a_result_to_its_functions(tmp_path):
    publish(
        tmp_path / "a.json",
        compare(["Mår bra."], ["Mår bra."], Splitter([])),
        DisclosureParams(demo=True, minimum_patients=10),
    )
    result = read_json(tmp_path / "a.json")
    check(result)
    assert named(maker_of(result[COMPUTED_BY], "difference.tokens")).__name__ == "describe"
    for wrong in ("fidelity.statistics.described", "fidelity.nowhere.describe", "nowhere.describe"):
        with pytest.raises((AttributeError, LookupError)):
            named(wrong)
    with pytest.raises(AssertionError):
        check(result | {COMPUTED_BY: "fidelity.statistics._STOP"})
    with pytest.raises(AssertionError):
        check(result | {"other": 1, COMPUTED_BY: {"real": "fidelity.statistics.describe"}})


@pytest.mark.parametrize("file", RESULTS)
def test_every_committed_result_names_functions_that_are_there(file):
    check(read_json(ROOT / "results" / file))


@pytest.mark.parametrize(
    ("key", "computes"),
    [
        ("utility.mimic.synthetic_s.micro.f1.mean", "f1"),
        ("privacy.mimic.measures.rouge_recall.synthetic", "mean"),
        ("ratings.published.mimic.readability.krippendorff_alpha", "coincidences"),
        ("hypotheses.mimic.winner.verdict", "TOO_FEW"),
        ("cohort.mimic.subsets.L.notes", "len("),
    ],
)
def test_a_reader_finds_the_code_behind_a_number_in_three_files(key, computes):
    """From the report's origin: the stage's module, and from import to import the module of the function."""
    number = gather(ROOT / "paper", ROOT / "results", ROOT / "params.yaml", ROOT / "languages").numbers[key]
    assert number.origin.endswith(f"; {number.function})")
    function = named(number.function)
    target = Path(getsourcefile(function)).relative_to(dependencies.SOURCE)
    files = [Path("synthnotes", "stages", f"{number.source.stage}.py")]
    assert f"-m synthnotes.stages.{number.source.stage} " in (ROOT / "dvc.yaml").read_text(encoding="utf-8")
    reached = [{files[0]}]
    while target not in reached[-1] and len(reached) < 5:
        reached.append({module for path in reached[-1] for module in dependencies.imports(path)})
    assert target in reached[-1]
    assert len(reached) <= 3
    assert computes in getsource(function)
