"""Fidelity: real and synthetic notes as texts (paper, section 5)."""

from collections.abc import Sequence

from synthnotes.report.paper import Paper, Row

__all__ = ["statistics"]


def statistics(paper: Paper, rows: Sequence[tuple[str, str, str]]) -> list[Row]:
    """Label, then for each corpus the number of real S, that of synthetic S, and synthetic minus real.

    Args:
        paper: the report.
        rows: label, key below the statistics, and format.
    """

    def cell(corpus: str, notes: str, key: str, spec: str) -> object:
        sign = "+" if notes == "difference" else ""
        return paper.numbers.num(f"fidelity.{corpus}.{notes}.{key}", sign + spec)

    kinds = [(corpus.key, notes) for corpus in paper.corpora for notes in ("real", "synthetic", "difference")]
    return [[label, *(cell(*kind, key, spec) for kind in kinds)] for label, key, spec in rows]
