"""Exhausted memory: what PyTorch and vLLM say of it, translated into the parameter of machine.yaml to change."""

from synthnotes.machinery import redaction
from synthnotes.machinery.files import UserError
from synthnotes.machinery.resources import read_resources

# What to change, by stage: the sections and values of machine.yaml that decide how much is held at once.
_SAMPLING = ("generate", "concurrent_sequences", "or gpu_memory_share, or raise tensor_parallel")
_CODER = ("coding", "micro_batch", "or coding.chunk_tokens or max_words in params.yaml")
_SEARCH = ("privacy", "memory_gib", "or run fewer stages at once")
LOWER = {
    "finetune": ("finetune", "micro_batch", "or set gradient_checkpointing, or accelerate: zero3"),
    **dict.fromkeys(("generate", "variants"), _SAMPLING),
    **dict.fromkeys(("coding", "noise", "ablation"), _CODER),
    **dict.fromkeys(("privacy", "detection"), _SEARCH),
}
OUT = ("OutOfMemoryError", "MemoryError")  # torch.OutOfMemoryError, and Python's and NumPy's own
# Others raise an error of another type; vLLM does so before it reads a prompt.
SAY_OUT = (
    "CUDA out of memory",
    "can't allocate memory",  # PyTorch's allocator on a CPU
    "CUBLAS_STATUS_ALLOC_FAILED",
    "No available memory for the cache blocks",
    "less than desired GPU memory utilization",
    "is larger than the maximum number of tokens that can be stored in KV cache",
    "KV cache is needed, which is larger than the available KV cache memory",
)


def is_exhausted(error: BaseException) -> bool:
    """Whether an error, or one that caused it, says that memory was too small."""
    return any(
        any(kind.__name__.endswith(OUT) for kind in type(one).__mro__) or any(words in str(one) for words in SAY_OUT)
        for one in redaction.chain(error)
    )


def advise(stage: str, error: BaseException) -> str | None:
    """What to change where an error says that memory was too small; None where it says something else.

    Args:
        stage: in which it was raised.
        error: it may quote notes, and is not quoted.
    """
    if not is_exhausted(error):
        return None
    if stage not in LOWER:
        return "memory is too small for this stage. Run fewer stages at once (JOBS=1), or take a larger machine."
    section, name, others = LOWER[stage]
    try:
        now = f", now {getattr(getattr(read_resources(), section), name)}"
    except UserError:
        now = ""
    return f"machine.yaml: memory is too small. Lower {section}.{name}{now}, {others}; finished work is kept."
