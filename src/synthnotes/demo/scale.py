"""How large a demo is: the one that the report shows, and the toy of the pipeline test."""

from dataclasses import dataclass


@dataclass(frozen=True)
class Scale:
    """The sizes of one demo kit.

    Attributes:
        mimic_admissions: admissions in the MIMIC-IV-shaped files.
        mimic_patients: their patients; some are admitted more than once.
        sepr_notes: notes in the SEPR-shaped file.
        pretraining_notes: notes of other patients, per language, on which the tiny base models are pretrained.
        diagnoses: keep the most frequent diagnoses only, so that few notes suffice for each; None keeps all.
        procedures: likewise for procedures.
    """

    mimic_admissions: int
    mimic_patients: int
    sepr_notes: int
    pretraining_notes: int
    diagnoses: int | None = None
    procedures: int | None = None


DEMO = Scale(mimic_admissions=3000, mimic_patients=2200, sepr_notes=2400, pretraining_notes=3000)
TOY = Scale(mimic_admissions=220, mimic_patients=160, sepr_notes=200, pretraining_notes=150, diagnoses=20, procedures=4)
