"""How large a demo is: the one that the report shows, and the toy of the pipeline test."""

from dataclasses import dataclass


@dataclass(frozen=True)
class Network:
    """The shape of a tiny base model, and how long it is pretrained."""

    hidden_size: int  # a multiple of heads
    layers: int
    heads: int  # of attention; vLLM's on a CPU wants them 32 or 64 wide
    steps: int
    batch: int  # sequences per step; the generator counts tokens instead
    learning_rate: float  # the highest of the schedule


@dataclass(frozen=True)
class Scale:
    """The sizes of one demo kit."""

    mimic_admissions: int
    mimic_patients: int  # some are admitted more than once
    sepr_notes: int
    pretraining_notes: int  # of other patients, per language, for the tiny base models
    vocabulary: int  # tokens of the byte-level BPE, at most; generator and encoder share it
    generator: Network  # the causal model, one per language
    encoder: Network  # the masked-language model, one per language
    diagnoses: int | None = None  # the most frequent ones alone, so that few notes suffice for each; None keeps all
    procedures: int | None = None  # likewise


DEMO = Scale(
    mimic_admissions=2000,
    mimic_patients=1470,
    sepr_notes=1700,
    pretraining_notes=3000,
    vocabulary=3000,
    generator=Network(hidden_size=192, layers=4, heads=6, steps=750, batch=4, learning_rate=3e-3),
    encoder=Network(hidden_size=128, layers=2, heads=4, steps=550, batch=16, learning_rate=2e-3),
    diagnoses=60,
    procedures=14,
)
TOY = Scale(
    mimic_admissions=220,
    mimic_patients=160,
    sepr_notes=200,
    pretraining_notes=150,
    vocabulary=1000,
    generator=Network(hidden_size=64, layers=2, heads=2, steps=40, batch=4, learning_rate=3e-3),
    encoder=Network(hidden_size=64, layers=2, heads=2, steps=40, batch=8, learning_rate=2e-3),
    diagnoses=20,
    procedures=4,
)
