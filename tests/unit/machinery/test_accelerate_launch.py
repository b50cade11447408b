from pathlib import Path

import pytest
import yaml

from synthnotes.machinery import configure, params
from synthnotes.machinery.files import UserError
from synthnotes.machinery.params import Params
from synthnotes.machinery.resources import LAUNCHED, Machine, check_processes, launch, launch_command, launched

CONFIGS = Path("configs/accelerate")


def config_of(name):
    return yaml.safe_load((CONFIGS / f"{name}.yaml").read_text(encoding="utf-8"))


def test_the_papers_processes_start_through_accelerate():
    values = yaml.safe_load(Path("machine.yaml").read_text(encoding="utf-8"))
    configure.overlay(values, yaml.safe_load(Path("configs/machine/two-gpus.yaml").read_text(encoding="utf-8")))
    paper = params.validate(values, "two-gpus", Machine).finetune
    config = CONFIGS / f"{paper.accelerate}.yaml"
    command = launch_command(config, paper.processes, "synthnotes.stages.finetune", ["--corpus", "mimic"])
    assert command[1:3] == ["-m", "accelerate.commands.launch"]
    assert command[command.index("--num_processes") + 1] == "2"
    assert command[-4:] == ["--module", "synthnotes.stages.finetune", "--corpus", "mimic"]
    config = yaml.safe_load(Path(command[command.index("--config_file") + 1]).read_text(encoding="utf-8"))
    assert config["deepspeed_config"]["zero_stage"] == 3
    assert config["deepspeed_config"]["zero3_save_16bit_model"] is True


@pytest.mark.parametrize("name", ["single", "ddp", "fsdp", "zero3"])
def test_accelerate_reads_every_configuration(name):
    from accelerate.commands.config.config_args import load_config_from_file

    processes = 1 if name == "single" else 4
    command = launch_command(CONFIGS / f"{name}.yaml", processes, "module", [])
    read = load_config_from_file(command[command.index("--config_file") + 1])
    kinds = {"single": "NO", "ddp": "MULTI_GPU", "fsdp": "FSDP", "zero3": "DEEPSPEED"}
    assert read.distributed_type.value == kinds[name]


def test_fsdp_gathers_what_it_saves():
    assert config_of("fsdp")["fsdp_config"]["fsdp_state_dict_type"] == "FULL_STATE_DICT"


@pytest.mark.parametrize(
    ("processes", "config", "gpus", "message"),
    [
        (1, None, 0, None),
        (1, None, 1, None),
        (1, None, 4, r"machine\.yaml: finetune\.accelerate: 4 GPUs are present"),
        (1, "single", 4, None),
        (2, "ddp", 0, None),
        (2, "fsdp", 0, None),
        (2, "zero3", 0, r"machine\.yaml: finetune\.accelerate: zero3 needs GPUs"),
        (4, "zero3", 4, None),
        (4, "ddp", 2, r"machine\.yaml: finetune\.processes: 4 GPUs are needed, 2 are present"),
    ],
)
def test_processes_that_the_machine_cannot_run_are_refused(processes, config, gpus, message):
    if message is None:
        check_processes("finetune", processes, config, gpus)
    else:
        with pytest.raises(UserError, match=message):
            check_processes("finetune", processes, config, gpus)


@pytest.mark.parametrize(("processes", "config"), [(2, None), (2, "single"), (1, "zero3")])
def test_processes_without_their_configuration_are_refused(processes, config):
    values = yaml.safe_load(Path("machine.yaml").read_text(encoding="utf-8"))
    values["finetune"] |= {"processes": processes, "accelerate": config}
    with pytest.raises(UserError, match=r"finetune: .*accelerate must be ddp, fsdp or zero3"):
        params.validate(values, "machine.yaml", Machine)


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"samples": 0}, r"generate\.samples: Input should be greater than 0"),
        ({"engine": "none"}, r"generate\.engine"),
        ({"model_length": 100}, "max_new_tokens must not exceed model_length"),
    ],
)
def test_sampling_values_that_cannot_work_together_are_refused(change, message):
    values = yaml.safe_load(Path("params.yaml").read_text(encoding="utf-8"))
    values["generate"] |= change
    with pytest.raises(UserError, match=message):
        params.validate(values, "params.yaml", Params)


def test_the_processes_that_accelerate_starts_know_it(monkeypatch):
    assert not launched()
    monkeypatch.setenv(LAUNCHED, "1")
    assert launched()


def test_a_failed_process_is_one_clear_error():
    with pytest.raises(UserError, match="finetune: training failed in one of its processes"):
        launch(["false"], "finetune")
    launch(["true"], "finetune")
