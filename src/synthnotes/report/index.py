"""The frame of the report: which module each of its templates takes its functions from."""

from synthnotes.report import (
    appendix,
    coding,
    corpora,
    errors,
    generation,
    noise,
    privacy,
    published,
    questionnaire,
)

CHAPTERS = {
    "glance": published,
    "corpora": corpora,
    "generation": generation,
    "coding": coding,
    "errors": errors,
    "noise": noise,
    "privacy": privacy,
    "questionnaire": questionnaire,
    "published": published,
    "repairs": published,
    "appendix": appendix,
}
