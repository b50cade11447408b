"""Sampling: what every engine is given and gives back, and what decides a sample (paper, sections 4.1 and 4.2)."""

import hashlib
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from itertools import product
from pathlib import Path

import pandas as pd

from synthnotes.machinery.files import UserError
from synthnotes.machinery.params import AblationParams, GenerateParams
from synthnotes.machinery.resources import GenerateMachine

COLUMNS = ["note_id", "sample", "text", "finish_reason", "prompt_tokens", "new_tokens", "mean_log_probability"]
SETTING = "setting"  # the column of a table of samples for the ablation that names their penalty and temperature
TOO_LONG = "prompt_too_long"  # the finish reason of samples that were never drawn
TAUGHT_NOTHING = (
    "It ends a note at once, so that fine-tuning has taught it nothing, or the wrong thing: see the loss that stage "
    "finetune printed, and change finetune.learning_rate, finetune.epochs or generate.temperature in params.yaml."
)


@dataclass(frozen=True)
class Prompt:
    """A prompt to sample from: the note_id of the real note that it comes from, and its token ids."""

    note_id: str
    tokens: list[int]


# An engine at work. It takes prompts that leave room for a note, and the values to sample with, and gives a table with
# a row per prompt and sample, in their order:
#   note_id, sample (from 0), text;
#   finish_reason: `stop` (the note ended by itself) or `length` (it was cut; repair h);
#   prompt_tokens, new_tokens (with the end token);
#   mean_log_probability: of the new tokens, by the model itself, before temperature, penalty and top_p.
Sampler = Callable[[Sequence[Prompt], GenerateParams], pd.DataFrame]


def check_gpus(settings: GenerateParams, resources: GenerateMachine, present: int) -> None:
    """Refuses to start with fewer GPUs than are asked for, or to split a model where the engine cannot do it.

    On a CPU, engines run side by side at most.

    Raises:
        UserError: names the values and their file.
    """
    if settings.engine == "transformers" and resources.tensor_parallel > 1:
        raise UserError(
            "machine.yaml: generate.tensor_parallel must be 1 with the engine transformers (generate.engine in "
            "params.yaml), which cannot split a model."
        )
    needed = resources.tensor_parallel * resources.data_parallel
    if (present and needed > present) or (not present and resources.tensor_parallel > 1):
        raise UserError(
            f"machine.yaml: generate.tensor_parallel ({resources.tensor_parallel}) x generate.data_parallel "
            f"({resources.data_parallel}): {needed} GPUs are needed, {present} are present. Lower them."
        )


def require_texts(drawn: pd.DataFrame, model: Path) -> None:
    """Refuses samples of which all are empty, before a later stage blames the corpus for having no notes."""
    if not drawn["text"].str.strip().any():
        raise UserError(f"{model}: all {len(drawn)} samples that the generator drew are empty. {TAUGHT_NOTHING}")


def new_token_limit(settings: GenerateParams, prompt: Prompt) -> int:
    """Bounds a note's tokens by the parameter and by what the model's length leaves after the prompt (repair g)."""
    return min(settings.max_new_tokens, settings.model_length - len(prompt.tokens))


def seed_of(settings: GenerateParams, prompt: Prompt) -> int:
    """Gives the seed of a prompt's first sample; sample i has this seed + i.

    It follows from the run's seed and the prompt's note_id, so that a sample depends on no order, shard or process.
    """
    digest = hashlib.sha256(f"{settings.seed} {prompt.note_id}".encode()).digest()
    return int.from_bytes(digest[:7], "big")


def split_by_length(prompts: Sequence[Prompt], settings: GenerateParams) -> tuple[list[Prompt], list[Prompt]]:
    """Splits prompts into those that leave room for a note within the model's length, and those that do not."""
    length = settings.model_length
    fitting = [prompt for prompt in prompts if len(prompt.tokens) < length]
    return fitting, [prompt for prompt in prompts if len(prompt.tokens) >= length]


def unsampled(prompts: Sequence[Prompt], samples: int) -> pd.DataFrame:
    """Gives the rows of prompts that are too long: empty samples, with a reason that says so."""
    rows = [
        (prompt.note_id, sample, "", TOO_LONG, len(prompt.tokens), 0, float("nan"))
        for prompt in prompts
        for sample in range(samples)
    ]
    return pd.DataFrame(rows, columns=COLUMNS)


def pairs_of_values(ablation: AblationParams) -> dict[str, tuple[float, float]]:
    """Gives all pairs of repetition penalty and temperature to compare, by name; none if a list is empty."""
    return {
        f"penalty_{penalty}_temperature_{temperature}".replace(".", "_"): (penalty, temperature)
        for penalty, temperature in product(ablation.repetition_penalties, ablation.temperatures)
    }


def vary(settings: GenerateParams, ablation: AblationParams) -> dict[str, GenerateParams]:
    """Gives the values to sample with for each pair, by its name."""
    return {
        name: settings.model_copy(
            update={"repetition_penalty": penalty, "temperature": temperature, "samples": ablation.samples}
        )
        for name, (penalty, temperature) in pairs_of_values(ablation).items()
    }


def join_tables(drawn: dict[str, pd.DataFrame]) -> pd.DataFrame:
    """Puts the samples of all pairs of values into one table, under a column with the pair's name."""
    if not drawn:
        return pd.DataFrame(columns=[SETTING, *COLUMNS])
    return pd.concat(drawn, names=[SETTING]).droplevel(1).reset_index()


def part_tables(table: pd.DataFrame) -> dict[str, pd.DataFrame]:
    """Takes it apart again, in its order."""
    groups = table.groupby(SETTING, sort=False)
    return {name: samples.drop(columns=SETTING).reset_index(drop=True) for name, samples in groups}
