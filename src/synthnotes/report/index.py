"""The frame of the report: which of its chapters have a module."""

from synthnotes.report import (
    appendix,
    coding,
    corpora,
    errors,
    fidelity,
    generation,
    glance,
    noise,
    privacy,
    published,
    questionnaire,
    repairs,
)

CHAPTERS = {
    module.__name__.rpartition(".")[2]: module
    for module in (
        glance, corpora, generation, fidelity, coding, errors, noise, privacy, questionnaire, published, repairs,
        appendix,
    )
}  # fmt: skip
