"""What the templates may use: the numbers, the rows of tables, the figures, and facts about this run."""

from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any

import pandas as pd
from matplotlib.figure import Figure

from synthnotes.machinery.files import UserError
from synthnotes.machinery.sections import TRAINING_SETS, Params
from synthnotes.report import (
    coder_tables,
    differences,
    error_tables,
    facts,
    family_figures,
    figures,
    findings,
    flow_figure,
    markup,
    origins,
    privacy,
    published,
    rating_figures,
    style,
    tables,
)
from synthnotes.report.inputs import NoDataError, Plots, noisy_corpora
from synthnotes.report.markup import Markdown
from synthnotes.report.numbers import MISSING, Numbers
from synthnotes.report.provenance import Drawn
from synthnotes.report.rating_sentences import conclusions
from synthnotes.report.ratings import Columns, comparison, pair_tests


class Contents:
    """The context of the templates.

    Attributes:
        figures_drawn: what the figures that the templates asked for were drawn from, by their names.
    """

    def __init__(
        self,
        params: Params,
        numbers: Numbers,
        plots: Plots,
        publications: Sequence[published.Published],
        repairs: Sequence[Mapping[str, Any]],
        folder: Path,
    ) -> None:
        """Gathers what a report is made of.

        Args:
            params: the parameters of this run.
            numbers: the results, the parameters (`params.…`) and the published values (`published.…`).
            plots: the data behind the figures.
            publications: the published values.
            repairs: the entries of repairs.yaml.
            folder: where the report's project is written; figures go to its folder figures.
        """
        self.params, self.numbers, self.plots, self.repairs, self.folder = params, numbers, plots, repairs, folder
        self.corpora = [tables.CORPORA[key] for key in params.corpora]
        self.noisy = [tables.CORPORA[key] for key in noisy_corpora(params)]
        self.figures_drawn: dict[str, Drawn] = {}
        self.published = publications
        self.compared = {of.name: list(of.values(numbers, params.disclosure.demo)) for of in publications}
        self.verdicts = {value.key: value.verdict for values in self.compared.values() for value in values}

    def context(self) -> dict[str, Any]:
        """Names and functions of the templates."""
        numbers, corpora = self.numbers, self.corpora
        return {
            "params": self.params,
            "demo": self.params.disclosure.demo,
            "corpora": corpora,
            "noisy": self.noisy,
            "none": MISSING,
            **{
                name: getattr(numbers, name)
                for name in ("num", "bare", "word", "value", "below", "interval", "quotient", "difference")
            },
            "has": lambda key: key in numbers,
            "md": Markdown,
            "table": markup.table,
            "fig": self.figure,
            "seed_count": self.seed_count,
            "coverage": lambda level: numbers.computed(1 - numbers.value(level), [level], f"1 − {level}", ".0%"),
            "half": lambda level: numbers.computed(numbers.value(level) / 2, [level], f"{level} / 2", ".1%"),
            "right": lambda headings: [f">{heading}" for heading in headings],
            "by_corpus": lambda rows: tables.by_corpus(numbers, corpora, rows),
            "flow_rows": lambda: tables.flow(numbers, corpora),
            "code_row_rows": lambda: tables.code_rows(numbers, corpora),
            "sample_rows": lambda both, only: tables.samples(numbers, corpora, both, only),
            "subset_rows": lambda: tables.subsets(numbers, corpora),
            "split_rows": lambda: tables.split_quality(numbers, corpora),
            "utility_rows": lambda metrics, intervals: coder_tables.utility(numbers, corpora, metrics, intervals),
            "coder_rows": lambda metrics: coder_tables.coders(numbers, corpora, metrics),
            "difference_rows": lambda: differences.tests(numbers, corpora),
            "family": lambda corpus, kind: differences.family(numbers, corpus, kind),
            "floor": lambda: differences.floor(numbers),
            "decision_rows": lambda: differences.decisions(numbers, corpora),
            "group_rows": lambda groups, metric: coder_tables.code_groups(numbers, corpora, groups, metric),
            "error_rows": lambda rows: error_tables.errors(numbers, corpora, rows),
            "correlation_rows": lambda: error_tables.correlations(numbers, corpora),
            "loss_rows": lambda: error_tables.losses(numbers, self.plots, corpora),
            "noise_rows": lambda: error_tables.noise(numbers, self.noisy),
            "ablated": bool(self.params.ablation.repetition_penalties and self.params.ablation.temperatures),
            "ablation_rows": lambda: tables.ablation(numbers, corpora),
            "rouge_rows": lambda: privacy.rouge(numbers, corpora),
            "passage_rows": lambda: privacy.pairs(numbers, corpora),
            "longest_rows": lambda: privacy.longest(numbers, corpora),
            "verdict_rows": lambda: privacy.verdicts(numbers, corpora),
            "tail_rows": lambda: privacy.tails(numbers, corpora),
            "membership_rows": lambda: privacy.membership(numbers, corpora),
            "one_sided_error": lambda: privacy.one_sided_error(numbers),
            "sign": lambda prefix: privacy.sign(numbers, prefix),
            "detection_rows": lambda: privacy.detection(numbers, corpora),
            "rating_rows": lambda: comparison(numbers, self.verdicts),
            "pair_rows": lambda: pair_tests(numbers, self.verdicts),
            "published": self.published,
            "published_rows": lambda name: [published.row(numbers, value) for value in self.compared[name]],
            "score_rows": lambda: published.scores(numbers, self.published, self.compared),
            "score": lambda *verdicts: published.counted(
                numbers, [v for values in self.compared.values() for v in values], verdicts or published.VERDICTS
            ),
            "noise_words": findings.NOISE,
            "rarity": lambda corpus: findings.rarity(numbers, corpus),
            "finding_rows": lambda: findings.rows(numbers, corpora),
            "origins": self.origins,
            "figure_rows": lambda: facts.figures(self.figures_drawn, self.plots, numbers),
            "rated": lambda study: [tables.CORPORA[key] for key in numbers.below(f"ratings.{study}")],
            "studies": list(self.params.ratings.studies),
            "question_columns": lambda study: Columns(numbers, study),
            "conclusions": lambda study: conclusions(numbers, study),
            "repair_rows": lambda: facts.repairs(self.repairs),
            "parameter_rows": lambda: facts.parameters(self.params.model_dump()),
            "fidelity_rows": lambda rows: tables.fidelity(numbers, corpora, rows),
            "version_rows": facts.versions,
            "source_rows": lambda: facts.sources(numbers, corpora),
        }

    def figure(self, name: str, caption: str, alternative: str, width: int = 100) -> Markdown:
        """Draws a figure and gives its markup, under the identifier `fig-<name>`.

        Where a table behind it has no rows, a note takes its place, in the figure and in the caption.
        """
        drawings = self.drawings()
        if name not in drawings:
            raise UserError(f"paper: no figure {name!r}; there are {', '.join(drawings)}.")
        path = self.folder / "figures" / f"{name}.svg"
        self.plots.read.clear()
        with self.numbers.watching() as keys:
            try:
                style.draw(drawings[name], path)
            except NoDataError as error:
                reason = str(error)
                style.draw(lambda: style.notice(f"No data: {reason}"), path)
                caption = markup.join(Markdown("**No data:** "), reason, ". ", Markdown(caption))
            except KeyError as error:
                files = ", ".join(self.plots.sources[table].name for table in sorted(self.plots.read))
                raise UserError(f"Figure {name!r}: {files}: no column or entry {error}. Run `dvc repro`.") from error
        self.figures_drawn[name] = Drawn(sorted(self.plots.read), sorted(keys))
        return markup.figure(f"fig-{name}", f"figures/{name}.svg", caption, alternative, width)

    def seed_count(self, which: str = "seeds") -> Markdown:
        """How many `seeds`, or `larger_seeds`, the coders of a training set are trained with."""
        keys = [f"params.{which}.{position}" for position in range(len(getattr(self.params, which)))]
        return self.numbers.computed(len(keys), keys, f"number of params.{which}", ",")

    def origins(self) -> Markdown:
        """The list of all numbers that were printed before, and what their links lead to: the end of the report."""
        printed = self.numbers.printed()
        return Markdown(origins.listing(printed) + origins.references(printed))

    def drawings(self) -> dict[str, Callable[[], Figure]]:
        """All figures of this run, by name; what a figure is drawn from is read when it is drawn."""
        settings, plots = self.params, self.plots

        def panels(pattern: str) -> dict[str, pd.DataFrame]:
            return {corpus.name: plots[pattern.format(corpus.key)] for corpus in self.corpora}

        def coders() -> dict[str, dict[str, list[pd.DataFrame]]]:
            found: dict[str, dict[str, list[pd.DataFrame]]] = {}
            for corpus in self.corpora:
                of_runs = dict(iter(plots[f"utility.{corpus.key}.curves"].groupby(["training", "seed"])))
                found[corpus.name] = {of: [of_runs[of, seed] for seed in settings.seeds_of(of)] for of in TRAINING_SETS}
            return found

        def held_out() -> dict[str, float | None]:
            return {c.name: self.numbers.value(f"generation.{c.key}.finetune.validation_loss") for c in self.corpora}

        boundary, limit = settings.errors.length_boundary, settings.coding.max_words
        most = settings.report.top_chapters
        drawings = {
            "finetune": lambda: figures.training_loss(panels("generation.{}.curve"), held_out()),
            "coding": lambda: figures.coder_curves(coders()),
            "differences": lambda: differences.intervals(panels("significance.{}.differences")),
            "frequency": lambda: figures.binned_f1(
                panels("errors.{}.frequency"), "training notes with the code", log=True
            ),
            "length": lambda: figures.binned_f1(
                panels("errors.{}.length"), "words in the note", boundary=boundary, limit=limit
            ),
            "families": lambda: family_figures.family_shares(panels("errors.{}.chapters"), most),
            "pies": lambda: family_figures.family_pies(panels("errors.{}.chapters"), most),
            "calibration": lambda: figures.reliability(panels("errors.{}.calibration")),
            "recall": lambda: figures.recall(panels("privacy.{}.recall")),
            "passages": lambda: figures.passages(panels("privacy.{}.passages")),
            "detection": lambda: figures.detection(panels("detection.{}.curve")),
        }
        for corpus in self.corpora:
            drawings |= self.corpus_drawings(corpus, most)
        for corpus in self.noisy:
            drawings[f"noise-{corpus.key}"] = lambda of=corpus: figures.noise_curves(
                plots[f"hypotheses.{of.key}.curves"], *error_tables.noise_distances(self.numbers, of)
            )
        for study in settings.ratings.studies:
            drawings |= self.rating_drawings(study)
        return drawings

    def corpus_drawings(self, corpus: tables.Corpus, most: int) -> dict[str, Callable[[], Figure]]:
        """The figures of one corpus by itself, by name; `most` chapters are shown."""
        plots, key = self.plots, corpus.key
        chapters, confusion = f"errors.{key}.chapters", f"errors.{key}.confusion"
        return {
            f"flow-{key}": lambda: flow_figure.flow_chart(
                plots[f"cohort.{key}.flow"], tables.subset_boxes(self.numbers, corpus)
            ),
            f"confusion-{key}": lambda: family_figures.confusion(plots[confusion], plots[chapters], most),
        }

    def rating_drawings(self, study: str) -> dict[str, Callable[[], Figure]]:
        """The figures of one study of raters, by name."""
        languages = {corpus: tables.CORPORA[corpus].language for corpus in self.numbers.below(f"ratings.{study}")}
        titles = {corpus: f"{language} study" for corpus, language in languages.items()}
        plots, answers = self.plots, f"ratings.{study}.answers"
        return {
            f"{study}-boxes": lambda: rating_figures.boxes(plots[answers], titles),
            f"{study}-answers": lambda: rating_figures.stacked(plots[answers], titles),
            f"{study}-differences": lambda: rating_figures.paired(plots[f"ratings.{study}.differences"], titles),
            f"{study}-correlation": lambda: rating_figures.correlation(self.levels(study, titles)),
        }

    def levels(self, study: str, titles: Mapping[str, str]) -> dict[str, list[dict[str, Any]]]:
        """Coherence at each level of readability, per panel's title."""
        found = {}
        for corpus, title in titles.items():
            prefix = f"ratings.{study}.{corpus}.correlation.coherence_by_readability"
            found[title] = [
                {"readability": int(level)}
                | {of: self.numbers.value(f"{prefix}.{level}.{of}") for of in ("mean", "sd", "ratings")}
                for level in self.numbers.below(prefix)
            ]
        return found
