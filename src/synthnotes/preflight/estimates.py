"""Estimates: memory, time and disk of a run, by arithmetic from the models' sizes and both parameter files.

The formulas are for decoders built like LLaMA: grouped-query attention, a gated feed-forward network, RMS norms, no
biases. What they leave out (workspace of kernels, fragmentation) is in the tenth that `RESERVE` keeps. `make plan`
shows the whole; `make check` takes from them what a run cannot do without (`least`).
"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING

from synthnotes.machinery.model_folders import Role, sizes_of
from synthnotes.machinery.params import TRAINING_SETS, FinetuneParams, Params
from synthnotes.machinery.resources import FinetuneMachine, GenerateMachine, Machine, steps_of

if TYPE_CHECKING:
    from transformers import PreTrainedConfig

GIB = 2**30
BYTES = {"float32": 4, "bfloat16": 2}
TRAINED = 4 * 4  # bytes of a parameter in training: weight, gradient, and Adam's two moments, all float32
HEAD_TILE = 4096 * 32768  # logits that exist at once, tokens x vocabulary: on a GPU, TRL computes the head in tiles
RESERVE = 0.9  # of a GPU's memory can be planned with
NOTE_BYTES_PER_TOKEN = 2.0  # of a note in compressed parquet


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
    """The shape of a transformer: how many parameters its files hold, and the sizes of its layers and its head."""

    parameters: int
    layers: int
    hidden: int  # H
    queries: int  # A, heads x head size
    keys: int  # K, key-value heads x head size
    inner: int  # I, of the feed-forward network
    vocabulary: int

    @classmethod
    def of(cls, config: "PreTrainedConfig", parameters: int) -> "Architecture":
        """Reads the shape from a model's configuration."""
        sizes = sizes_of(config)
        queries, keys = (sizes[f"num_{of}_heads"] * sizes["head_dim"] for of in ("attention", "key_value"))
        layers, hidden = sizes["num_hidden_layers"], sizes["hidden_size"]
        return cls(parameters, layers, hidden, queries, keys, sizes["intermediate_size"], sizes["vocab_size"])

    @property
    def linears(self) -> list[tuple[int, int]]:
        """Inputs and outputs of a layer's linear maps: query, key, value, output, gate, up, down."""
        h, a, k, i = self.hidden, self.queries, self.keys, self.inner
        return [(h, a), (h, k), (h, k), (a, h), (h, i), (h, i), (i, h)]

    def lora_parameters(self, rank: int) -> int:
        """Weights of adapters on all linear maps: rank (inputs + outputs) each."""
        return self.layers * rank * sum(a + b for a, b in self.linears)

    def cache_bytes(self, precision: str) -> int:
        """Key-value cache of one token: 2 K per layer."""
        return 2 * self.layers * self.keys * BYTES[precision]


Models = Mapping[Role, Architecture]  # of a corpus: its generator, and the encoder of its coders


def training_flops(shape: Architecture, rank: int, length: float, checkpointing: bool = False) -> float:
    """Floating-point operations per token of LoRA training.

    Forward 2 per weight, backward 2 per frozen weight (the gradient of its input; its own is not needed) and 4 per
    adapter weight; attention 4 A per token attended to, forward, and twice that backward. Attended to is the whole
    text, as is usual in counting (Chowdhery et al. 2022), though the causal mask spares half. Gradient checkpointing
    repeats the layers' forward pass; model FLOP utilisation leaves this out. `length` is that of a text in tokens; of
    texts of many lengths, the mean over tokens.
    """
    frozen, adapters = 2 * shape.layers * sum(a * b for a, b in shape.linears), 2 * shape.lora_parameters(rank)
    attention, head = 4 * shape.layers * shape.queries * length, 2 * shape.vocabulary * shape.hidden
    forward = frozen + adapters + attention
    backward = frozen + 2 * adapters + 2 * attention
    return forward + head + backward + head + (forward if checkpointing else 0)


def activation_bytes(shape: Architecture, rank: int, tokens: int, precision: str, checkpointing: bool) -> float:
    """Memory of what the layers' backward pass needs of the forward pass, for `tokens` at once.

    Per token and layer, at the model's precision: both norms' inputs and outputs (4 H), queries and attention's output
    (2 A), keys and values (2 K), gate, its activation, up and their product (4 I), and the adapters' middles (7 ranks);
    at bfloat16 also both norms' inputs as float32 and the adapters' inputs once more (2 H each). With gradient
    checkpointing only each layer's input stays, the last norm's as float32, and one layer's worth of the rest.
    """
    size = BYTES[precision]
    layer = (4 * shape.hidden + 2 * shape.queries + 2 * shape.keys + 4 * shape.inner + 7 * rank) * size
    layer += 2 * shape.hidden * (4 + 2) if precision == "bfloat16" else 0
    return tokens * ((shape.layers * size + 4) * shape.hidden + layer if checkpointing else shape.layers * layer)


def training_memory(shape: Architecture, settings: FinetuneParams, resources: FinetuneMachine) -> dict[str, float]:
    """Bytes on each GPU in fine-tuning, by use; FSDP and ZeRO-3 share out weights and adapters."""
    shards = resources.processes if resources.accelerate in ("fsdp", "zero3") else 1
    tokens = steps_of(settings.batch, resources.micro_batch, resources.processes)[0] * settings.max_length
    rank = settings.lora.r
    return {
        "weights": shape.parameters * BYTES[settings.precision] / shards,
        "adapters": shape.lora_parameters(rank) * TRAINED / shards,
        "activations": activation_bytes(shape, rank, tokens, settings.precision, resources.gradient_checkpointing),
        "logits": 2 * 4 * min(tokens * shape.vocabulary, HEAD_TILE),  # and their gradient, float32
    }


def sampling_memory(shape: Architecture, precision: str, tokens: float = 0) -> float:
    """Bytes that sampling takes, on all GPUs that share a model: its weights, and the key-value cache of the tokens."""
    return shape.parameters * BYTES[precision] + tokens * shape.cache_bytes(precision)


def cache_sequences(shape: Architecture, precision: str, resources: GenerateMachine, length: float, gpu: Gpu) -> float:
    """How many sequences of `length` tokens the key-value cache of one engine holds; negative: not even the weights."""
    memory = gpu.memory * GIB * resources.gpu_memory_share * resources.tensor_parallel
    return (memory - sampling_memory(shape, precision)) / (length * shape.cache_bytes(precision))


def sampling_hours(
    shape: Architecture, precision: str, resources: GenerateMachine, gpu: Gpu,
    prompt_tokens: float, new_tokens: float, length: float,
) -> float:  # fmt: skip
    """GPU hours of sampling.

    Reading prompts is bound by arithmetic, 2 operations per weight and token; the samples of one prompt share it.
    Writing is bound by bandwidth: each step reads the weights once, and for every sequence that is under way, of
    `length` tokens in the mean, its keys and values.
    """
    reading = prompt_tokens * 2 * shape.parameters / (gpu.tflops * 1e12 * UTILISATION)
    at_once = max(1.0, min(resources.concurrent_sequences, cache_sequences(shape, precision, resources, length, gpu)))
    step = sampling_memory(shape, precision, at_once * length)
    writing = new_tokens / at_once * step / (gpu.bandwidth * 1e9 * BANDWIDTH_UTILISATION)
    return (reading + writing) / 3600


def generation_disk(generator: Architecture, settings: Params) -> dict[str, int]:
    """Bytes in build/ of fine-tuning and merging, by use; all but the checkpoints lie once more in DVC's cache."""
    adapter = generator.lora_parameters(settings.finetune.lora.r) * BYTES["float32"]
    merged = generator.parameters * BYTES[settings.merge.precision]
    # Three checkpoints at most (one is being written), each with Adam's moments.
    return {"checkpoints": 3 * 3 * adapter, "adapter": adapter, "merged": merged}


def count_coders(settings: Params, corpus: str) -> int:
    """How many coders of a corpus are kept: one for each seed of each training set and of each kind of noise."""
    noise = settings.noise
    noisy = len(noise.hypotheses) * len(noise.noise_levels) * len(noise.seeds) if corpus in noise.corpora else 0
    return sum(len(settings.seeds_of(training)) for training in TRAINING_SETS) + noisy


@dataclass(frozen=True)
class Needs:
    """Bytes that a run needs: on disk, in memory, and on each of a number of GPUs."""

    disk: int
    memory: int
    gpu_memory: int
    gpus: int


def least(
    settings: Params, resources: Machine, models: Mapping[str, Models], note_bytes: Mapping[str, int],
    data_bytes: int, gpu: bool,
) -> Needs:  # fmt: skip
    """Gives lower bounds, which refuse no run that would have ended well.

    Disk: merged generators, coders, note tables and records (4 times `note_bytes`, the notes' size on disk, compressed
    to a third), all of it twice, and data/ in DVC's cache. Memory, the largest of: the corpus stage (the notes that
    stay, three times over, and half a GiB), merging (the weights and a half), training coders, and sampling where there
    is no GPU (weights, the cache asked for, and 1.5 GiB for the libraries). Memory of each GPU, the largest of:
    sampling, with the cache of one sequence of full length, within the share that vLLM may use; fine-tuning without its
    activations; training a coder.
    """
    engine, tuner = resources.generate, resources.finetune
    stored, memory, gpu_memory = data_bytes, [0.0], [0.0]
    for corpus, of_corpus in models.items():
        generator, encoder = of_corpus["generator"], of_corpus["encoder"].parameters
        own = settings.of(corpus)
        generate, lora = own.generate, own.finetune.lora
        share = max(engine.gpu_memory_share, 0.01) if generate.engine == "vllm" else 1
        coder, best_epoch = encoder * TRAINED, encoder * BYTES["float32"]  # without what notes take
        merged = generation_disk(generator, own)["merged"]
        stored += 2 * (merged + count_coders(settings, corpus) * best_epoch + 4 * note_bytes[corpus])
        memory += [GIB / 2 + 3 * note_bytes[corpus], 1.5 * merged]
        memory += [resources.coding.processes * (best_epoch + (0 if gpu else coder))]
        if not gpu:
            memory += [sampling_memory(generator, generate.precision) + (engine.cpu_cache_gib + 1.5) * GIB]
        one = sampling_memory(generator, generate.precision, generate.model_length) / engine.tensor_parallel
        tuning = training_memory(generator, own.finetune, tuner)
        gpu_memory += [one / share, coder]
        gpu_memory += [
            tuning["weights"] + tuning["logits"] + tuning["adapters"] * (lora.target_modules == "all-linear")
        ]
    side_by_side = engine.tensor_parallel * (engine.data_parallel if gpu else 1)  # engines share a machine without GPU
    gpus = max(side_by_side, tuner.processes, resources.coding.processes)
    return Needs(stored, int(max(memory)), int(max(gpu_memory)), gpus)
