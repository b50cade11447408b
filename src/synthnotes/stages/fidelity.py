"""Fidelity: corpus statistics of real against synthetic notes (paper, section 5)."""

from pathlib import Path

from synthnotes.corpus import notes
from synthnotes.fidelity.statistics import Splitter, compare
from synthnotes.machinery import params
from synthnotes.machinery.cli import run
from synthnotes.machinery.disclosure import publish
from synthnotes.machinery.language import read_language
from synthnotes.machinery.params import DisclosureParams, FidelityParams


def main(real: Path, synthetic: Path, language: Path, results: Path) -> str:
    """Compares the real notes of S with the notes that were written from their prompts."""
    settings = params.load("fidelity", FidelityParams)
    originals, written = (notes.read(path)["text"].tolist() for path in (real, synthetic))
    splitter = Splitter(read_language(language).abbreviations)
    comparison = compare(originals, written, splitter, settings.lowercase)
    publish(results, comparison, params.load("disclosure", DisclosureParams))
    return "; ".join(
        f"{name} {found['documents']:,} notes, {found['tokens_per_document']:.1f} tokens each, "
        f"{found['unique_tokens']:,} unique"
        for name, found in comparison.items()
        if name != "difference"
    )


if __name__ == "__main__":
    run(main)
