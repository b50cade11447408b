"""Generation: fine-tuning, samples and their quality (paper, sections 3 and 5)."""

from collections.abc import Mapping, Sequence

import pandas as pd
from matplotlib.figure import Figure

from synthnotes.report.kit.markup import grouped
from synthnotes.report.kit.report import Drawings
from synthnotes.report.kit.style import legend_below, panels
from synthnotes.report.paper import LOOKS, Paper, Row

__all__ = ["ablation", "samples"]


def samples(
    paper: Paper, both: Sequence[tuple[str, str, str]], samples_only: Sequence[tuple[str, str, str]]
) -> list[Row]:
    """Label, then for each corpus a number of the real notes and that of the samples.

    Args:
        paper: the report.
        both: label, key below the quality of real notes and of samples, and format.
        samples_only: the same with a key below the results of sampling, for what real notes do not have.
    """
    kinds = [f"generation.{c.key}.samples.quality.{notes}" for c in paper.corpora for notes in ("real", "samples")]
    rows = paper.grid(kinds, both)
    for label, key, spec in samples_only:
        cells = [paper.numbers.num(f"generation.{c.key}.samples.{key}", spec) for c in paper.corpora]
        rows.append([label, *(cell for of_samples in cells for cell in (None, of_samples))])
    return rows


def ablation(paper: Paper) -> list[Row]:
    """Corpus, penalty, temperature, codes found again, title words, looping, ended by themselves, words; real notes."""
    numbers, rows = paper.numbers, []
    for corpus in paper.corpora:
        prefix = f"ablation.{corpus.key}"
        found = [numbers.num(f"{prefix}.real.{of}", ".1%") for of in ("share_found", "share_of_title_words")]
        rows.append([corpus.name, "real notes", None, *found, None, None, None])
        for name in numbers.below(f"{prefix}.settings"):
            of = f"{prefix}.settings.{name}"
            values = [numbers.num(f"{of}.{key}", ".2f") for key in ("repetition_penalty", "temperature")]
            shares = ("share_found", "share_of_title_words", "share_looping", "share_stopped")
            cells = [numbers.num(f"{of}.{key}", ".1%") for key in shares]
            rows.append([corpus.name, *values, *cells, numbers.num(f"{of}.mean_words", ".1f")])
    return grouped(rows)


def figures(paper: Paper) -> Drawings:
    """What draws the loss."""

    def finetune() -> Figure:
        held_out = "generation.{}.finetune.validation_loss"
        losses = {corpus.name: paper.numbers.value(held_out.format(corpus.key)) for corpus in paper.corpora}
        return training_loss(paper.panels("generation.{}.curve"), losses)

    return {"finetune": finetune}


def training_loss(curves: Mapping[str, pd.DataFrame], held_out: Mapping[str, float | None]) -> Figure:
    """The generator's loss over the steps of fine-tuning, and its loss on unseen notes at the end.

    Args:
        curves: per panel's title the columns step and loss.
        held_out: per panel's title the loss on unseen notes, None where it was not measured.
    """
    figure, axes = panels(list(curves), 2.1, share_y=False)
    for axis, (title, curve) in zip(axes, curves.items(), strict=True):
        axis.plot(curve["step"], curve["loss"], color=LOOKS["real_l"].colour, label="notes of L, training")
        if (loss := held_out[title]) is not None:
            line = {"color": LOOKS["real_s"].colour, "linewidth": 1.2, "linestyle": (0, (4, 2))}
            axis.axhline(loss, label="unseen notes of S, at the end", **line)
        axis.set_xlabel("optimiser step")
        axis.set_ylim(bottom=0)
    axes[0].set_ylabel("cross-entropy per token")
    legend_below(figure, axes[0])
    return figure
