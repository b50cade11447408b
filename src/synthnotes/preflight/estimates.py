"""Sizing: tokens, memory, time and disk of fine-tuning and sampling, by arithmetic from a model's config.json.

All formulas are for decoders built like LLaMA: grouped-query attention, a gated feed-forward network, RMS norms, no
biases. `t` tokens, `H` hidden size, `A` = heads x head size, `K` = key-value heads x head size, `I` intermediate size,
`V` vocabulary, `r` LoRA rank. What they leave out (workspace of kernels, fragmentation) is the reserve of 10 % that
`fits` asks for.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from synthnotes.machinery.machine import FinetuneMachine, GenerateMachine, steps_of
from synthnotes.machinery.sections import FinetuneParams

BYTES = {"float32": 4, "bfloat16": 2}
ADAPTER_BYTES = 16  # a trained parameter: weight, gradient, and Adam's two moments, all float32
HEAD_TILE = 4096 * 32768  # logits that exist at once, tokens x vocabulary: TRL computes the head in tiles
RESERVE = 0.9  # of a GPU's memory can be planned with


@dataclass(frozen=True)
class Gpu:
    """A kind of GPU: memory in GiB, bfloat16 matrix TFLOP/s without sparsity, bandwidth in GB/s (from data sheets)."""

    memory: float
    tflops: float
    bandwidth: float


GPUS = {
    "l40s": Gpu(45, 362, 864),
    "a100-40": Gpu(39, 312, 1555),
    "a100-80": Gpu(79, 312, 2039),
    "h100": Gpu(79, 989, 3350),
    "h200": Gpu(139, 989, 4800),
}
# What of a data sheet is reached in practice: of TFLOP/s in training and in reading prompts, of bandwidth in sampling.
UTILISATION = 0.35
BANDWIDTH_UTILISATION = 0.6


@dataclass(frozen=True)
class Architecture:
    """The shape of a decoder."""

    hidden: int
    layers: int
    heads: int
    kv_heads: int
    head_size: int
    intermediate: int
    vocabulary: int
    tied: bool

    @classmethod
    def of(cls, config: Mapping[str, Any]) -> "Architecture":
        """Reads the shape from the content of config.json."""
        hidden, heads = config["hidden_size"], config["num_attention_heads"]
        return cls(
            hidden=hidden,
            layers=config["num_hidden_layers"],
            heads=heads,
            kv_heads=config.get("num_key_value_heads") or heads,
            head_size=config.get("head_dim") or hidden // heads,
            intermediate=config["intermediate_size"],
            vocabulary=config["vocab_size"],
            tied=config.get("tie_word_embeddings", False),
        )

    @property
    def linears(self) -> list[tuple[int, int]]:
        """Inputs and outputs of a layer's linear maps: query, key, value, output, gate, up, down."""
        attention, keys = self.heads * self.head_size, self.kv_heads * self.head_size
        h, i = self.hidden, self.intermediate
        return [(h, attention), (h, keys), (h, keys), (attention, h), (h, i), (h, i), (i, h)]

    @property
    def layer_parameters(self) -> int:
        """Weights of all layers' linear maps."""
        return self.layers * sum(a * b for a, b in self.linears)

    @property
    def parameters(self) -> int:
        """All weights: embedding, head unless tied, linear maps, norms."""
        embeddings = self.vocabulary * self.hidden * (1 if self.tied else 2)
        return embeddings + self.layer_parameters + (2 * self.layers + 1) * self.hidden

    def lora_parameters(self, rank: int) -> int:
        """Weights of adapters on all linear maps: r (inputs + outputs) each."""
        return self.layers * rank * sum(a + b for a, b in self.linears)

    def cache_bytes(self, precision: str) -> int:
        """Key-value cache of one token: 2 K per layer."""
        return 2 * self.layers * self.kv_heads * self.head_size * BYTES[precision]


def training_flops(shape: Architecture, rank: int, length: float, checkpointing: bool = False) -> float:
    """Floating-point operations per token of LoRA training.

    Forward 2 per weight, backward 2 per frozen weight (the gradient of its input; its own is not needed) and 4 per
    adapter weight; attention 4 A per token attended to, forward, and twice that backward. Attended to is the whole
    text, as is usual in counting (Chowdhery et al. 2022), though the causal mask spares half. Gradient checkpointing
    repeats the layers' forward pass; model FLOP utilisation leaves this out.

    Args:
        shape: the model.
        rank: of the adapters.
        length: tokens of a text; of texts of many lengths, the mean over tokens.
        checkpointing: whether to count the repeated forward pass.
    """
    adapters = 2 * shape.lora_parameters(rank)
    attention = 4 * shape.layers * shape.heads * shape.head_size * length
    layers = 2 * shape.layer_parameters + adapters + attention
    head = 2 * shape.vocabulary * shape.hidden
    backward = 2 * shape.layer_parameters + 2 * adapters + 2 * attention
    return layers + head + backward + head + (layers if checkpointing else 0)


def activation_bytes(shape: Architecture, rank: int, tokens: int, precision: str, checkpointing: bool) -> float:
    """Memory of what the backward pass needs of the forward pass, for `tokens` at once.

    Per token and layer, at the model's precision: both norms' inputs and outputs (4 H), queries and attention's output
    (2 A), keys and values (2 K), gate, its activation, up and their product (4 I), and the adapters' middles (7 r); at
    bfloat16 also both norms' inputs as float32 and the adapters' inputs once more (2 H each). With gradient
    checkpointing only each layer's input stays, the last norm's as float32, and one layer's worth of the rest. To that
    come the logits and their gradient, float32.
    """
    attention, keys = shape.heads * shape.head_size, shape.kv_heads * shape.head_size
    size = BYTES[precision]
    layer = (4 * shape.hidden + 2 * attention + 2 * keys + 4 * shape.intermediate + 7 * rank) * size
    layer += 2 * shape.hidden * (4 + 2) if precision == "bfloat16" else 0
    kept = (shape.layers * size + 4) * shape.hidden + layer if checkpointing else shape.layers * layer
    return tokens * kept + 2 * 4 * min(tokens * shape.vocabulary, HEAD_TILE)


def training_memory(shape: Architecture, settings: FinetuneParams, resources: FinetuneMachine) -> dict[str, float]:
    """Bytes on each GPU in fine-tuning, by use; weights and adapters are shared out by FSDP and ZeRO-3."""
    shards = resources.processes if resources.accelerate in ("fsdp", "zero3") else 1
    tokens = steps_of(settings.batch, resources.micro_batch, resources.processes)[0] * settings.max_length
    rank = settings.lora.r
    return {
        "weights": shape.parameters * BYTES[settings.precision] / shards,
        "adapters": shape.lora_parameters(rank) * ADAPTER_BYTES / shards,
        "activations": activation_bytes(shape, rank, tokens, settings.precision, resources.gradient_checkpointing),
    }


def training_hours(flops: float, gpu: Gpu, precision: str) -> float:
    """GPU hours of training; float32 runs at half of bfloat16's rate (TF32)."""
    rate = gpu.tflops * 1e12 * UTILISATION * (1 if precision == "bfloat16" else 0.5)
    return flops / rate / 3600


def cache_sequences(shape: Architecture, precision: str, resources: GenerateMachine, length: float, gpu: Gpu) -> float:
    """How many sequences of `length` tokens the key-value cache of one engine holds; negative: not even the weights."""
    memory = gpu.memory * 2**30 * resources.gpu_memory_share * resources.tensor_parallel
    free = memory - shape.parameters * BYTES[precision]
    return free / (length * shape.cache_bytes(precision))


def sampling_hours(
    shape: Architecture,
    precision: str,
    resources: GenerateMachine,
    gpu: Gpu,
    prompt_tokens: float,
    new_tokens: float,
    length: float,
) -> float:
    """GPU hours of sampling.

    Reading prompts is bound by arithmetic, 2 operations per weight and token. Writing is bound by bandwidth: each step
    reads the weights once, and for every sequence that is under way its keys and values.

    Args:
        shape: the model.
        precision: of the weights.
        resources: the section `generate` of machine.yaml.
        gpu: the kind of GPU.
        prompt_tokens: of all prompts; the samples of one prompt share them.
        new_tokens: of all samples.
        length: mean tokens of a sequence that is under way.
    """
    size = BYTES[precision]
    reading = prompt_tokens * 2 * shape.parameters / (gpu.tflops * 1e12 * UTILISATION)
    at_once = max(1.0, min(resources.concurrent_sequences, cache_sequences(shape, precision, resources, length, gpu)))
    step = shape.parameters * size + at_once * length * shape.cache_bytes(precision)
    writing = new_tokens / at_once * step / (gpu.bandwidth * 1e9 * BANDWIDTH_UTILISATION)
    return (reading + writing) / 3600
