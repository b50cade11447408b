"""The paper that is rebuilt: its corpora and training sets, how they are called and drawn, and the results of a run."""

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from functools import wraps
from itertools import product
from types import ModuleType
from typing import Any

import pandas as pd
from matplotlib.figure import Figure

from synthnotes.machinery import pipeline
from synthnotes.machinery.params import Params
from synthnotes.report.kit.markup import Markdown, grouped
from synthnotes.report.kit.numbers import Numbers
from synthnotes.report.kit.report import Report
from synthnotes.report.kit.style import Look
from synthnotes.report.kit.tables import Tables
from synthnotes.significance.published_values import Publication

Row = list[object]


@dataclass(frozen=True)
class CorpusNames:
    """How the report speaks of a corpus, and which reader it has."""

    key: str
    name: str
    language: str
    source: str
    reader: str


# With spaces that do not break, as in the headings of the templates: a narrow column stays readable.
TRAININGS = {
    "real_l": "real\u00a0L",
    "real_s": "real\u00a0S",
    "synthetic_s": "synthetic\u00a0S",
    "real_and_synthetic_s": "real and synthetic\u00a0S",
    "synthetic_s_all": "synthetic\u00a0S, all samples",
}
MAIN_PAIR = "synthetic_s_against_real_s"

# The same colour for the same kind of notes everywhere, told apart without colour vision too: the colours of Okabe and
# Ito (2008); lines differ in marker and dash as well.
LOOKS = {
    "real": Look("real", "#0072B2", "o"),
    "real_l": Look("real L", "#56B4E9", "s", (0, (5, 2))),
    "real_s": Look("real S", "#0072B2", "o"),
    "synthetic": Look("synthetic", "#D55E00", "^"),
    "synthetic_s": Look("synthetic S", "#D55E00", "^"),
    "real_and_synthetic_s": Look("real and synthetic S", "#CC79A7", "P", (0, (6, 1.5, 1, 1.5))),
    "synthetic_s_all": Look("synthetic S, all samples", "#E69F00", "v", (0, (3, 1.5))),
    "control": Look("control (unseen real)", "#7A7A7A", "D", (0, (4, 2))),
    "h1": Look("H1, widespread", "#009E73", "v", (0, (1, 1.2))),
    "h2": Look("H2, concentrated", "#B8860B", "X", (0, (4, 1.5, 1, 1.5))),
    "truth": Look("true codes", "#5a6877", "P"),
}

# What is neither real, synthetic nor noisy, such as measures and questions: colours that no kind of notes has.
NEUTRAL = (("#4B3B8F", "o", "-"), ("#C45AA0", "D", (0, (4, 1.5))), ("#1c2733", "s", (0, (1, 1.2))))

# What a stage's results rest on besides a seed of its own: parameters of the stages whose outputs it reads.
SEEDS = {
    "cohort": ("corpus.seed",),
    "generation": ("finetune.seed", "generate.seed"),
    "ablation": ("generate.seed", "larger_seeds.0"),
    "utility": ("seeds", "larger_seeds"),
    "significance": ("seeds", "larger_seeds"),
    "errors": ("seeds.0",),
    "hypotheses": ("seeds", "noise.seeds", "noise.seed"),
}


def result_files(
    params: Params, made: Mapping[str, Sequence[str]], results: str
) -> tuple[dict[str, str], dict[str, str]]:
    """The result files that this run must have: the JSON files and the tables, by what their keys begin with.

    Args:
        params: the parameters of this run.
        made: what each stage of the pipeline makes.
        results: the folder of results, in the project.
    """
    others = {f"hypotheses.{corpus}" for corpus in params.noise.corpora if corpus not in params.corpora}
    files = {pipeline.key_of(file): file for file in pipeline.result_files(made, results)}
    files = {key: file for key, file in files.items() if ".".join(key.split(".")[:2]) not in others}
    tables = {key: file for key, file in files.items() if file.endswith(".csv")}
    return {key: file for key, file in files.items() if key not in tables}, tables


def seeds(params: Params) -> dict[str, dict[str, Any]]:
    """What params.yaml says of seeds, by stage and name of the parameter; a stage's own is called `seed`."""
    sections = params.model_dump()
    own = {
        stage: {"seed": section["seed"]}
        for stage, section in sections.items()
        if isinstance(section, Mapping) and "seed" in section
    }
    found = {stage: {name: _at(sections, name) for name in names} for stage, names in SEEDS.items()}
    return {stage: own.get(stage, {}) | found.get(stage, {}) for stage in own.keys() | found.keys()}


def _at(values: Any, name: str) -> Any:
    """A parameter by its dotted name; items of lists count from 0."""
    for part in name.split("."):
        values = values[int(part)] if isinstance(values, list) else values[part]
    return values


class Paper(Report):
    """The report on a run.

    Attributes:
        corpora: those that were rebuilt.
        noisy: of these the ones with coders trained on noisy notes.
        published: the published values, by the names of their files.
        repairs: the entries of repairs.yaml.
    """

    def __init__(
        self,
        params: Params,
        numbers: Numbers,
        tables: Tables,
        chapters: Mapping[str, ModuleType],
        published: Mapping[str, Publication] | None = None,
        repairs: Sequence[Mapping[str, Any]] = (),
        languages: Mapping[str, str] | None = None,
    ) -> None:
        super().__init__(params, numbers, tables, chapters)
        self.corpora = [
            CorpusNames(key, of.name, (languages or {}).get(of.language, of.language), of.description, of.source.reader)
            for key, of in params.corpora.items()
        ]
        self.noisy = [corpus for corpus in self.corpora if corpus.key in params.noise.corpora]
        self.published, self.repairs = published or {}, repairs

    def context(self, template: str) -> dict[str, Any]:
        """Adds to the kit's functions what several chapters use."""
        return {
            "demo": self.params.disclosure.demo,
            "corpora": self.corpora,
            "noisy": self.noisy,
            "parameter": self.parameter,
            "each": lambda *patterns: [of.format(corpus.key) for corpus in self.corpora for of in patterns],
            "sign": self.sign,
            "collapsed": self.collapsed(),
            "coverage": self.numbers.complement,
        } | super().context(template)

    def parameter(self, corpus: CorpusNames, name: str) -> str:
        """The key of a parameter's value for a corpus, which its declaration may set otherwise: `corpus.seed`."""
        own = f"params.corpora.{corpus.key}.{name}"
        return own if own in self.numbers else f"params.{name}"

    def sign(self, prefix: str) -> Markdown:
        """How many notes look like copies: a number, or what disclosure control tells of few."""
        key = f"{prefix}.notes_beyond"
        return self.numbers.num(key, None if isinstance(self.numbers.value(key), str) else ",")

    def collapsed(self) -> list[str]:
        """The training sets, noisy ones too, of which a coder reads nothing: `real S, H1 at 20 % of MIMIC`."""
        numbers, found = self.numbers, []
        for corpus in self.corpora:
            coders = {label: f"utility.{corpus.key}.{of}.reading.collapsed.mean" for of, label in TRAININGS.items()}
            for hypothesis, level in product(self.params.noise.hypotheses, self.params.noise.noise_levels):
                key = f"hypotheses.{corpus.key}.distances.{hypothesis}.{level}.collapsed"
                coders[f"{hypothesis.upper()} at {level} %"] = key
            names = [name for name, key in coders.items() if key in numbers and numbers.value(key)]
            found += [f"{', '.join(names)} of {corpus.name}"] if names else []
        return found

    def panels(self, pattern: str) -> dict[str, pd.DataFrame]:
        """A table of each corpus, by the title of its panel in a figure; `{}` stands for the corpus in its name."""
        return {corpus.name: self.tables[pattern.format(corpus.key)] for corpus in self.corpora}

    def drawn(self, draw: Callable[..., Figure], pattern: str, *arguments: Any, **named: Any) -> Figure:
        """Draws a figure of the `panels` of a pattern."""
        return draw(self.panels(pattern), *arguments, **named)


def by_corpus(columns: int = 1) -> Callable[[Callable[..., Iterable[Row]]], Callable[..., list[Row]]]:
    """Makes of a function that gives the rows of one corpus one that gives those of all.

    Args:
        columns: how many of the first cells are left out where they repeat those above.
    """

    def of_all(rows: Callable[..., Iterable[Row]]) -> Callable[..., list[Row]]:
        @wraps(rows)
        def table(paper: Paper, *arguments: Any) -> list[Row]:
            return grouped([row for corpus in paper.corpora for row in rows(paper, corpus, *arguments)], columns)

        return table

    return of_all
