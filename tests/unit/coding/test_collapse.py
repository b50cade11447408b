"""Whether a coder reads, on coders of which that is known; and no stage concludes anything from one that does not."""

import dataclasses

import numpy as np
import pytest
from scipy import sparse

from synthnotes.coding.collapse import NOTES, measure_collapse
from synthnotes.coding.outcomes import decide, measure_notes
from synthnotes.coding.predictions import Predictions
from synthnotes.machinery import params
from synthnotes.machinery.params import TRAINING_SETS, SignificanceParams
from synthnotes.significance.coder_differences import compare

STUDIES = 30
SHARES = np.geomspace(0.4, 0.01, 40)  # of the notes, that have each code


def study(seed, notes=300):
    """Notes with codes, the patients of whom some have two, and the generator to draw further."""
    rng = np.random.default_rng(seed)
    truth = rng.random((notes, len(SHARES))) < SHARES
    truth[~truth.any(axis=1), 0] = True
    return truth, np.arange(notes) // 2, rng


def coder(truth, rng, strength, noise=0.0, length=0.0):
    """Probabilities of a coder that knows the codes' frequency, and of the note itself as much as `strength` says.

    Args:
        truth: bool [notes, codes].
        rng: draws what is no reading.
        strength: logits that a true code has more than others.
        noise: standard deviation of what differs from note to note for no reason.
        length: standard deviation of what lifts all codes of a note.
    """
    logits = np.log(SHARES / (1 - SHARES)) + strength * truth
    logits = logits + noise * rng.normal(size=truth.shape) + length * rng.normal(size=(len(truth), 1))
    return (1 / (1 + np.exp(-logits))).astype(np.float32)


@pytest.mark.parametrize(
    ("strength", "noise", "length", "share"),
    [
        (0.0, 0.0, 0.0, 1.0),  # the same row for every note
        (0.0, 1e-3, 0.0, 1.0),  # but for rounding
        (0.0, 0.1, 0.0, 0.95),  # noise
        (0.0, 1.0, 0.0, 1.0),
        (0.0, 3.0, 0.0, 1.0),
        (0.0, 0.0, 1.0, 1.0),  # all codes rise with the note's length
        (0.0, 0.3, 2.0, 0.95),
        (0.01, 0.0, 0.0, 1.0),  # reads, but so little that nothing comes of it
        (0.5, 0.3, 0.0, 0.0),  # reads a little
        (1.0, 1.0, 1.0, 0.0),
        (3.0, 0.5, 0.0, 0.0),  # reads
        (9.0, 0.0, 0.0, 0.0),
    ],
)
def test_coders_that_read_nothing_are_told_from_those_that_read(strength, noise, length, share):
    found = []
    for seed in range(STUDIES):
        truth, patients, rng = study(seed)
        found.append(measure_collapse(truth, coder(truth, rng, strength, noise, length), patients).collapsed)
    assert np.mean(found) == share if share in (0, 1) else np.mean(found) >= share


def test_one_row_for_all_notes_has_no_spread_and_a_coder_that_knows_all_has_nearly_all_of_it():
    truth, patients, rng = study(1)
    nothing, all_of_it = (measure_collapse(truth, coder(truth, rng, strength), patients) for strength in (0, 30))
    assert nothing.spread == pytest.approx(0, abs=1e-9)
    assert nothing.map == nothing.map_without_notes < 0.7
    assert all_of_it.spread > 0.5
    assert all_of_it.map == 1


def test_a_better_prior_is_no_reading():
    """One row for all notes has collapsed, however much better it ranks than another coder."""
    truth, patients, rng = study(2)
    row = np.tile(truth.mean(axis=0), (len(truth), 1)).astype(np.float32)
    poor = measure_collapse(truth, coder(truth[:, ::-1], rng, 2, 1)[:, ::-1], patients)
    assert measure_collapse(truth, row, patients).collapsed
    assert not poor.collapsed
    assert poor.map < measure_collapse(truth, row, patients).map


@pytest.mark.parametrize("strength", [0, 2])
def test_a_sample_of_many_notes_tells_the_same(strength):
    truth, patients, rng = study(3, notes=NOTES + 999)
    given = coder(truth, rng, strength, noise=0.5)
    few, many = (measure_collapse(truth[:n], given[:n], patients[:n]) for n in (NOTES, None))
    assert few.collapsed == many.collapsed == (strength == 0)
    assert few.spread == pytest.approx(many.spread, rel=0.05)


@pytest.mark.parametrize("notes", [0, 1, 2])
def test_hardly_any_notes(notes):
    truth, patients, rng = study(4, notes)
    found = measure_collapse(sparse.csr_array(truth), coder(truth, rng, 0), patients)
    assert found.collapsed
    assert np.isfinite(found[:3]).all()


def test_two_codes_of_which_every_note_has_the_first_leave_nothing_to_rank():
    """Mean average precision is 1 for any coder that knows that, whether it reads or not; so it alone does not tell."""
    second = np.arange(40) % 3 > 0
    truth = np.stack([np.ones(40, dtype=bool), second], axis=1)
    for given, collapsed in ((np.where(second, 0.8, 0.3), False), (np.full(40, 0.7), True)):
        probabilities = np.stack([np.full(40, 0.9), given], axis=1).astype(np.float32)
        assert measure_collapse(truth, probabilities, np.arange(40)).collapsed == collapsed


def predicted(truth, rng, strength):
    codes = [f"A{code:02}" for code in range(truth.shape[1])]
    return Predictions([str(note) for note in range(len(truth))], codes, coder(truth, rng, strength, 0.01), 0.3)


def test_nothing_is_concluded_from_a_pair_in_which_a_coder_reads_nothing():
    """Three seeds each: without the check, two collapsed sets are `non-inferior` to each other."""
    truth, patients, rng = study(5)
    strengths = dict.fromkeys(TRAINING_SETS, (3, 3, 3)) | {"synthetic_s": (0, 0, 0), "real_s": (3, 0, 3)}
    has = sparse.csr_array(truth)
    coders = {
        of: [measure_notes(predicted(truth, rng, s), has, patients) for s in each] for of, each in strengths.items()
    }
    settings = params.load("significance", SignificanceParams)
    found = compare(coders, settings)["pairs"]
    for first, second in settings.pairs:
        fallen = bool({first, second} & {"synthetic_s", "real_s"})
        pair = found[f"{first}_against_{second}"]
        for judged in pair["non_inferiority"].values():
            assert (judged["verdict"] == "collapsed") == fallen
        assert not fallen or set(pair["seeds_to_decide"].values()) == {None}
    blind = [dataclasses.replace(one, collapsed=False) for one in coders["synthetic_s"]]
    pair = compare(dict.fromkeys(TRAINING_SETS, blind), settings)["pairs"]["synthetic_s_against_real_s"]
    assert pair["non_inferiority"]["micro_f1"]["verdict"] == "non-inferior"


def test_decisions_remember_whether_they_were_made_by_reading():
    truth, patients, rng = study(6)
    for strength in (0, 3):
        made = decide(predicted(truth, rng, strength), sparse.csr_array(truth), patients)
        assert made.collapsed == (strength == 0)


def test_of_few_patients_the_spread_alone_is_judged():
    """Three patients tell nothing above chance, whatever a coder reads."""
    truth = np.eye(3, dtype=bool)
    assert not measure_collapse(
        truth, np.array([[0.9, 0.1, 0.2], [0.3, 0.6, 0.4], [0.5, 0.7, 0.1]]), np.arange(3)
    ).collapsed
    assert measure_collapse(truth, np.tile([0.9, 0.1, 0.2], (3, 1)), np.arange(3)).collapsed
