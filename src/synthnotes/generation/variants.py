"""Variants: other values of repetition penalty and temperature to sample with, for the ablation (paper, 4.2)."""

from itertools import product

import pandas as pd

from synthnotes.generation.sampling import COLUMNS
from synthnotes.machinery.sections import AblationParams, GenerateParams

SETTING = "setting"  # the column of a table of samples that names the pair of values they were drawn with


def pairs(ablation: AblationParams) -> dict[str, tuple[float, float]]:
    """Gives all pairs of penalty and temperature to compare, by name; none if a list is empty."""
    return {
        f"penalty_{penalty}_temperature_{temperature}".replace(".", "_"): (penalty, temperature)
        for penalty, temperature in product(ablation.repetition_penalties, ablation.temperatures)
    }


def variants(settings: GenerateParams, ablation: AblationParams) -> dict[str, GenerateParams]:
    """Gives the values to sample with for each pair, by its name."""
    return {
        name: settings.model_copy(
            update={"repetition_penalty": penalty, "temperature": temperature, "samples": ablation.samples}
        )
        for name, (penalty, temperature) in pairs(ablation).items()
    }


def join(drawn: dict[str, pd.DataFrame]) -> pd.DataFrame:
    """Puts the samples of all pairs of values into one table, under a column with the pair's name."""
    if not drawn:
        return pd.DataFrame(columns=[SETTING, *COLUMNS])
    return pd.concat(drawn, names=[SETTING]).droplevel(1).reset_index()


def split(table: pd.DataFrame) -> dict[str, pd.DataFrame]:
    """Takes it apart again, in its order."""
    groups = table.groupby(SETTING, sort=False)
    return {name: samples.drop(columns=SETTING).reset_index(drop=True) for name, samples in groups}
