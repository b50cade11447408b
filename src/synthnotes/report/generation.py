"""Generation: fine-tuning, samples and their quality (paper, sections 4.1 and 4.2)."""

from collections.abc import Iterator, Mapping

import pandas as pd
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from synthnotes.report.kit.report import Drawings
from synthnotes.report.kit.style import by_panel
from synthnotes.report.paper import LOOKS, CorpusNames, Paper, Row, by_corpus

__all__ = ["ablation"]


@by_corpus()
def ablation(paper: Paper, corpus: CorpusNames) -> Iterator[Row]:
    """Corpus, penalty, temperature, codes found again, title words, looping, ended by themselves, words; real notes."""
    nums, prefix = paper.numbers.nums, f"ablation.{corpus.key}"
    found = nums(f"{prefix}.real", "share_found share_of_title_words", ".1%")
    yield [corpus.name, "real notes", None, *found, None, None, None]
    for name in paper.numbers.below(f"{prefix}.settings"):
        of = f"{prefix}.settings.{name}"
        values = nums(of, "repetition_penalty temperature", ".2f")
        shares = nums(of, "share_found share_of_title_words share_looping share_stopped", ".1%")
        yield [corpus.name, *values, *shares, *nums(of, "mean_words", ".1f")]


def figures(paper: Paper) -> Drawings:
    """What draws the loss."""

    def finetune() -> Figure:
        held_out = "generation.{}.finetune.validation_loss"
        losses = [paper.numbers.value(held_out.format(corpus.key)) for corpus in paper.corpora]
        curves = paper.panels("generation.{}.curve")
        return training_loss(dict(zip(curves, zip(curves.values(), losses, strict=True), strict=True)))

    return {"finetune": finetune}


def training_loss(losses: Mapping[str, tuple[pd.DataFrame, float | None]]) -> Figure:
    """The generator's loss over the steps of fine-tuning, and its loss on unseen notes at the end.

    Args:
        losses: per panel's title the columns step and loss, and the loss on unseen notes, None where it was not
            measured.
    """

    def draw(axis: Axes, of_panel: tuple[pd.DataFrame, float | None]) -> None:
        curve, unseen = of_panel
        axis.plot(curve["step"], curve["loss"], color=LOOKS["real_l"].colour, label="notes of L, training")
        if unseen is not None:
            label, colour = "unseen notes of S, at the end", LOOKS["real_s"].colour
            axis.axhline(unseen, label=label, color=colour, linewidth=1.2, linestyle=(0, (4, 2)))
        axis.set_ylim(bottom=0)

    return by_panel(losses, draw, 2.1, "cross-entropy per token", share_y=False, xlabel="optimiser step")
