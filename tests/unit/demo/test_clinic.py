import random
from collections import Counter
from dataclasses import replace

import numpy as np
import pytest
import simple_icd_10_cm
from hypothesis import given
from hypothesis import strategies as st
from sklearn.feature_extraction.text import CountVectorizer
from sklearn.linear_model import LogisticRegression
from sklearn.metrics import f1_score
from sklearn.multiclass import OneVsRestClassifier
from sklearn.preprocessing import MultiLabelBinarizer

from synthnotes.demo import mimic, sepr
from synthnotes.demo.clinic import MAXIMUM_CODES, Clinic, Diagnosis, Procedure, fill, load_clinic
from synthnotes.demo.scale import TOY

ENGLISH = load_clinic("english")


def sample(clinic, number, seed=1):
    rng = random.Random(seed)
    return [clinic.sample_case(rng) for _ in range(number)]


def diagnosis(code, **settings):
    return Diagnosis(**{"code": code, "title": code, "cluster": "a", "weight": 1, "wording": {}} | settings)


@pytest.mark.parametrize("diagnosis", ENGLISH.diagnoses, ids=lambda d: d.code)
def test_diagnoses_are_real_codes_with_their_titles_and_enough_wording(diagnosis):
    assert simple_icd_10_cm.is_valid_item(diagnosis.code)
    assert simple_icd_10_cm.get_description(diagnosis.code) == diagnosis.title
    kinds = {"names", "course"} | ({"complaint", "story"} if diagnosis.reason else set())
    assert kinds <= diagnosis.wording.keys()
    assert all(isinstance(phrase, str) and phrase for phrases in diagnosis.wording.values() for phrase in phrases)


def test_there_are_enough_codes_and_links_lead_somewhere():
    codes = {diagnosis.code for diagnosis in ENGLISH.diagnoses}
    assert len(codes) == len(ENGLISH.diagnoses) >= 60
    assert len({procedure.code for procedure in ENGLISH.procedures}) == len(ENGLISH.procedures) >= 12
    assert all(len(procedure.code) == 7 and procedure.chances for procedure in ENGLISH.procedures)
    linked = [*ENGLISH.diagnoses, *ENGLISH.procedures]
    assert {
        code for entry in linked for code in getattr(entry, "companions", {}) or getattr(entry, "chances", {})
    } <= codes
    clusters = {diagnosis.cluster for diagnosis in ENGLISH.diagnoses}
    named = {key for row in ENGLISH.affinities.values() if isinstance(row, dict) for key in row}
    assert named | (ENGLISH.affinities.keys() - {"default"}) <= clusters


def test_cases_keep_their_rules():
    for case in sample(ENGLISH, 500):
        codes = [entry.code for entry in (*case.procedures, *case.diagnoses)]
        assert 2 <= len(codes) <= MAXIMUM_CODES
        assert len(set(codes)) == len(codes)
        assert case.reason in case.diagnoses
        assert case.reason.reason
        assert [d.code for d in case.diagnoses] == sorted(d.code for d in case.diagnoses)
        groups = [d.group for d in case.diagnoses if d.group]
        assert len(set(groups)) == len(groups)
        assert all(p.chances.keys() & set(codes) for p in case.procedures)


def test_frequencies_have_a_long_tail_and_clusters_hold_together():
    cases = sample(ENGLISH, 1500)
    counts = Counter(d.code for case in cases for d in case.diagnoses).most_common()
    assert counts[0][1] > 5 * counts[len(counts) // 2][1]
    coronary = [case for case in cases if case.reason.code == "I21.4"]
    stroke = [case for case in cases if case.reason.cluster == "trauma"]

    def share(group):
        return sum(any(d.code == "I25.10" for d in case.diagnoses) for case in group) / len(group)

    assert share(coronary) > 3 * share(stroke)


def test_known_diagnoses_come_along():
    gout = next(d for d in ENGLISH.diagnoses if d.code == "M10.9")
    rng = random.Random(3)
    cases = [ENGLISH.sample_case(rng, known=[gout]) for _ in range(100)]
    assert sum(gout in case.diagnoses for case in cases) > 70


def test_sampling_by_hand():
    reason = diagnosis("A", reason=True, companions={"B": 1.0}, group="x")
    excluded = diagnosis("C", group="x", weight=1000)
    foreign = diagnosis("D", cluster="b", weight=1000)
    clinic = Clinic(
        diagnoses_per_case={3: 1},
        affinities={"default": 1, "a": {"b": 0, "a": 1}},
        diagnoses=(foreign, excluded, diagnosis("B"), diagnosis("E"), reason),
        procedures=(Procedure("0AB", "", {"B": 1.0}, {}), Procedure("0AC", "", {"D": 1.0}, {})),
    )
    for case in sample(clinic, 20):
        assert [d.code for d in case.diagnoses] == ["A", "B", "E"]
        assert [p.code for p in case.procedures] == ["0AB"]


def test_the_heaviest_codes_are_kept_with_their_procedures():
    small = ENGLISH.keep_most_frequent(TOY.diagnoses, TOY.procedures)
    others = [d for d in ENGLISH.diagnoses if d not in small.diagnoses]
    assert len(small.diagnoses) == TOY.diagnoses
    assert min(d.weight for d in small.diagnoses) >= max(d.weight for d in others)
    assert len(small.procedures) == TOY.procedures
    assert ENGLISH.keep_most_frequent(len(ENGLISH.diagnoses), len(ENGLISH.procedures)) == ENGLISH
    assert replace(ENGLISH, diagnoses=ENGLISH.diagnoses[:1]).keep_most_frequent(1, 1).procedures == ()


def test_fill():
    rng = random.Random(1)
    assert {fill("{a|b {c|d}} x", rng) for _ in range(60)} == {"a x", "b c x", "b d x"}
    assert {fill("[9-11] mg", rng) for _ in range(60)} == {"9 mg", "10 mg", "11 mg"}
    assert {fill("one {two|} .", rng) for _ in range(30)} == {"one two.", "one."}


@given(st.integers(0, 10**6))
def test_fill_leaves_no_marks(seed):
    rng = random.Random(seed)
    entry = rng.choice([*ENGLISH.diagnoses, *ENGLISH.procedures])
    for phrases in entry.wording.values():
        for phrase in phrases:
            assert not set("{}|[]") & set(fill(phrase, rng))


@pytest.mark.parametrize("language", [mimic, sepr])
def test_a_simple_coder_learns_codes_from_notes(language):
    cases = language.sample_pretraining_cases(800, seed=5)
    words = CountVectorizer(binary=True).fit_transform([case.note for case in cases])
    targets = MultiLabelBinarizer().fit_transform([case.titles for case in cases])
    learnable = targets[:500].any(axis=0) & ~targets[:500].all(axis=0)
    coder = OneVsRestClassifier(LogisticRegression(C=10, solver="liblinear"))
    coder.fit(words[:500], targets[:500][:, learnable])
    predicted = np.zeros_like(targets[500:])
    predicted[:, learnable] = coder.predict_proba(words[500:]) > 0.3
    assert f1_score(targets[500:], predicted, average="micro") > 0.9
