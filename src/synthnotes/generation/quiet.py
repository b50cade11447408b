"""Quiet: libraries report errors only, since their warnings may quote notes; progress bars of our own stay."""

import logging
import warnings

import datasets
import transformers


def quiet() -> None:
    """Silences what transformers, datasets and TRL log below errors, and their progress bars for small steps."""
    transformers.logging.set_verbosity_error()
    transformers.logging.disable_progress_bar()
    datasets.logging.set_verbosity_error()
    datasets.disable_progress_bars()
    for library in ("accelerate", "peft", "trl"):
        logging.getLogger(library).setLevel(logging.ERROR)
    warnings.filterwarnings("ignore")
