"""Synthnotes: rebuilds *Instruction-Tuning LLaMA for Synthetic Medical Note Generation in Swedish and English*.

Importing the package states, once and before any library reads it, that nothing is fetched from or reported to the
network, and that thread pools do not fight over the cores.
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
# A sum over threads depends on their number. With one, a result is the same on any number of cores, and stages can run
# side by side, which uses two cores better than one stage does with two threads.
os.environ.setdefault("OMP_NUM_THREADS", "1")
