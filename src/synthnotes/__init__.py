"""Synthnotes: rebuilds *Instruction-Tuning LLaMA for Synthetic Medical Note Generation in Swedish and English*.

Importing the package states, once and before any library reads it, that nothing is fetched from or reported to the
network, and that progress bars and thread pools do not fight over the terminal and the cores.
"""

import os

OFFLINE = {
    "HF_HUB_OFFLINE": "1",
    "HF_DATASETS_OFFLINE": "1",
    "HF_HUB_DISABLE_TELEMETRY": "1",
    "VLLM_NO_USAGE_STATS": "1",
    "DO_NOT_TRACK": "1",
    "WANDB_MODE": "disabled",
    "TOKENIZERS_PARALLELISM": "false",
}

os.environ.update(OFFLINE)
