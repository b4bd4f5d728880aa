"""Hard tests: everything is killed, stopped and filled up. Run by `make test-hard [COUNT=60]`."""

from pathlib import Path

import pytest

from tests.hard import ledger

HERE = Path(__file__).parent


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    for item in items:
        if HERE in item.path.parents:
            item.add_marker(pytest.mark.hard)
            item.add_marker(pytest.mark.timeout(550))


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter) -> None:
    if ledger.ROWS:
        terminalreporter.section("faults")
        for line in ledger.table():
            terminalreporter.line(line)
