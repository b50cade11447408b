"""Makers: every value of a result says which function computed it."""

import runpy

import numpy as np
import pytest

from synthnotes.coding.evaluation import average_seeds
from synthnotes.machinery.disclosure import (
    Parts,
    also,
    computed,
    extreme,
    like,
    over,
    people,
    publish,
    publish_settings,
    setting,
    share,
    sign,
    suppress,
)
from synthnotes.machinery.files import read_json
from synthnotes.machinery.makers import COMPUTED_BY, maker_of, tree, without_makers
from synthnotes.machinery.params import DisclosureParams
from synthnotes.significance.two_samples import holm, wilcoxon

DEMO, REAL = (DisclosureParams(demo=demo, minimum_patients=10) for demo in (True, False))
FIRST, SECOND, THIRD = (f"{__name__}.{name}" for name in ("first", "second", "third"))


def first(patients=12):
    return people(patients)


def second():
    return next(over(12, 0.5) for _ in range(1))  # within a comprehension


def third():
    def inner():
        return (lambda: extreme(0.5))()

    return inner()


def makers_of(found, minimum=1):
    return tree(found, suppress(found, minimum))


def test_a_value_remembers_the_function_that_made_it():
    assert (first().maker, second().maker, third().maker) == (FIRST, SECOND, THIRD)
    here = f"{__name__}.test_a_value_remembers_the_function_that_made_it"
    assert [value.maker for value in (share(1, 2), setting("a"), sign(3), setting({"a": 1})["a"])] == [here] * 4


def test_who_tells_of_a_value_again_does_not_become_its_maker():
    told = over(50, Parts({"a": first(), "own": 0.5}))
    here = f"{__name__}.test_who_tells_of_a_value_again_does_not_become_its_maker"
    assert (told["a"].maker, told["own"].maker) == (FIRST, here)
    assert like(0.3, second(), first()).maker == SECOND
    assert also(20, first()).maker == FIRST


def test_a_function_that_is_called_is_the_maker_and_who_calls_says_of_whom_it_tells():
    found = {"test": computed(wilcoxon, [3, 4], [1, 1]), "p_holm": computed(holm, [0.1])[0], "level": 0.05}
    with pytest.raises(TypeError, match=r"^test\.w: "):
        suppress(found, 1)
    assert makers_of(setting(found)) == {
        "test": "significance.two_samples.wilcoxon",
        "p_holm": "significance.two_samples.holm",
        "level": f"{__name__}.test_a_function_that_is_called_is_the_maker_and_who_calls_says_of_whom_it_tells",
    }
    # Of four ways to set the signs of two ranks, two have all of them alike.
    plain = suppress(setting(found), 10)["test"]
    assert plain == {"w": 0.0, "p": 0.5, "pairs": 2, "exact": True}
    assert plain["exact"] is True
    assert suppress(over(9, found), 10)["test"] == dict.fromkeys(plain)


def test_a_stage_that_is_run_goes_by_the_name_of_its_module(tmp_path, monkeypatch):
    code = "from synthnotes.machinery.disclosure import computed, setting\ndef main(): return setting(1)\n"
    (tmp_path / "a_stage.py").write_text(f"{code}FOUND = main().maker, computed(main).maker\n")
    monkeypatch.syspath_prepend(tmp_path)
    assert runpy.run_module("a_stage", run_name="__main__")["FOUND"] == ("a_stage.main", "a_stage.main")


def test_makers_are_nested_as_the_result_is():
    def of_set(**more):
        return {"notes": first(), "micro": {"f1": second(), "auc": second(), "loss": None}} | more

    alike = {"notes": FIRST, "micro": SECOND}
    assert makers_of({"a": second(), "b": {"c": second(), "d": None}}) == SECOND
    assert makers_of(of_set()) == alike
    assert makers_of({"real": of_set(), "synthetic": of_set()}) == {"*": alike}
    assert makers_of({"real": of_set(), "synthetic": of_set(), "none": None}) == {"*": alike}
    assert makers_of({"real": of_set()}) == {"real": alike}  # one is not every
    different = {"real": of_set(), "synthetic": of_set(longest=third())}
    assert makers_of(different) == {"real": alike, "synthetic": alike | {"longest": THIRD}}
    assert makers_of({"by": {"seed": {"a": of_set(), "b": of_set()}}}) == {"by": {"seed": {"*": alike}}}
    assert makers_of({"a": None, "b": {}}) is None


def test_a_mean_over_seeds_is_made_by_what_made_the_runs():
    runs = [{"f1": second(), "notes": first(of)} for of in (20, 30)]
    assert makers_of(average_seeds(runs)) == {"f1": SECOND, "notes": FIRST}


def test_what_is_hidden_names_nobody():
    found = {"many": first(12), "few": {"notes": first(3), "f1": over(3, 0.5)}}
    assert makers_of(found, 10) == FIRST
    assert set(makers_of(found)) == {"many", "few"}
    nothing = {"many": first(12), "few": {"notes": None, "f1": None}}
    assert makers_of(found, 10) == makers_of(nothing, 10)  # nor that there is something


@pytest.mark.parametrize(
    ("place", "maker"),
    [
        ("notes", FIRST),
        ("notes.mean", FIRST),  # all below it
        ("sets.real.f1.mean", SECOND),
        ("sets.special.f1", THIRD),
        ("sets.special.auc", None),
        ("sets.special", None),  # of several
        ("sets", None),
        ("other", None),
    ],
)
def test_the_maker_of_a_place(place, maker):
    computed_by = {"notes": FIRST, "sets": {"*": {"f1": SECOND, "auc": THIRD}, "special": {"f1": THIRD}}}
    assert maker_of(computed_by, place) == maker
    assert maker_of(FIRST, place) == FIRST


def test_a_result_is_written_with_its_makers(tmp_path):
    found = {"patients": first(12), "f1": second(), "rare": over(3, 0.25)}
    publish(tmp_path / "a.json", found, REAL)
    written = read_json(tmp_path / "a.json")
    assert written == {"patients": 12, "f1": 0.5, "rare": None, COMPUTED_BY: {"patients": FIRST, "f1": SECOND}}
    assert without_makers(written) == {"patients": 12, "f1": 0.5, "rare": None}
    with pytest.raises(TypeError, match=COMPUTED_BY):
        publish(tmp_path / "b.json", found | {COMPUTED_BY: setting("me")}, DEMO)
    assert not (tmp_path / "b.json").exists()


def test_what_tells_of_nobody_is_written_without_suppression_and_nothing_else_is(tmp_path):
    path = tmp_path / "a.json"
    publish_settings(path, setting({"kappa": 0.5, "exact": np.True_}))
    assert without_makers(read_json(path)) == {"kappa": 0.5, "exact": True}
    for refused in (second(), 0.5):
        with pytest.raises(TypeError):
            publish_settings(path, {"kappa": refused})
