"""A study that never happened: a questionnaire, raters who follow a known ordinal model, and their answers' files."""

import csv
import io

import numpy as np

from synthnotes.questionnaire.survey import SurveyNote

THRESHOLDS = (-3.0, -1.5, 0.0, 1.5)
HEADINGS = {"CASE": "Interview number (ongoing)", "QUESTNNR": "Questionnaire", "MODE": "Mode", "FINISHED": "Finished"}


def make_notes(pairs, seed=0):
    """Pairs of notes in a shuffled order."""
    halves = [(pair, kind) for pair in range(1, pairs + 1) for kind in ("real", "synthetic")]
    order = np.random.default_rng(seed).permutation(len(halves))
    return [
        SurveyNote(number, *halves[i], f"id{halves[i][0]}", f"Text, number {number}.")
        for number, i in enumerate(order, 1)
    ]


def draw_ratings(notes, raters, log_odds, seed):
    """Ratings as raters x notes x two questions: logit P(rating <= j) = threshold j - (kind + rater + pair)."""
    rng = np.random.default_rng(seed)
    kind = np.array([note.kind == "synthetic" for note in notes])
    pairs = rng.normal(0, 0.5, max(note.pair for note in notes))[[note.pair - 1 for note in notes]]
    latent = log_odds * kind + rng.normal(0, 0.8, (raters, 1)) + pairs
    noise = rng.logistic(size=(raters, len(notes), 2))
    return 1 + np.searchsorted(THRESHOLDS, latent[:, :, None] + noise)


def interviews(notes, ratings, survey, first_case=101):
    """The rows of an export: one per rater, as text by column."""
    rows = []
    for case, of_rater in enumerate(ratings, start=first_case):
        row = {"CASE": str(case), "QUESTNNR": survey, "MODE": "interview", "S001": "1", "S002": "2"}
        for note, (readability, coherence) in zip(notes, of_rater, strict=True):
            row[f"R0{note.number:02d}_01"], row[f"C0{note.number:02d}_01"] = str(readability), str(coherence)
            row[f"J0{note.number:02d}_01"] = 'Why: "quoted",\ttabbed;\nand on a second line'
        rows.append(row | {"FINISHED": "1"})
    return rows


def export(rows, encoding="utf-8", separator="\t", labels=True):
    """Writes rows as SoSci Survey does: a line of variables, a line of labels, all cells in quotes."""
    text = io.StringIO(newline="")
    writer = csv.DictWriter(text, rows[0], delimiter=separator, quoting=csv.QUOTE_ALL, lineterminator="\r\n")
    writer.writeheader()
    if labels:
        writer.writerow({name: HEADINGS.get(name, f"Question {name}, på svenska") for name in rows[0]})
    writer.writerows(rows)
    return text.getvalue().encode(encoding)
