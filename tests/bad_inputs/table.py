"""Makes README.md of this folder while the tests run: every bad input of cases.py with the message that a user sees.

The messages are those of the `UserError`s that a test meets, and what it records under `SAYS` (`record_property`), for
instance of a program that it starts. They travel with the tests' reports, so that several workers fill one table.

A run that has tried all cases compares its table with the one in git, and writes it anew where they differ. Messages
may differ a little from machine to machine, so that alone is no failure; a row more or less is. A run of the whole
suite fails, too, if it has passed a case by: then cases.py names a test that is not there any more.
"""

import re
from collections import defaultdict
from pathlib import Path

import pytest
from cases import CASES

from noteguard import NoteguardError
from synthnotes.machinery.files import UserError

README = Path(__file__).with_name("README.md")
PROPERTY, SAYS = "bad_input", "says"
WHOLE = ("", "not slow")  # marks that leave no case out
HEAD = """# Bad inputs

{cases} cases: every one that the requirements name, tried by a test, with the message that a user sees (paths
shortened; of several messages, the first). Where nothing is wrong enough for an error, it says what is done instead.
Made by the test run itself from `cases.py`: do not edit.
"""
ROW = re.compile(r"^\| (.*?) \| ", re.MULTILINE)

Name = tuple[str, str]  # part of the pipeline, and case


class Table:
    """A pytest plugin that collects the messages."""

    def __init__(self) -> None:
        self.messages: dict[Name, dict[str, list[str]]] = defaultdict(dict)  # of each test that tries the case
        self.skipped: set[str] = set()
        self.told: list[str] = []

    @pytest.hookimpl(wrapper=True)
    def pytest_runtest_call(self, item: pytest.Item):
        """Notes what every error says that a user can mend, of a test that tries a bad input."""
        tried = [name for name in names() if fits(name, item.nodeid)]
        if not tried:
            return (yield)
        said: list[str] = []

        def noted(self: Exception, *words: object) -> None:
            Exception.__init__(self, *words)
            said.extend(map(str, words))

        originals = {kind: kind.__init__ for kind in (UserError, NoteguardError)}
        for kind in originals:
            kind.__init__ = noted
        try:
            result = yield
        finally:
            for kind, original in originals.items():
                kind.__init__ = original
        said = [str(value) for key, value in item.user_properties if key == SAYS] or said
        for name in tried:
            item.user_properties.append((PROPERTY, [*name, [shortened(message) for message in said]]))
        return result

    def pytest_runtest_logreport(self, report: pytest.TestReport) -> None:
        if report.skipped:
            self.skipped.add(report.nodeid)
        if report.when == "call" and report.passed:
            for key, value in report.user_properties:
                if key == PROPERTY:
                    part, case, said = value
                    self.messages[part, case][report.nodeid] = said

    def pytest_sessionfinish(self, session: pytest.Session) -> None:
        if hasattr(session.config, "workerinput") or session.exitstatus != pytest.ExitCode.OK:
            return
        untried = [name for name in names() if name not in self.messages]
        if not untried:
            self._compare(session)
        elif is_whole(session.config):
            lost = [name for name in untried if not any(fits(name, node) for node in self.skipped)]
            self.told += [f"no test tries {case!r} ({part}): see {Path(__file__).parent.name}" for part, case in lost]
            self.told += [f"{README.name} of bad inputs is not compared: {len(untried)} cases are skipped"] * (not lost)
            if lost:
                session.exitstatus = pytest.ExitCode.TESTS_FAILED

    def _compare(self, session: pytest.Session) -> None:
        table = render(self.messages)
        there = README.read_text(encoding="utf-8") if README.exists() else None
        if there == table:
            return
        README.write_text(table, encoding="utf-8")
        self.told.append(f"{README.name} of bad inputs was out of date and is written anew: read and commit it.")
        if there is not None and ROW.findall(there) != ROW.findall(table):
            session.exitstatus = pytest.ExitCode.TESTS_FAILED

    def pytest_terminal_summary(self, terminalreporter) -> None:
        for line in self.told:
            terminalreporter.write_line(line)


def is_whole(config: pytest.Config) -> bool:
    """Whether a run is of all tests but the slow ones."""
    chosen = config.option.keyword or config.option.markexpr not in WHOLE
    return config.args_source == pytest.Config.ArgsSource.TESTPATHS and not chosen


def names() -> list[Name]:
    """Part of the pipeline and case, of all cases."""
    return [(part, case) for part, cases in CASES.items() for case in cases]


def fits(name: Name, node: str) -> bool:
    """Whether a test tries a case."""
    test, parameters = (*CASES[name[0]][name[1]], "")[:2]
    return node.startswith(test) and parameters in node[len(test) :]


def shortened(message: str) -> str:
    """A message on one line, without the folders of absolute paths and what differs from run to run."""
    message = re.sub(r"(?<![\w./])/(?:[\w.@+-]+/)+", "…/", " ".join(message.split()))
    message = re.sub(r"\bcommit [0-9a-f]{8}\b", "commit …", message)
    return re.sub(r"…/test_\w*\d", "…", message)


def render(messages: dict[Name, dict[str, list[str]]]) -> str:
    """The table as markdown."""
    lines = [HEAD.format(cases=len(names()))]
    for part, cases in CASES.items():
        lines += [f"## {part}", "", "| bad input | what the user sees |", "|---|---|"]
        for case, (*_, last) in cases.items():
            said = [message for _, of_test in sorted(messages[part, case].items()) for message in of_test]
            told = [f"*{last}*"] if len(cases[case]) == 3 else said[:1]
            assert told, f"{part}, {case}: no message and nothing said instead"
            lines.append(f"| {case} | {told[0].replace('|', chr(92) + '|')} |")
        lines.append("")
    return "\n".join(lines)
