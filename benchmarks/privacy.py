"""Privacy: all searches of the chapter, against the published pairwise search, at any size.

    python benchmarks/privacy.py                    3,000 x 20,000 notes of 900 words, then 1, 2, 4 and 8 times 5,000
    python benchmarks/privacy.py 300 2000 900       another size
    python benchmarks/privacy.py --paper            13,378 x 89,099 of 900 words, and 47,783 x 237,940 of 100 words
    python benchmarks/privacy.py --eighth           an eighth of the notes of either side

Notes are invented: words by Zipf's law, with phrases of templates in between that recur over the corpus. The published
method scores every pair with dictionaries of n-gram counts in Python; it is timed on as many pairs as it can finish in
some seconds. Beside it, passes over the same text in Python that merely cut it into words: `rouge_score`'s own
tokenizer, one regular expression that gives the same words, and a plain split at white space. The searches are timed
with the reading of the text, but without their start, in which the machine code of their loops is loaded, and compiled
once per machine; that is timed apart.
"""

import re
import sys
import time
from collections import Counter
from collections.abc import Callable, Iterator
from typing import Any

import machine
import numpy as np
from rouge_score.tokenize import tokenize

from synthnotes.privacy.overlap.inverted_index import nearest_neighbours
from synthnotes.privacy.overlap.memory import GIB
from synthnotes.privacy.overlap.passages import longest_passages
from synthnotes.privacy.overlap.unique_ngrams import count_by_corpora
from synthnotes.privacy.overlap.vocabulary import EncodedNotes, Encoder, cut_into_words

SIZE = (3_000, 20_000, 900)
GROWTH = (1_000, 5_000, 900)
PARTS = {"--paper": 1, "--eighth": 8}
PAPER = {"mimic": ((13_378, 89_099, 900), "ascii"), "sepr": ((47_783, 237_940, 100), "unicode")}
VOCABULARY, PHRASES, TEMPLATE_SHARE = 60_000, 4_000, 0.3
PAIRWISE_SECONDS = 10.0
BUDGET = 4 * GIB
CUTS = {"rouge_score": "rouge_score's tokenizer", "pattern": "a regular expression", "split": "a plain split"}


def invent(notes: int, words: int, seed: int, alphabet: str = "etaoinshrdlu") -> list[str]:
    """Invents notes: words by Zipf's law, a third of them in phrases that recur, also by Zipf."""
    rng = np.random.default_rng(0)  # one language for all corpora
    letters = np.array(list(alphabet))
    vocabulary = [
        "".join(rng.choice(letters, size)) + ("." if size % 5 == 0 else "") for size in rng.integers(2, 11, VOCABULARY)
    ]
    chance = 1 / (10 + np.arange(VOCABULARY))
    cumulative = np.cumsum(chance / chance.sum())
    lengths = rng.integers(6, 21, PHRASES)
    starts = np.cumsum(lengths) - lengths
    phrases = np.searchsorted(cumulative, rng.random(lengths.sum()))
    of_phrase = 1 / (10 + np.arange(PHRASES))
    of_phrase = np.cumsum(of_phrase / of_phrase.sum())

    rng = np.random.default_rng(seed)
    texts: list[str] = []
    while len(texts) < notes:
        block = min(1_000, notes - len(texts))
        segments = block * words // 13 + 100  # both kinds of segment have 13 words on average
        is_phrase = rng.random(segments) < TEMPLATE_SHARE
        which = np.searchsorted(of_phrase, rng.random(segments))
        size = np.where(is_phrase, lengths[which], rng.integers(6, 21, segments))
        offset = np.arange(size.sum()) - np.repeat(np.cumsum(size) - size, size)
        stream = np.searchsorted(cumulative, rng.random(len(offset)))
        inside = np.repeat(is_phrase, size)
        stream[inside] = phrases[(np.repeat(starts[which], size) + offset)[inside]]
        while len(stream) < block * words:
            stream = np.concatenate([stream, stream])
        for note in range(block):
            texts.append(" ".join(map(vocabulary.__getitem__, stream[note * words : (note + 1) * words].tolist())))
    return texts


def pairwise(synthetic: list[str], real: list[str], n: int) -> Iterator[tuple[int, int, float]]:
    """The published search, one pair after another: recall from dictionaries of counts."""

    def ngrams(text: str) -> Counter[tuple[str, ...]]:
        tokens = [token for token in re.split(r"\s+", re.sub(r"[^a-z0-9]+", " ", text.lower())) if token]
        return Counter(tuple(tokens[start : start + n]) for start in range(len(tokens) - n + 1))

    for first, note in enumerate(synthetic):
        for second, other in enumerate(real):
            ours, theirs = ngrams(note), ngrams(other)
            shared = sum(min(count, theirs[ngram]) for ngram, count in ours.items())
            yield first, second, shared / max(1, sum(ours.values()))


def timed(work: Callable[[], Any]) -> tuple[np.ndarray, Any]:
    """Seconds that something takes, by the clock and of all cores, and what it gives."""
    started = np.array([time.perf_counter(), time.process_time()])
    result = work()
    return np.array([time.perf_counter(), time.process_time()]) - started, result


def child(which: str, synthetic: str, real: str, words: str, tokenizer: str) -> dict[str, Any]:
    """One measurement; the making of the notes is not timed."""
    alphabet = "etaoinshrdlu" if tokenizer == "ascii" else "etaoinsrdåäö"
    written, training = (invent(int(notes), int(words), seed, alphabet) for seed, notes in ((1, synthetic), (2, real)))
    if which == "pairwise":
        seconds, pairs = timed(lambda: count_until(pairwise(written, training, 5), PAIRWISE_SECONDS))
        return {**named(seconds), "pairs": pairs}
    if which in CUTS:
        cut = {
            "rouge_score": lambda text: tokenize(text, None),
            "pattern": lambda text: cut_into_words(text, tokenizer),  # type: ignore[arg-type]
            "split": lambda text: text.lower().split(),
        }[which]
        seconds, total = timed(lambda: sum(len(cut(text)) for text in [*written, *training]))
        return {**named(seconds), "words": total}
    rule = tokenizer if which == "neighbours" else "white-space"
    start, _ = timed(lambda: search_in(which, *read(rule, written[:1], training[:1])))
    reading, corpora = timed(lambda: read(rule, written, training))
    seconds, result = timed(lambda: search_in(which, *corpora))
    return {**named(reading + seconds), "of_which_reading": reading[0], "start": start[0], "result": float(result)}


def named(seconds: np.ndarray) -> dict[str, float]:
    """By the clock and of all cores: what `timed` gives."""
    return dict(zip(("seconds", "core_seconds"), seconds.tolist(), strict=True))


def count_until(items: Iterator[Any], seconds: float) -> int:
    """How many items come until some seconds are over."""
    end = time.perf_counter() + seconds
    count = 0
    for count, _ in enumerate(items, 1):  # noqa: B007 - the count is what is wanted
        if time.perf_counter() > end:
            break
    return count


def read(tokenizer: str, synthetic: list[str], real: list[str]) -> tuple[EncodedNotes, EncodedNotes]:
    """Cuts both corpora into words."""
    encode = Encoder(tokenizer)  # type: ignore[arg-type]
    return encode(synthetic), encode(real)


def search_in(which: str, synthetic: EncodedNotes, real: EncodedNotes) -> float:
    """One of the searches, and one number of what it finds."""
    if which == "neighbours":
        return nearest_neighbours(synthetic, real, 5, BUDGET)["recall"].mean()
    if which == "overlap":
        counts = count_by_corpora([real, synthetic], 8, BUDGET)
        return counts[3] / counts.sum()
    return longest_passages(synthetic, real, BUDGET)["words"].mean()


def measure(size: tuple[int, int, int], tokenizer: str, kinds: list[str]) -> dict[str, Any]:
    """Measures one size, each kind in a process of its own, and prints a table."""
    synthetic, real, words = size
    print(f"\n{synthetic:,} synthetic x {real:,} training notes of {words} words")
    print(f"{'':12}{'s':>10}{'core s':>10}{'pairs/s':>16}{'GiB':>8}", flush=True)
    entries = {}
    for kind in kinds:
        entry = machine.in_child(__file__, kind, *map(str, size), tokenizer)
        pairs = entry.get("pairs", synthetic * real)
        entry["pairs_per_second"] = pairs / entry["seconds"]
        entries[kind] = {name: round(value, 4) for name, value in entry.items()}
        seconds, cores = f"{entry['seconds']:10.2f}", f"{entry['core_seconds']:10.2f}"
        print(f"{kind:12}{seconds}{cores}{entry['pairs_per_second']:16,.0f}{entry['peak_gib']:8.2f}", flush=True)
    if "neighbours" in entries and "pairwise" in entries:
        times = entries["neighbours"]["pairs_per_second"] / entries["pairwise"]["pairs_per_second"]
        print(f"The search is {times:,.0f} times faster than pairwise.")
        entries["times_faster_than_pairwise"] = round(times)
    for cut in CUTS:
        if "neighbours" in entries and cut in entries:
            ratio = entries["neighbours"]["seconds"] / entries[cut]["seconds"]
            print(f"It takes {ratio:.2f} times as long as cutting the text into words in Python by {CUTS[cut]}.")
            entries[cut]["times_as_long_takes_the_search"] = round(ratio, 2)
    return {"synthetic": synthetic, "real": real, "words": words, **entries}


def parent() -> dict[str, Any]:
    """The sizes that were asked for."""
    asked = sys.argv[1:]
    searches = ["neighbours", "overlap", "passages"]
    if asked and asked[0] in PARTS:
        sizes = {
            name: ((synthetic // PARTS[asked[0]], real // PARTS[asked[0]], words), tokenizer)
            for name, ((synthetic, real, words), tokenizer) in PAPER.items()
        }
        return {name: measure(size, tokenizer, ["pattern", *searches]) for name, (size, tokenizer) in sizes.items()}
    size = tuple(map(int, asked)) if asked else SIZE
    results = {"whole": measure(size, "ascii", ["pairwise", *CUTS, *searches])}
    if not asked:
        synthetic, real, words = GROWTH
        for times in (1, 2, 4, 8):
            results[f"{times}_times"] = measure((synthetic, times * real, words), "ascii", ["neighbours"])
    return results


if __name__ == "__main__":
    if len(sys.argv) > 5:
        machine.report(child(*sys.argv[1:]))
    else:
        print(", ".join(f"{name} {value}" for name, value in machine.describe().items()))
        asked = [word for word in sys.argv if word in PARTS]
        machine.save("".join(["privacy", *asked]).replace("--", "-"), parent())
