"""Fuzzes every parser and the report's markup filter: `make fuzz`, ten minutes by default.

The targets take turns, each with fresh random documents in every round, until the time is up.
"""

import argparse
import secrets
import sys
import time
from collections import Counter
from collections.abc import Callable
from typing import Any

from hypothesis import HealthCheck, Phase, given, seed, settings
from hypothesis import strategies as st
from parsers import ROOT, documents, parsers

sys.path.insert(0, str(ROOT / "tests/unit/report"))
from test_report_markup import NASTY, escape, spaced, texts_of

PER_ROUND = 100  # documents


def main() -> int:
    """Fuzzes until the time is up; prints what was tried, and each failure with the document that shows it."""
    arguments = argparse.ArgumentParser(description=__doc__)
    arguments.add_argument("--minutes", type=float, default=10)
    end = time.monotonic() + 60 * arguments.parse_args().minutes
    targets = {name: (documents(parser), parser.refuses) for name, parser in parsers().items()}
    targets["markup of the report"] = (st.lists(some_text(), min_size=100, max_size=100), acts_as_markup)
    counts, failed = {name: Counter() for name in targets}, set()
    while time.monotonic() < end and len(failed) < len(targets):
        for name, target in targets.items():
            if name not in failed and time.monotonic() < end:
                try:
                    one_round(*target, counts[name])
                except Exception as error:  # a finding; the other targets go on
                    failed.add(name)
                    notes = " ".join(getattr(error, "__notes__", []))
                    print(f"FAILED {name}: {type(error).__name__}: {error}\n{notes[:4000]}", flush=True)
    for name, count in counts.items():
        print(
            f"{name:32} {count['documents']:9,} documents, {count['refused']:9,} refused{'  FAILED' * (name in failed)}"
        )
    total = sum(count["documents"] for count in counts.values())
    print(f"{total:,} documents, {len(failed)} of {len(targets)} targets failed")
    return 1 if failed else 0


def one_round(strategy: st.SearchStrategy, refuses: Callable[[Any], str | None], count: Counter) -> None:
    """Tries some documents; raises what a target raises."""

    @seed(secrets.randbits(64))
    @settings(
        max_examples=PER_ROUND,
        deadline=None,
        database=None,
        phases=[Phase.generate],
        suppress_health_check=list(HealthCheck),
        report_multiple_bugs=False,
    )
    @given(strategy)
    def tried(document: Any) -> None:
        count["documents"] += 1
        count["refused"] += refuses(document) is not None

    tried()


def some_text() -> st.SearchStrategy[str]:
    """Texts that try to act as markup."""
    return st.lists(st.text(max_size=20) | st.sampled_from(NASTY), min_size=1, max_size=4).map("".join)


def acts_as_markup(texts: list[str]) -> None:
    """Raises for the first text that pandoc reads as anything but itself."""
    texts = [text for text in texts if spaced(text)]
    for text, found in zip(texts, texts_of(["x", *map(escape, texts)])[1:], strict=True):
        assert found == spaced(text), f"acts as markup: {text!r}"


if __name__ == "__main__":
    sys.exit(main())
