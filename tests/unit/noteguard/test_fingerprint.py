"""Copied text is known again, whatever its frame; what is common or public is nobody's."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from noteguard import fingerprint
from noteguard.fingerprint import ENOUGH, SEEN, TEMPLATE, Patient, normalised, runs, words

VOCABULARY = [
    f"{a}{b}" for a in ("hjärt", "renal", "thor", "pulmo", "gastr") for b in ("it", "al", "ik", "os", "um", "är")
]


def sentence(seed, length):
    return " ".join(np.random.default_rng(seed).choice(VOCABULARY, length))


NOTES = [sentence(seed, 300) for seed in range(30)]
STANDARD = sentence(1000, 40)
TITLE = sentence(2000, 40)
MADE_FROM = {"notes.csv": [1, 2]}


@pytest.fixture(scope="module")
def known(tmp_path_factory):
    folder = tmp_path_factory.mktemp("fingerprint") / "made"
    patients = [
        Patient([f"{note} {STANDARD}" if number <= TEMPLATE else note, TITLE], [f"1000{number:04d}-DS-1", f"{number}"])
        for number, note in enumerate(NOTES)
    ]
    fingerprint.build(folder, {"notes": patients, "none": []}, [TITLE], MADE_FROM)
    return fingerprint.load(folder)


def test_words_are_hashed_alone_and_the_same_anywhere():
    apart = [words(normalised(word)).hashes[0] for word in ("Ödem", "i", "båda", "benen", "37", "5")]
    found = words(normalised("  \u00d6DEM,(i)___båda\r\n\tbenen: 37.5"))
    assert found.hashes.tolist() == apart
    assert found.lettered.tolist() == [True] * 4 + [False] * 2
    assert len(set(apart)) == 6
    assert words(b"").hashes.size == words(b" .. ").hashes.size == 0


def test_runs_stay_within_a_text_and_need_letters():
    text = words(normalised("a b c d e f g h 1 2 3 4 5 6 7 8 9"))
    hashes = runs(text)
    assert len(hashes) == 17 - 8 + 1
    assert (hashes == fingerprint.NONE).tolist() == [False] * 5 + [True] * 5  # four of eight must have a letter
    assert (runs(text, np.array([0] * 4 + [1] * 13)) == fingerprint.NONE)[:4].all()


@given(st.integers(0, 29), st.integers(0, 300 - SEEN), st.sampled_from([" ", "\n", " > ", "; "]), st.booleans())
def test_as_many_copied_words_as_promised_are_always_seen(known, note, start, between, upper):
    copied = between.join(NOTES[note].split()[start : start + SEEN])
    text = f"An ordinary sentence before it. {copied.upper() if upper else copied} And one after."
    found, place = known.copied(normalised(text))
    assert found >= ENOUGH
    assert text[place:].strip()  # a place in the text


@given(st.integers(5000, 5500))
def test_other_text_is_not(known, seed):
    assert known.copied(normalised(sentence(seed, 400))) == (0, 0)


def test_what_most_patients_share_or_anybody_may_print_is_not(known):
    assert known.copied(normalised(TITLE)) == (0, 0)
    assert known.copied(normalised(STANDARD))[0] == 0  # with one patient more than TEMPLATE
    assert known.copied(normalised(NOTES[0]))[0] > 100 / 3


def test_ids_are_counted_among_their_like(known):
    listed = "\n".join(f"1000{number:04d}," for number in range(12))
    assert known.known_ids(listed.encode())[:2] == (12, 12)
    numbers = "\n".join(f"9900{number:04d}," for number in range(100))
    assert known.known_ids((numbers + listed).encode())[:2] == (12, 112)
    assert known.known_ids(b"3 4 5 6 7 8 9 10 11 12 13 14") == (0, 0, 0)  # too short to tell from other numbers


def test_nobody_else_may_read_it_and_it_knows_what_it_was_made_from(tmp_path):
    folder = tmp_path / "made"
    assert fingerprint.load(folder) is None
    assert fingerprint.stale(folder, MADE_FROM) == {"notes.csv"}
    fingerprint.build(folder, {"notes": [Patient(NOTES[:1], [])]}, [], MADE_FROM)
    assert fingerprint.stale(folder, MADE_FROM) == set()
    assert fingerprint.stale(folder, MADE_FROM | {"other.csv": [1, 2]}) == {"other.csv"}
    assert fingerprint.stale(folder, {"notes.csv": [1, 3]}) == {"notes.csv"}
    assert folder.stat().st_mode & 0o077 == 0
    assert all(file.stat().st_mode & 0o077 == 0 for file in folder.iterdir())
    assert not any(NOTES[0].split()[0].encode() in file.read_bytes() for file in folder.iterdir())


@given(st.integers(0, 29), st.integers(0, 290), st.integers(1, ENOUGH - 1))
def test_fewer_words_than_count_are_never_seen(known, note, start, length):
    assert known.copied(normalised(" ".join(NOTES[note].split()[start : start + length])))[0] < ENOUGH


def test_the_verdict_does_not_depend_on_the_salt(tmp_path):
    """Passages of all lengths, of which the short ones are seen or not: by all fingerprints, or by none."""
    passages = [normalised(" ".join(NOTES[n].split()[n : n + length])) for n in range(30) for length in range(8, SEEN)]
    verdicts, hashes = set(), []
    for number in range(20):
        folder = tmp_path / f"{number}"
        fingerprint.build(
            folder, {"notes": [Patient([note], [f"1000{n}"]) for n, note in enumerate(NOTES)]}, [TITLE], {}
        )
        made = fingerprint.load(folder)
        verdicts.add(tuple(made.copied(passage) for passage in passages))
        hashes.append(set(made.runs[0].tolist()) | set(made.ids[0].tolist()))
    (verdict,) = verdicts
    seen = sum(covered >= ENOUGH for covered, _ in verdict)
    assert 0.1 < seen / len(passages) < 0.9
    assert len(set.union(*hashes)) == sum(
        map(len, hashes)
    )  # of two fingerprints nobody can tell that notes are the same


def test_it_keeps_what_is_not_there_any_more_and_replaces_what_has_changed(tmp_path):
    folder = tmp_path / "made"
    first, second, third = (normalised(note) for note in NOTES[:3])

    def build(name, note, state):
        fingerprint.build(folder, {name: [Patient([note], [f"{note[:6]}0000"])]}, [], {name: state})
        return fingerprint.load(folder)

    build("a", NOTES[0], [1, 1])
    known = build("b", NOTES[1], [1, 1])
    assert [known.copied(note)[0] >= ENOUGH for note in (first, second, third)] == [True, True, False]
    known = build("a", NOTES[2], [1, 2])
    assert [known.copied(note)[0] >= ENOUGH for note in (first, second, third)] == [False, True, True]
    assert sorted(known.sources) == ["a", "b"]
    assert fingerprint.stale(folder, {"a": [1, 1], "b": [1, 1]}) == {"a"}


@pytest.mark.parametrize("harm", ["runs-0.u64", "ids-0.u64", fingerprint.DESCRIPTION, "cut", "version"])
def test_an_incomplete_one_is_none(tmp_path, harm):
    folder = tmp_path / "made"
    fingerprint.build(folder, {"notes": [Patient(NOTES[:1], ["10000001"])]}, [], MADE_FROM)
    if harm == "cut":
        (folder / "runs-0.u64").write_bytes((folder / "runs-0.u64").read_bytes()[:-3])
    elif harm == "version":
        described = folder / fingerprint.DESCRIPTION
        described.write_text(described.read_text().replace(f'"version": {fingerprint.VERSION}', '"version": 3'))
    else:
        (folder / harm).unlink()
    assert fingerprint.load(folder) is None
    assert fingerprint.stale(folder, MADE_FROM) == {"notes.csv"}
