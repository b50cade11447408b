"""Synthnotes: rebuilds *Instruction-Tuning LLaMA for Synthetic Medical Note Generation in Swedish and English*.

Importing the package denies the process the network: once and before any library could read otherwise, it states that
nothing is fetched from or reported to the network, and sees to it. And thread pools do not fight over the cores.
"""

import os

from synthnotes.machinery import network_isolation

network_isolation.deny_network()
os.environ["TOKENIZERS_PARALLELISM"] = "false"
# A sum over threads depends on their number. With one, a result is the same on any number of cores, and stages can run
# side by side, which uses two cores better than one stage does with two threads.
os.environ.setdefault("OMP_NUM_THREADS", "1")
