"""Parameters are validated with the key and the expectation named, and the paper's scale is a valid overlay."""

from pathlib import Path

import pytest
import yaml

from synthnotes.machinery import configure, params
from synthnotes.machinery.files import UserError

VALUES = yaml.safe_load(Path("params.yaml").read_text())


def changed(tmp_path, *path_and_value):
    *path, key, value = path_and_value
    values = yaml.safe_load(Path("params.yaml").read_text())
    section = values
    for step in path:
        section = section[step]
    section[key] = value
    file = tmp_path / "params.yaml"
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
        (("corpora", ["mimic", "eicu"]), "corpora.1"),
        (("privacy", "rouge_tokenizer", {"mimic": "ascii"}), "privacy.rouge_tokenizer.sepr: Field required"),
        (("noise", "levels", [0]), "noise.levels.0"),
        (("seeds", []), "seeds: List should have at least 1 item"),
        (("seeds", [7, 7]), "seeds must not repeat"),
        (("noise", "seeds", [7, 7]), "noise.seeds.*seeds must not repeat"),
        (("coding", "weights", "mimic", {"real_l": "ours"}), r"coding.weights.mimic.real_l.*pattern"),
        (("coding", "weights", "mimic", {"real_l-7": "ours"}), "real_l-7, whose seed does not stand in seeds"),
        (("significance", "pairs", [["synthetic", "real_s"]]), "significance.pairs.0.0"),
    ],
)
def test_a_wrong_value_is_named(tmp_path, change, message):
    with pytest.raises(UserError, match=message):
        params.load("fidelity", changed(tmp_path, *change))  # even where another section is asked for


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


def test_an_invalid_overlay_leaves_the_file_alone(tmp_path):
    file, overlay = tmp_path / "params.yaml", tmp_path / "wrong.yaml"
    file.write_text(Path("params.yaml").read_text())
    overlay.write_text("coding: {epochs: -1}")
    with pytest.raises(UserError, match=r"wrong.yaml: coding.epochs"):
        configure.merge(file, overlay)
    assert file.read_text() == Path("params.yaml").read_text()
    assert sorted(p.name for p in tmp_path.iterdir()) == ["params.yaml", "wrong.yaml"]
