"""Repairs: where this project departs from the published code."""

from synthnotes.report.kit.markup import code, escape, join
from synthnotes.report.paper import Paper, Row

__all__ = ["repairs"]


def repairs(paper: Paper) -> list[Row]:
    """Letter, chapter, what the published code does, what is done here, effect."""
    rows: list[Row] = []
    for entry in paper.repairs:
        effect = escape(entry["effect"])
        if entry["parameter"]:
            effect = join(effect, " Published behaviour: ", code(entry["parameter"]), ".")
        rows.append([entry["id"], entry["chapter"], entry["published"], entry["here"], effect])
    return rows
