"""Corpora: their attrition and their subsets, as tables and as a CONSORT diagram (paper, section 3)."""

import textwrap
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from functools import partial

import pandas as pd
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.patches import FancyBboxPatch

from synthnotes.report.kit.report import Drawings
from synthnotes.report.kit.style import INK, QUIET, WIDTH
from synthnotes.report.paper import CorpusNames, Paper, Row, by_corpus

__all__ = ["subsets"]

COUNTED = ("notes", "patients", "codes")  # of each subset
SUBSETS = {"L": "tunes the generator", "S": "gives the prompts", "E": "evaluates the coder"}

LINE = 0.15  # inches, as all lengths here
PAD = 0.08
GAP = 0.16  # least half of the arrow between two boxes, at whose middle the exclusions branch off
BETWEEN = 0.1  # least distance of the boxes in the column of exclusions, and from the subsets below it
MAIN = (0.05, 2.75)  # left and right end of the column of notes kept
ASIDE = (3.2, WIDTH - 0.05)  # and of the column of notes dropped
CHARACTERS = 46  # of a reason in a line of that column
FILLS = {"main": "#EEF3F7", "aside": "#FFFFFF", "subset": "#E3EFE9"}


def teaching(paper: Paper, corpus: CorpusNames, subset: str) -> dict[str, str]:
    """The keys of how many notes of a subset train the coder, and how many validate it; by what the diagram says."""
    subsets = f"cohort.{corpus.key}.subsets"
    if subset == "E":
        return {}
    if subset == "L" and paper.params.coding.real_l_validation == "real_s":
        return {"notes train the coder": f"{subsets}.L.notes", "notes of S validate it": f"{subsets}.S.notes"}
    return {
        "notes train the coder": f"{subsets}.{subset}.train", "notes validate it": f"{subsets}.{subset}.validation"
    }  # fmt: skip


@by_corpus()
def subsets(paper: Paper, corpus: CorpusNames) -> Iterator[Row]:
    """Subset, use, notes, patients, codes, the coder's training and validation notes, published size."""
    num = paper.numbers.num
    for subset, use in SUBSETS.items():
        prefix = f"cohort.{corpus.key}.subsets.{subset}"
        folds = teaching(paper, corpus, subset).values()
        cells = [num(key, ",") for key in (*(f"{prefix}.{of}" for of in COUNTED), *folds)]
        key = f"published.corpora.{corpus.key}.subsets.{subset}.notes"
        published = num(key, ",") if key in paper.numbers else None
        yield [f"{corpus.name}-{subset}", use, *cells, *[None] * (2 - len(folds)), published]


def subset_boxes(paper: Paper, corpus: CorpusNames) -> dict[str, dict[str, str]]:
    """For each subset, headed by its name, the counts that its box in the CONSORT diagram holds, by what they count."""
    boxes = {}
    for subset, use in SUBSETS.items():
        keys = {of: f"cohort.{corpus.key}.subsets.{subset}.{of}" for of in COUNTED} | teaching(paper, corpus, subset)
        counts = {label: paper.numbers.text(key, ",") for label, key in keys.items()}
        boxes[f"{subset}: {use}"] = {label: text for label, text in counts.items() if text}
    return boxes


def figures(paper: Paper) -> Drawings:
    """What draws the CONSORT diagram of each corpus."""

    def attrition(corpus: CorpusNames) -> Figure:
        return draw_attrition(paper.tables[f"cohort.{corpus.key}.attrition"], subset_boxes(paper, corpus))

    return {f"attrition-{corpus.key}": partial(attrition, corpus) for corpus in paper.corpora}


@dataclass(frozen=True)
class Phase:
    """Steps drawn as one box of exclusions and the box of what is left after them.

    Attributes:
        title: heading of what is left.
        left: counts of what is left, by unit.
        dropped: for each step that dropped something the notes dropped and why.
    """

    title: str
    left: Mapping[str, int]
    dropped: list[tuple[int, str]]


def draw_attrition(attrition: pd.DataFrame, subsets: Mapping[str, Mapping[str, str]]) -> Figure:
    """Draws the attrition of a corpus as a CONSORT diagram.

    Args:
        attrition: columns of, step, unit, left, dropped and why (those of the attrition table of the stage `cohort`).
        subsets: for each subset's heading the lines of its box, as label and value.
    """
    phases = split_phases(attrition[attrition["of"] == "notes"])
    texts = [[p.title, *_lines(p.left)] for p in phases]
    asides = [_reasons(p.dropped) for p in phases]
    tops, branchings, bar = _stack([_height(len(lines)) for lines in texts], [_height(len(a)) for a in asides[1:]])
    height = bar + GAP + max((_height(1 + len(lines)) for lines in subsets.values()), default=0) + 0.05
    figure = Figure(figsize=(WIDTH, height))
    axis = figure.add_axes((0, 0, 1, 1), xlim=(0, WIDTH), ylim=(height, 0))
    axis.set_axis_off()

    middle = sum(MAIN) / 2
    for lines, top in zip(texts, tops, strict=True):
        _box(axis, MAIN, top, [(line, "") for line in lines], "main")
    for lines, top, below, branching, aside in zip(texts, tops, tops[1:], branchings, asides[1:], strict=False):
        _arrow(axis, (middle, top + _height(len(lines))), (middle, below))
        _arrow(axis, (middle, branching), (ASIDE[0], branching))
        _box(axis, ASIDE, branching - _height(len(aside)) / 2, aside, "aside")
    _branch(axis, middle, tops[-1] + _height(len(texts[-1])), bar, subsets)
    return figure


def _stack(boxes: list[float], asides: list[float]) -> tuple[list[float], list[float], float]:
    """Piles boxes as closely as the exclusions beside the arrows between them allow.

    Args:
        boxes: their heights.
        asides: heights of the exclusions between each box and the next.

    Returns:
        The boxes' upper ends, the heights at which the exclusions branch off, and that of the bar above the subsets,
        all in inches from the top.
    """
    tops, branchings = [0.05], []
    end, end_aside = tops[0] + boxes[0], 0.05 - BETWEEN  # of what is placed so far, in each column
    for box, aside in zip(boxes[1:], asides, strict=True):
        branchings.append(max(end + GAP, end_aside + BETWEEN + aside / 2))
        tops.append(branchings[-1] + GAP)
        end, end_aside = tops[-1] + box, branchings[-1] + aside / 2
    return tops, branchings, max(end + GAP, end_aside + BETWEEN)


def split_phases(attrition: pd.DataFrame) -> list[Phase]:
    """Splits steps into phases: what was released, what is left before codes are joined, and what is left at the end.

    Args:
        attrition: the rows of notes of an attrition table; without the first step where so few were lost in all that
            it may not be disclosed.
    """
    coded = set(attrition.loc[attrition["unit"] == "codes", "step"])

    def title_of(step: str) -> str:
        return "Released" if step == "released" else "Corpus" if step in coded else "Usable notes"

    phases = []
    for title, rows in attrition.groupby(attrition["step"].map(title_of), sort=False):
        left = rows[rows["step"] == rows["step"].iloc[-1]].set_index("unit")["left"]
        notes, codes = (rows[rows["unit"] == unit].set_index("step") for unit in ("notes", "codes"))
        reasons = []
        for step, row in notes.dropna(subset=["dropped", "why"]).iterrows():
            lost = codes["dropped"].fillna(0).get(step, 0)
            if row["dropped"] or lost:
                reasons.append((int(row["dropped"]), row["why"] + (f" ({int(lost):,} codes)" if lost else "")))
        phases.append(Phase(str(title), left.astype(int).to_dict(), reasons))
    return phases


def _lines(left: Mapping[str, int]) -> list[str]:
    """Counts two to a line."""
    parts = [f"{count:,} {unit}" for unit, count in left.items()]
    return [" · ".join(parts[i : i + 2]) for i in range(0, len(parts), 2)]


def _reasons(dropped: list[tuple[int, str]]) -> list[tuple[str, str]]:
    lines = [(f"Dropped: {sum(count for count, _ in dropped):,} notes", "")]
    for count, why in dropped:
        first, *rest = textwrap.wrap(why, CHARACTERS)
        lines += [(f"{count:,}", first), *(("", line) for line in rest)]
    return lines


def _height(lines: int) -> float:
    return lines * LINE + 2 * PAD


def _box(axis: Axes, sides: tuple[float, float], top: float, lines: list[tuple[str, str]], kind: str) -> None:
    """A box of lines: the first as heading; of a line with two parts the first is a number, aligned to the right."""
    left, right = sides
    height = _height(len(lines))
    axis.add_patch(
        FancyBboxPatch(
            (left, top),
            right - left,
            height,
            boxstyle="round,pad=0,rounding_size=0.05",
            facecolor=FILLS[kind],
            edgecolor=QUIET,
            linewidth=0.7,
        )
    )
    for number, (first, second) in enumerate(lines):
        y = top + PAD + (number + 0.5) * LINE
        if not second and (number == 0 or first):
            axis.text(left + 0.1, y, first, va="center", weight="normal" if number else "bold", color=INK)
        else:
            axis.text(left + 0.55, y, first, va="center", ha="right", color=INK)
            axis.text(left + 0.63, y, second, va="center", color=INK)


def _branch(axis: Axes, middle: float, top: float, bar: float, subsets: Mapping[str, Mapping[str, str]]) -> None:
    """The subsets side by side below the last box, each with an arrow of its own."""
    width = (WIDTH - 0.1 - 0.15 * (len(subsets) - 1)) / max(1, len(subsets))
    centres = []
    for number, (title, lines) in enumerate(subsets.items()):
        left = 0.05 + number * (width + 0.15)
        _box(
            axis, (left, left + width), bar + GAP, [(title, ""), *((n, label) for label, n in lines.items())], "subset"
        )
        centres.append(left + width / 2)
        _arrow(axis, (centres[-1], bar), (centres[-1], bar + GAP))
    axis.plot([middle, middle], [top, bar], color=QUIET, linewidth=0.8)
    axis.plot([min(centres), max(centres)], [bar, bar], color=QUIET, linewidth=0.8, solid_capstyle="projecting")


def _arrow(axis: Axes, start: tuple[float, float], end: tuple[float, float]) -> None:
    arrow = {"arrowstyle": "-|>", "color": QUIET, "linewidth": 0.8, "shrinkA": 0, "shrinkB": 0, "mutation_scale": 7}
    axis.annotate("", end, start, arrowprops=arrow)
