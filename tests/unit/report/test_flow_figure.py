"""The flow chart of what may be told of a flow."""

import pandas as pd

from synthnotes.corpus.description import tabulate_flow, tell_flow
from synthnotes.corpus.flow import Flow
from synthnotes.report.corpora import Phase, flow_chart, phases_of


def told(sizes, minimum):
    """The rows of a flow of so many notes after each step; the last step knows the codes."""
    flow = Flow(names_patients=False)
    for position, size in enumerate(sizes):
        ids = [str(note) for note in range(size)]
        notes = pd.DataFrame({"note_id": ids, "patient_id": ids})
        coded = notes.assign(codes=[["I10"]] * size) if position == len(sizes) - 1 else notes
        flow.keep("released" if not position else f"step_{position}", coded, f"reason {position}" if position else None)
    steps, _ = tell_flow(flow.steps, {}, minimum)
    return tabulate_flow(steps, {}).frame


def test_a_flow_that_loses_enough_has_its_phases():
    phases = phases_of(told([100, 80, 60], 10))
    assert [(phase.title, phase.left["notes"]) for phase in phases] == [
        ("Released", 100), ("Usable notes", 80), ("Corpus", 60),
    ]  # fmt: skip
    assert [phase.dropped for phase in phases] == [[], [(20, "reason 1")], [(20, "reason 2")]]


def test_a_flow_that_loses_few_in_all_begins_where_it_ends():
    """What was released would tell how few were dropped: neither box nor reason may hold it."""
    flow = told([100, 97, 95], 10)
    assert phases_of(flow) == [Phase("Corpus", {"notes": 95, "codes": 1}, [])]
    assert flow_chart(flow, {"L: tunes the generator": {"notes": "95"}}).axes
