"""Makes README.md of this folder while the tests run: every bad input of cases.py with the message that a user sees.

The messages are those of the `UserError`s that a test meets. They travel with the tests' reports, so that several
workers fill one table. After a run that has tried all cases, the table is compared with the one in git; if they differ
it is written anew, and the run fails, as a new table is to be read and committed.
"""

import re
from collections import defaultdict
from pathlib import Path

import pytest
from cases import CASES

from synthnotes.base.files import UserError

README = Path(__file__).with_name("README.md")
PROPERTY = "bad_input"
HEAD = """# Bad inputs

Every case that the requirements name, tried by a test, with the message that a user sees (paths shortened; of several
messages, the shortest). Where nothing is wrong enough for an error, it says what is done instead. Made by the test run
itself from `cases.py`: do not edit.
"""


class Table:
    """A pytest plugin that collects the messages."""

    def __init__(self) -> None:
        self.messages: dict[tuple[str, str], set[str]] = defaultdict(set)
        self.tried: set[tuple[str, str]] = set()
        self.is_worker = False
        self.rewritten = False

    def pytest_configure(self, config: pytest.Config) -> None:
        self.is_worker = hasattr(config, "workerinput")

    @pytest.hookimpl(wrapper=True)
    def pytest_runtest_call(self, item: pytest.Item):
        """Notes what every `UserError` of a test says that tries a bad input."""
        tried = [name for name in names() if fits(name, item.nodeid)]
        if not tried:
            return (yield)
        said: list[str] = []
        original = UserError.__init__

        def noted(self: UserError, *words: object) -> None:
            original(self, *words)
            said.extend(map(str, words))

        UserError.__init__ = noted
        try:
            result = yield
        finally:
            UserError.__init__ = original
        for name in tried:
            item.user_properties.append((PROPERTY, [*name, [shortened(message) for message in said]]))
        return result

    def pytest_runtest_logreport(self, report: pytest.TestReport) -> None:
        if report.when == "call" and report.passed:
            for key, value in report.user_properties:
                if key == PROPERTY:
                    part, case, said = value
                    self.tried.add((part, case))
                    self.messages[part, case].update(said)

    def pytest_sessionfinish(self, session: pytest.Session) -> None:
        if self.is_worker or self.tried != set(names()):
            return
        table = render(self.messages)
        if not README.exists() or README.read_text(encoding="utf-8") != table:
            README.write_text(table, encoding="utf-8")
            self.rewritten = True
            session.exitstatus = pytest.ExitCode.TESTS_FAILED

    def pytest_terminal_summary(self, terminalreporter) -> None:
        if self.rewritten:
            terminalreporter.write_line(f"{README.name} of bad inputs was out of date and is written anew: commit it.")


def names() -> list[tuple[str, str]]:
    """Part of the pipeline and case, of all cases."""
    return [(part, case) for part, cases in CASES.items() for case in cases]


def fits(name: tuple[str, str], node: str) -> bool:
    """Whether a test tries a case."""
    test, parameters = (*CASES[name[0]][name[1]], "")[:2]
    return node.startswith(test) and parameters in node[len(test) :]


def shortened(message: str) -> str:
    """A message without the folders of absolute paths, on one line."""
    return re.sub(r"(?<![\w./])/(?:[\w.@+-]+/)+", "…/", " ".join(message.split()))


def render(messages: dict[tuple[str, str], set[str]]) -> str:
    """The table as markdown."""
    lines = [HEAD]
    for part, cases in CASES.items():
        lines += [f"## {part}", "", "| bad input | what the user sees |", "|---|---|"]
        for case, (*_, last) in cases.items():
            told = [f"*{last}*"] if len(cases[case]) == 3 else []
            told += sorted(messages[part, case], key=lambda message: (len(message), message))[:1] if not told else []
            assert told, f"{part}, {case}: no message and nothing said instead"
            lines.append(f"| {case} | {told[0].replace('|', chr(92) + '|')} |")
        lines.append("")
    return "\n".join(lines)
