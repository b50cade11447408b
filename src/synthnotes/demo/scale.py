"""How large a demo is: the one that the report shows, and the toy of the pipeline test."""

from dataclasses import dataclass


@dataclass(frozen=True)
class Network:
    """The shape of a tiny base model, and how long it is pretrained."""

    hidden_size: int  # a multiple of heads
    layers: int
    heads: int  # of attention; vLLM's on a CPU wants them 32 or 64 wide
    steps: int


@dataclass(frozen=True)
class Scale:
    """The sizes of one demo kit."""

    mimic_admissions: int
    mimic_patients: int  # some are admitted more than once
    sepr_notes: int
    diagnoses: int  # the most frequent ones alone, so that few notes suffice for each
    procedures: int  # likewise
    pretraining_notes: int  # of other patients, per language, for the tiny base models
    vocabulary: int  # tokens of the byte-level BPE, at most; generator and encoder share it
    generator: Network  # the causal model, one per language
    encoder: Network  # the masked-language model, one per language
    encoder_batch: int  # sequences per step; the generator counts tokens instead


DEMO = Scale(
    mimic_admissions=2000,
    mimic_patients=1470,
    sepr_notes=1700,
    diagnoses=60,
    procedures=14,
    pretraining_notes=3000,
    vocabulary=3000,
    generator=Network(hidden_size=192, layers=4, heads=6, steps=750),
    encoder=Network(hidden_size=128, layers=2, heads=4, steps=550),
    encoder_batch=16,
)
TOY = Scale(
    mimic_admissions=220,
    mimic_patients=160,
    sepr_notes=200,
    diagnoses=20,
    procedures=4,
    pretraining_notes=150,
    vocabulary=1000,
    generator=Network(hidden_size=64, layers=2, heads=2, steps=40),
    encoder=Network(hidden_size=64, layers=2, heads=2, steps=40),
    encoder_batch=8,
)
