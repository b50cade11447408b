import numpy as np
import pytest
from hypothesis import given
from hypothesis.extra.numpy import arrays
from sklearn.metrics import f1_score

from synthnotes.coding.evaluation import average_by_group, frequency_groups, kind_groups
from synthnotes.coding.labels import read_codes
from synthnotes.machinery.files import UserError


def test_thirds_of_the_frequencies():
    groups = frequency_groups(np.array([9, 1, 0, 5, 2, 7, 8]))
    assert {name: np.flatnonzero(members).tolist() for name, members in groups.items()} == {
        "frequent": [0, 6],
        "middle": [3, 5],
        "rare": [1, 4],
        "unseen": [2],
    }


@given(arrays(int, 7, elements={"min_value": 0, "max_value": 4}))
def test_every_code_has_one_group_and_equal_codes_share_it(frequency):
    membership = np.stack(list(frequency_groups(frequency).values()))
    assert (membership.sum(axis=0) == 1).all()
    for count in np.unique(frequency):
        assert membership[:, frequency == count].all(axis=1).sum() == 1


def test_averages_of_a_group_by_hand():
    truth = np.array([[1, 0, 1, 0], [1, 1, 0, 0]], dtype=bool)
    probabilities = np.array([[0.9, 0.6, 0.2, 0.9], [0.4, 0.7, 0.1, 0.9]])
    groups = kind_groups(["diagnosis", "procedure", "procedure", "procedure"])
    found = average_by_group(truth, probabilities, probabilities > 0.5, [groups], np.arange(len(truth)))
    # Diagnoses: one of two found, nothing wrong. Procedures: one right, one wrong, one missed; the last never occurs.
    assert found["diagnoses"]["micro"]["f1"] == pytest.approx(2 / 3)
    assert found["diagnoses"]["micro"]["auc"] is None
    assert [found["procedures"][key] for key in ("codes", "codes_in_evaluation")] == [3, 2]
    assert found["procedures"]["micro"]["f1"] == pytest.approx(2 / 4)
    assert found["procedures"]["macro"]["f1"] == pytest.approx((2 / 3 + 0) / 2)
    kept = [1, 2]
    assert found["procedures"]["macro"]["f1"] == pytest.approx(
        f1_score(truth[:, kept], probabilities[:, kept] > 0.5, average="macro", zero_division=0)
    )


def test_a_group_without_codes_has_no_averages():
    found = average_by_group(*[np.ones((2, 1), dtype=bool)] * 3, [kind_groups(["diagnosis"])], np.arange(2))[
        "procedures"
    ]
    assert found["codes"] == 0
    assert {*found["micro"].values(), *found["macro"].values()} == {None}


def test_kinds_are_read_and_checked(tmp_path):
    path = tmp_path / "codes.csv"
    path.write_text("code,title,kind\nI10,,diagnosis\n0DTJ4ZZ,,procedure\n", encoding="utf-8")
    assert read_codes(path)["kind"].tolist() == ["diagnosis", "procedure"]
    path.write_text("code,title,kind\nI10,,symptom\n", encoding="utf-8")
    with pytest.raises(UserError, match="column `kind`"):
        read_codes(path)
