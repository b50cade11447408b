"""At a glance: how many published values this run gives again."""

from synthnotes.report.kit.markup import Markdown
from synthnotes.report.paper import Paper

__all__ = ["score"]


def score(paper: Paper, *verdicts: str) -> Markdown:
    """How many of the published values have one of the verdicts; without any, how many there are."""
    keys = [f"published.{name}.counts.{which}" for name in paper.published for which in verdicts or ("values",)]
    return paper.numbers.total(keys)
