"""Questionnaire: pairs of real and synthetic notes, blinded, for a survey server and for paper (paper, section 8)."""

from pathlib import Path

from synthnotes.corpus import notes
from synthnotes.machinery import params
from synthnotes.machinery.cli import run
from synthnotes.machinery.disclosure import over, publish, setting
from synthnotes.machinery.files import replacing, require, write_csv
from synthnotes.machinery.params import DisclosureParams, QuestionnaireParams
from synthnotes.questionnaire import survey
from synthnotes.questionnaire.sosci import write_project


def main(
    corpus: str,
    real: Path,
    synthetic: Path,
    language: Path,
    template: Path,
    project: Path,
    form: Path,
    sheet: Path,
    key: Path,
    results: Path,
) -> str:
    """Samples the notes of one corpus's questionnaire and writes it."""
    settings = params.load("questionnaire", QuestionnaireParams, corpus)
    texts = survey.read_wording(language)
    require(template)
    pairs, raters = settings.pairs, settings.raters
    limits = {"minimum_words": settings.minimum_words, "maximum_words": settings.maximum_words}
    chosen = survey.sample_pairs(notes.read(real), notes.read(synthetic), pairs, **limits, seed=settings.seed)
    version = survey.name_version(chosen, texts)
    page = survey.fill_form(template.read_text(encoding="utf-8"), chosen, texts, version, str(template))
    for path, content in ((project, write_project(chosen, texts, version)), (form, page.encode())):
        with replacing(path) as temporary:
            temporary.write_bytes(content)
    write_csv(sheet, survey.make_answer_sheet(chosen, version, raters, settings.seed))
    write_csv(key, survey.make_key(chosen, corpus, version))
    words = {kind: [len(n.text.split()) for n in chosen if n.kind == kind] for kind in ("real", "synthetic")}
    chosen_numbers = setting({"version": version, "pairs": pairs, "notes": len(chosen), "raters": raters})
    means = over(pairs, {kind: sum(counts) / len(counts) for kind, counts in words.items()})
    publish(results, chosen_numbers | {"words_per_note": means}, params.load("disclosure", DisclosureParams))
    return f"{corpus}: questionnaire {version}, {len(chosen)} notes in {pairs} pairs"


if __name__ == "__main__":
    run(main)
