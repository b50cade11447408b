"""Synthnotes: rebuilds *Instruction-Tuning LLaMA for Synthetic Medical Note Generation in Swedish and English*.

Importing the package seals the process: once and before any library could read otherwise, it states that nothing is
fetched from or reported to the network, and sees to it. Thread pools of tokenizers do not fight over the cores.
"""

import os

from synthnotes import sealed

sealed.seal()
os.environ["TOKENIZERS_PARALLELISM"] = "false"
