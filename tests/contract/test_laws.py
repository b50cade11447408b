"""The laws of the house. Each holds for every stage of dvc.yaml and every module, whatever comes."""

import ast
import inspect
import json
from importlib import import_module
from pathlib import Path

import pytest
from ruamel.yaml import YAML

from pipeline import ROOT, called, dvc_yaml, looks_like_a_path, modules, stages, tree
from synthnotes.machinery import configure, dependencies, params
from synthnotes.machinery.language import Language
from synthnotes.machinery.params import COMPARED_SETS, TRAINING_SETS, Params
from synthnotes.machinery.resources import Machine

STAGES = stages()
CONFIGURATIONS = "configs/accelerate"  # of the processes that train: how, not what
WORK = "build/work"  # what survives a kill inside a stage lies outside of what DVC knows and deletes


def module_of(stage):
    return Path("src/synthnotes/stages") / f"{stage.module}.py"


def strings(module):
    """String constants of a module, docstrings left out."""
    documentation = {
        id(node.body[0].value)
        for node in ast.walk(tree(module))
        if isinstance(node, ast.Module | ast.FunctionDef | ast.ClassDef) and ast.get_docstring(node) is not None
    }
    for node in ast.walk(tree(module)):
        if isinstance(node, ast.Constant) and isinstance(node.value, str) and id(node) not in documentation:
            yield node.value


# Law 1: stage name = module = params section = results folder; paths are written once, in dvc.yaml.


def test_stage_is_its_module_and_results_folder():
    for stage in STAGES:
        assert (ROOT / module_of(stage)).exists()
        name = stage.name.split("@")[0]
        assert name == stage.module or name.startswith(f"{stage.module}_")  # the same work on another list of members
        for output in stage.outputs:
            if output.path.startswith("results/"):
                assert f"{output.path}/".startswith(f"results/{stage.module}/")


def test_every_stage_module_is_a_stage_and_every_section_belongs_to_one():
    names = {stage.module for stage in STAGES}
    assert {m.stem for m in modules() if m.parent.name == "stages"} - {"__init__"} == names
    assert set(Params.model_fields) - {"corpora", "disclosure", "seeds", "larger_seeds"} <= names
    assert set(Machine.model_fields) <= names


def test_options_are_the_parameters_of_main():
    for stage in STAGES:
        main = import_module(f"synthnotes.stages.{stage.module}").main
        assert {option[2:].replace("-", "_") for option in stage.options} == set(inspect.signature(main).parameters)


def test_paths_are_not_written_in_code():
    for module in modules():
        if module.name in {"params.py", "resources.py"} or module.parts[2] == "demo":
            continue  # these files' own names; the demo kit fills data/ for the user, outside the pipeline
        assert not [s for s in strings(module) if looks_like_a_path(s) and "/" in s and " " not in s]


# Law 2: deps name what decides a stage's bytes, and nothing else: modules without the machinery, files, parameters.


def test_dvc_yaml_names_the_modules_that_decide():
    """`make deps` would change nothing."""
    text = (ROOT / "dvc.yaml").read_text(encoding="utf-8")
    assert dependencies.with_modules(text) == text
    assert len(text.splitlines()) <= 450


def test_deps_name_modules_that_decide_and_no_machinery():
    for stage in STAGES:
        named = [Path(dep).relative_to("src") for dep in stage.deps if dep.startswith("src/")]
        assert named == dependencies.folded(dependencies.deciding(stage.module))
        assert not [path for path in named if dependencies.MACHINERY in (path, *path.parents)]


def test_nothing_depends_on_how_it_is_computed():
    for stage in STAGES:
        assert not [dep for dep in stage.deps if dep.startswith(("configs", "machine.yaml", "dvc.yaml"))]


# What costs hours must not run again for a measure, its bounds or its words.
MEASURES = {"metrics.py", "evaluation.py", "outcomes.py"}  # of coders
MEASURES |= {"sample_measures.py", "training_measures.py", "description.py"}  # of notes


def test_what_makes_knows_no_measure_and_nothing_of_disclosure():
    for stage in STAGES:
        if stage.makes:
            assert not {path.name for path in dependencies.deciding(stage.module)} & MEASURES
            told = {param for param in stage.params if param.startswith("disclosure")}
            assert told <= (
                {"disclosure.demo"} if stage.module == "corpus" else set()
            )  # whether the data may be read at all
        else:
            assert any(output.path.startswith(("results/", "build/report/")) for output in stage.outputs)


# Parameters of a section that a stage reads, and that decide nothing of what it makes.
WITHOUT = {"noise": {"noise.corpora", "noise.hypotheses", "noise.noise_levels", "noise.seeds"}}
WITHOUT["noise"] |= {"noise.dictionary_words", "coding.real_l_validation"}  # the words stand in a file
WITHOUT["coding"] = {"coding.real_l_validation"}  # it names a table, in dvc.yaml
WITHOUT["variants"] = {"generate.samples", "generate.temperature", "generate.repetition_penalty"}
WITHOUT["corpus"] = {f"noise.{name}" for name in params.NoiseParams.model_fields if name != "dictionary_words"}
READ_IN_PART = {
    "fidelity",
    "ablation",
    "generation",
    "utility",
    "errors",
    "hypotheses",
    "detection",
    "headline",
    "published",
    "ratings",
}


def test_a_stage_that_names_parameters_one_by_one_forgets_none():
    """A new parameter of a section must make the stages that read it stale."""
    for stage in STAGES:
        if stage.module in READ_IN_PART:
            continue
        for section in {param.split(".")[0] for param in stage.params if "." in param} - {"disclosure", "corpora"}:
            fields = set(getattr(params.read(ROOT / "params.yaml"), section).model_fields)
            named = {param.split(".")[1] for param in stage.params if param.startswith(f"{section}.")}
            assert {f"{section}.{field}" for field in fields - named} == {
                param for param in WITHOUT.get(stage.module, ()) if param.startswith(f"{section}.")
            }


def test_what_a_corpus_sets_otherwise_makes_its_own_stages_stale_and_no_others():
    """A stage that loads a section for a corpus depends on that corpus's own values of it; and on its weights alone."""
    for stage in STAGES:
        loads = [call for call in called(module_of(stage), "load") if ast.unparse(call.func) == "params.load"]
        sections = {call.args[0].value for call in loads if len(call.args) > 2}
        assert sections <= set(params.DEVIATING)
        named = {param for param in stage.params if param.startswith("corpora.")}
        own = {f"corpora.{stage.options['--corpus'][0]}.{section}" for section in sections}
        assert own <= named
        others = {param.split(".", 2)[2] for param in named - own}
        assert others <= {"source", *(f"weights.{training}" for training in params.TRAINING_SETS)}


def test_a_stage_names_the_keys_of_a_language_that_it_reads():
    for stage in STAGES:
        keys = {key for of_file in stage.languages.values() for key in of_file}
        attributes = {node.attr for node in ast.walk(tree(module_of(stage))) if isinstance(node, ast.Attribute)}
        spoken = (attributes & set(Language.model_fields)) - {"name"}
        if not list(called(module_of(stage), "read_language")):
            spoken = set()
        assert spoken <= keys <= set(Language.model_fields)
        assert len(stage.languages) <= 1


def test_deps_and_outputs_name_every_path_of_the_command():
    for stage in STAGES:
        known = [*stage.deps, *stage.languages, *(output.path for output in stage.outputs)]
        for values in stage.options.values():
            for value in values:
                if looks_like_a_path(value) and value not in (WORK, CONFIGURATIONS):
                    inside = [k for k in known if value == k or value.startswith(f"{k}/") or k.startswith(f"{value}/")]
                    assert inside, f"{value} is neither a dependency nor an output"


def test_params_name_every_section_that_is_read():
    for stage in STAGES:
        read = set()
        for call in called(module_of(stage), "load"):
            if ast.unparse(call.func) == "params.load":
                read.add(call.args[0].value)
                read |= {"corpora"} if len(call.args) > 2 else set()  # which may set a corpus's own values
        if list(called(module_of(stage), "load_seeds")):
            read |= {"seeds", "larger_seeds"}
        if stage.module != "report":  # which depends on the whole file
            assert read == {name.split(".")[0] for name in stage.params}


# Law 3: every output tells its sensitivity; patient data lies in build/ and is never pushed.


def test_outputs_tell_their_sensitivity():
    for stage in STAGES:
        for output in stage.outputs:
            assert output.sensitivity in {"patient", "aggregate"}, output.path
            if output.sensitivity == "patient":
                assert output.path.startswith("build/"), output.path
                assert output.options.get("push") is False, output.path
            else:
                assert output.path.startswith(("results/", "build/report/")), output.path


def test_data_is_patient_data():
    (out,) = YAML(typ="safe", pure=True).load(ROOT / "data.dvc")["outs"]
    assert out["path"] == "data"
    assert out["push"] is False
    assert out["meta"] == {"sensitivity": "patient"}


def test_the_report_sees_aggregates_only():
    sensitive = [o.path for s in STAGES for o in s.outputs if o.sensitivity == "patient"] + ["data"]
    (report,) = [s for s in STAGES if s.name == "report"]
    for dep in report.deps:
        assert not [p for p in sensitive if p == dep or p.startswith(f"{dep}/") or dep.startswith(f"{p}/")], dep


def test_git_ignores_what_is_sensitive():
    ignored = (ROOT / ".gitignore").read_text().splitlines()
    assert "/build" in ignored  # without a slash at the end: links of these names too
    assert "/data" in ignored


# Stages whose results tell nothing of patients, or only what another stage has published.
NOT_SUPPRESSED = {"questionnaire": "numbers chosen", "ratings": "raters"}
NOT_SUPPRESSED |= dict.fromkeys(("headline", "published"), "published")


def test_results_are_published_by_the_function_that_suppresses():
    for stage in STAGES:
        results = {
            option[2:].replace("-", "_")
            for option, values in stage.options.items()
            if any(output.path in values for output in stage.outputs if output.path.startswith("results/"))
        }
        ways = {
            (call.args[0].id, way)
            for way in ("publish", "write_json", "write_csv")
            for call in called(module_of(stage), way)
            if isinstance(call.args[0], ast.Name)
        }
        if stage.module not in NOT_SUPPRESSED:
            assert {(name, way) for name, way in ways if name in results} == {(name, "publish") for name in results}


# Law 4: what makes has cached outputs alone, so that the run cache works for it; results are outputs without cache, and
# metrics are the headline's; nothing persists; nothing depends on dvc.lock.


def test_results_lie_in_git_and_everything_else_in_the_cache():
    for stage in STAGES:
        for output in stage.outputs:
            assert output.kind == "outs", output.path
            assert (output.options.get("cache") is False) == output.path.startswith("results/"), output.path
            assert "persist" not in output.options, output.path
        assert "dvc.lock" not in [*stage.deps, *stage.cmd.split()]


def test_metrics_are_the_headline_s():
    assert dvc_yaml()["metrics"] == [
        output.path for stage in STAGES if stage.name == "headline" for output in stage.outputs
    ]


# Law 5: what aggregates over a list in params iterates over the list; it never globs.


def test_stages_and_chapters_do_not_glob():
    for module in modules():
        if module.parts[2] in {"stages", "errors", "report", "questionnaire", "privacy"}:
            for name in ("glob", "rglob", "iterdir", "listdir", "scandir"):
                assert not list(called(module, name))


def test_coders_learn_from_every_training_set():
    matrices = {name: dvc_yaml()["stages"][name]["matrix"] for name in ("coding", "coding_larger", "coding_l")}
    assert matrices["coding"]["training"] == list(COMPARED_SETS)
    assert {of for matrix in matrices.values() for of in matrix["training"]} == set(TRAINING_SETS)


# Law 6: JSON without NaN (that one function writes it is ruff's TID251).


def test_committed_results_are_strict_json():
    def refuse(constant):
        raise AssertionError(constant)

    for stage in STAGES:
        for output in stage.outputs:
            if output.path.startswith("results/") and output.path.endswith(".json"):
                json.loads((ROOT / output.path).read_text(encoding="utf-8"), parse_constant=refuse)


# Law 7: configurations validate against the types of params.yaml.


@pytest.mark.parametrize("path", sorted((ROOT / "configs").glob("*.yaml")), ids=lambda p: p.name)
def test_configurations_are_valid(path):
    params.validate(overlaid("params.yaml", path), path.name, Params)


@pytest.mark.parametrize("path", sorted((ROOT / "configs" / "machine").glob("*.yaml")), ids=lambda p: p.name)
def test_machines_are_valid(path):
    params.validate(overlaid("machine.yaml", path), path.name, Machine)


def overlaid(name, path):
    reader = YAML(typ="safe", pure=True)
    values = reader.load(ROOT / name)
    configure.overlay(values, reader.load(path))
    return values


def test_dvc_yaml_holds_no_lock_and_no_persistence():
    assert set(dvc_yaml()) <= {"stages", "plots", "metrics", "params", "vars", "artifacts"}
