"""How large a demo is: the one that the report shows, and the toy of the pipeline test."""

from dataclasses import dataclass


@dataclass(frozen=True)
class Network:
    """The shape of a tiny base model, and how long it is pretrained.

    Attributes:
        hidden_size: width; a multiple of `heads`.
        layers: depth.
        heads: attention heads; vLLM's attention on a CPU wants them 32 or 64 wide.
        steps: pretraining steps.
        batch: sequences per step; the generator counts tokens instead.
        learning_rate: the highest of the schedule.
    """

    hidden_size: int
    layers: int
    heads: int
    steps: int
    batch: int
    learning_rate: float


@dataclass(frozen=True)
class Scale:
    """The sizes of one demo kit.

    Attributes:
        mimic_admissions: admissions in the MIMIC-IV-shaped files.
        mimic_patients: their patients; some are admitted more than once.
        sepr_notes: notes in the SEPR-shaped file.
        pretraining_notes: notes of other patients, per language, on which the tiny base models are pretrained.
        vocabulary: tokens of the byte-level BPE, at most; generator and encoder share it.
        generator: the causal model, one per language.
        encoder: the masked-language model, one per language.
        diagnoses: keep the most frequent diagnoses only, so that few notes suffice for each; None keeps all.
        procedures: likewise for procedures.
    """

    mimic_admissions: int
    mimic_patients: int
    sepr_notes: int
    pretraining_notes: int
    vocabulary: int
    generator: Network
    encoder: Network
    diagnoses: int | None = None
    procedures: int | None = None


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
