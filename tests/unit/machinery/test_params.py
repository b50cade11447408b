"""Both parameter files are validated with the key and the expectation named; configurations are valid overlays."""

from pathlib import Path

import pytest
import yaml

from synthnotes.machinery import configure, params
from synthnotes.machinery.files import UserError
from synthnotes.machinery.params import CodingParams, CorpusParams, FidelityParams, GenerateParams
from synthnotes.machinery.resources import CodingMachine, FinetuneMachine, load_resources, read_resources, steps_of

VALUES = yaml.safe_load(Path("params.yaml").read_text())
SEPR = VALUES["corpora"]["sepr"]


def changed(tmp_path, *path_and_value, name="params.yaml"):
    *path, key, value = path_and_value
    values = yaml.safe_load(Path(name).read_text())
    section = values
    for step in path:
        section = section[step]
    section[key] = value
    file = tmp_path / name
    file.write_text(yaml.safe_dump(values))
    return file


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (("coding", "epochs", 0), "coding.epochs: Input should be greater than 0"),
        (("coding", "epochs", "many"), "coding.epochs: Input should be a valid integer"),
        (("coding", "epochs", 2.5), "coding.epochs"),
        (("coding", "epoch", 4), "coding.epoch: Extra inputs are not permitted"),
        (("generate", "top_p", 1.5), "generate.top_p"),
        (("corpus", "prompts_share", 0.9), "prompts_share"),
        (("corpora", {"sepr": SEPR}), "noise.corpora has mimic, which corpora has not"),
        (
            ("corpora", "sepr", "finetune", "epochs", 0.0),
            "corpora.sepr changes FinetuneParams: epochs: .*greater than 0",
        ),
        (("corpora", "sepr", "finetune", "epoch", 1.0), "corpora.sepr changes FinetuneParams: epoch: Extra inputs"),
        (("corpora", "sepr", "generate", "max_new_tokens", 513), "max_new_tokens must not exceed model_length"),
        (("corpora", "sepr", "coding", "real_l_validation", "real_l"), "real_l_validation: one for all corpora"),
        (("corpora", "sepr", {}), "corpora.sepr.name: Field required .*corpora.sepr.source: Field required"),
        (("corpora", "sepr", None), "corpora.sepr: Input should be a valid dictionary"),
        (("corpora", "sepr", "privacy", {}), "corpora.sepr.privacy: Extra inputs are not permitted"),
        (("corpora", "sepr", "source", "reader", "excel"), "corpora.sepr.source: .*'mimic', 'codiesp', 'table'"),
        (("corpora", "sepr", "source", "columns", "codes", "text"), "source.table.columns: .*text stands for two"),
        (
            ("corpora", "sepr", "source", {"reader": "codiesp", "text": "fr", "official_parts": True}),
            "text: .*'es' or 'en'",
        ),
        (("corpora", "sepr", "language", "Swedish"), "corpora.sepr.language: String should match pattern"),
        (("noise", "noise_levels", [0]), "noise.noise_levels.0"),
        (("seeds", [2**32]), "seeds.0: Input should be less than 4294967296"),
        (("finetune", "seed", 2**64), "finetune.seed: Input should be less than"),
        (("seeds", [1337.0]), "seeds.0: Input should be a valid integer"),
        (("seeds", ["1337"]), "seeds.0: Input should be a valid integer"),
        (("seeds", [True]), "seeds.0: Input should be a valid integer"),
        (("corpora", {"MIMIC": SEPR}), "corpora.MIMIC.*: String should match pattern"),
        (("ratings", "significance_level", 0.0), "ratings.significance_level: Input should be greater than 0"),
        (("seeds", []), "seeds: List should have at least 1 item"),
        (("seeds", [7, 7]), "seeds.*7 must not repeat"),
        (("noise", "seeds", [7, 7]), "noise.seeds.*7 must not repeat"),
        (("noise", "noise_levels", [20, 50, 20]), "noise.noise_levels.*20 must not repeat"),
        (("corpora", {}), "corpora: .*at least 1 item"),
        (("corpora", ["sepr"]), "corpora: Input should be a valid dictionary"),
        (("corpora", "sepr"), "corpora: Input should be a valid dictionary, names .*found 'sepr'"),
        (("seeds", 1337), "seeds: Input should be a valid list: write it in brackets"),
        (("larger_seeds", []), "larger_seeds: List should have at least 1 item"),
        (("corpora", "mimic", "weights", {"real": {}}), r"corpora.mimic.weights.real\..*'real_l'"),
        (
            ("corpora", "mimic", "weights", {"real_l": {}}),
            r"corpora.mimic.weights lacks real_and_synthetic_s: write {}",
        ),
        (("corpora", "mimic", "weights", "real_l", {"a": "ours"}), r"corpora.mimic.weights.real_l.a"),
        (("corpora", "mimic", "weights", "real_l", {7: "ours"}), "real_l has the seed 7, with which none is trained"),
        (("corpora", "mimic", "weights", "real_l", {1338: "ours"}), "real_l has the seed 1338"),
        (("finetune", "micro_batch", 4), "finetune.micro_batch: Extra inputs are not permitted"),
        (("significance", "pairs", [["synthetic", "real_s"]]), "significance.pairs.0.0"),
    ],
)
def test_a_wrong_value_is_named(tmp_path, change, message):
    with pytest.raises(UserError, match=message):
        params.load(
            "fidelity", FidelityParams, path=changed(tmp_path, *change)
        )  # even where another section is asked for


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (("coding", "micro_batch", 0), "machine.yaml: coding.micro_batch: Input should be greater than 0"),
        (("coding", "epochs", 4), "coding.epochs: Extra inputs are not permitted"),
        (("generate", "gpu_memory_share", 1.5), "generate.gpu_memory_share"),
        (("finetune", "accelerate", "horovod"), "finetune.accelerate"),
        (("privacy", {}), "privacy.memory_gib: Field required"),
    ],
)
def test_a_wrong_value_of_the_machine_is_named(tmp_path, change, message):
    with pytest.raises(UserError, match=message):
        load_resources("finetune", FinetuneMachine, changed(tmp_path, *change, name="machine.yaml"))


def test_sections_are_loaded_by_their_types_alone():
    assert params.load("coding", CodingParams).batch == VALUES["coding"]["batch"]
    assert load_resources("coding", CodingMachine).micro_batch > 0
    assert params.load("seeds", list) == VALUES["seeds"]
    with pytest.raises(TypeError, match="the section coding is a CodingParams, not a FidelityParams"):
        params.load("coding", FidelityParams)
    with pytest.raises(TypeError, match="the section coding is a CodingMachine, not a FinetuneMachine"):
        load_resources("coding", FinetuneMachine)


def test_a_declaration_changes_the_values_of_its_corpus_alone():
    shared, of_sepr = (params.load("generate", GenerateParams, corpus) for corpus in (None, "sepr"))
    assert (shared.max_new_tokens, of_sepr.max_new_tokens) == (448, 192)
    assert shared.model_copy(update={"max_new_tokens": 192, "model_length": 512}) == of_sepr
    published = params.load("corpus", CorpusParams, "sepr").published_subsets  # one key deep, L as in the section
    assert published.model_dump() == {"L": "train", "S": "test", "E": "val"}
    with pytest.raises(UserError, match="corpora declares no eicu, only mimic, sepr"):
        params.load("corpus", CorpusParams, "eicu")


def test_two_corpora_of_one_name_are_refused(tmp_path):
    file = tmp_path / "params.yaml"
    text = Path("params.yaml").read_text()
    file.write_text(text.replace("  sepr:\n    name", "  mimic:\n    name"))
    with pytest.raises(UserError, match=r"params\.yaml, line \d+: not valid YAML: found duplicate key .?mimic"):
        params.read(file)


def test_a_configuration_takes_a_corpus_out(tmp_path):
    file, without = tmp_path / "params.yaml", tmp_path / "without.yaml"
    file.write_text(Path("params.yaml").read_text())
    without.write_text("corpora: {mimic: null}\nnoise: {corpora: []}\n")
    configure.merge(file, without)
    assert list(params.read(file).corpora) == ["sepr"]


def test_seeds_of_a_training_set(tmp_path):
    file = changed(tmp_path, "larger_seeds", [7])
    seeds = VALUES["seeds"]
    assert params.load_seeds(file) == {
        "real_l": [7], "real_s": seeds, "synthetic_s": seeds, "real_and_synthetic_s": [7], "synthetic_s_all": [7],
    }  # fmt: skip


@pytest.mark.parametrize(
    ("batch", "micro_batch", "processes", "expected"),
    [(16, 16, 1, (16, 1)), (16, 99, 1, (16, 1)), (16, 2, 2, (2, 4)), (16, 5, 1, (4, 4)), (7, 3, 1, (1, 7))],
)
def test_a_batch_is_read_in_equal_steps(batch, micro_batch, processes, expected):
    assert steps_of(batch, micro_batch, processes) == expected


@pytest.mark.parametrize("processes", [3, 17])
def test_processes_that_cannot_share_a_batch_are_refused(processes):
    with pytest.raises(UserError, match=rf"machine.yaml: coding.processes: {processes} processes cannot share the 16"):
        steps_of(16, 4, processes, "coding")


def test_broken_yaml_is_told(tmp_path):
    file = tmp_path / "params.yaml"
    file.write_text("coding: {epochs: 3")
    with pytest.raises(UserError, match="not valid YAML"):
        params.read(file)


def test_the_paper_overlay_keeps_comments_and_changes_only_what_it_says(tmp_path):
    file = tmp_path / "params.yaml"
    file.write_text(Path("params.yaml").read_text())
    configure.merge(file, Path("configs/paper.yaml"))
    merged = yaml.safe_load(file.read_text())
    assert "# paper 6.1: PLM-ICD" in file.read_text()
    assert merged["coding"]["epochs"] == 20
    assert merged["generate"]["repetition_penalty"] == 1.5
    assert merged["finetune"]["lora"]["target_modules"] == VALUES["finetune"]["lora"]["target_modules"]
    assert merged["fidelity"] == VALUES["fidelity"]


def test_a_machine_s_configuration_is_merged_into_machine_yaml(tmp_path):
    file = tmp_path / "machine.yaml"
    file.write_text(Path("machine.yaml").read_text())
    configure.merge(file, Path("configs/machine/two-gpus.yaml"))
    found, before = read_resources(file), read_resources()
    assert (found.finetune.processes, found.finetune.accelerate, found.coding.micro_batch) == (2, "zero3", 8)
    assert found.generate.cpu_cache_gib == before.generate.cpu_cache_gib
    assert "# more than one starts accelerate" in file.read_text()
    with pytest.raises(UserError, match=r"paper.yaml: .*seeds: Extra inputs are not permitted"):
        configure.merge(file, Path("configs/paper.yaml"))
    assert read_resources(file) == found


def test_an_invalid_overlay_leaves_the_file_alone(tmp_path):
    file, overlay = tmp_path / "params.yaml", tmp_path / "wrong.yaml"
    file.write_text(Path("params.yaml").read_text())
    overlay.write_text("coding: {epochs: -1}")
    with pytest.raises(UserError, match=r"wrong.yaml: coding.epochs"):
        configure.merge(file, overlay)
    assert file.read_text() == Path("params.yaml").read_text()
    assert sorted(p.name for p in tmp_path.iterdir()) == ["params.yaml", "wrong.yaml"]
