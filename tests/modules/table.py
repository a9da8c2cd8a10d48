"""The table of what was tested: operation, driver, peer, version, result. A pytest plugin; see tests/conftest.py."""

from collections.abc import Iterable
from pathlib import Path

import msgspec
import pytest

_COLUMNS = ("operation", "driver", "peer", "version", "result")


class Row(msgspec.Struct, frozen=True, order=True):
    """One line. `result` such as `3 passed` or `1 failed, 2 passed`."""

    operation: str
    driver: str
    peer: str
    version: str
    result: str


def pytest_addoption(parser: pytest.Parser) -> None:
    """Where the table goes besides the terminal."""
    parser.addoption("--tested", type=Path, default=None, help="write the table of tested drivers to this file")


def pytest_runtest_setup(item: pytest.Item) -> None:
    """What the test covers goes into its report, so that it comes back from the process that ran it."""
    for marker in item.iter_markers("covers"):
        (operation,) = marker.args
        item.user_properties.append(("covers", (operation, marker.kwargs["driver"], marker.kwargs["peer"])))


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter, config: pytest.Config) -> None:
    """Print the table, if anything was covered."""
    rows = rows_of(report for found in terminalreporter.stats.values() for report in found)
    if not rows:
        return
    terminalreporter.section("drivers and their peers")
    for line in _aligned(rows):
        terminalreporter.write_line(line)
    target = config.getoption("tested")
    if target is not None:
        target.write_text(_page(rows))


def rows_of(reports: Iterable[object]) -> list[Row]:
    """The lines of these reports, in order."""
    told: dict[tuple[str, str, str], dict[str, list[str]]] = {}
    for report in reports:
        if not isinstance(report, pytest.TestReport) or (report.when != "call" and report.passed):
            continue
        properties = list(report.user_properties)
        versions = [str(value) for name, value in properties if name == "peer_version"]
        for name, value in properties:
            if name == "covers" and isinstance(value, tuple | list):
                operation, driver, peer = map(str, value)
                entry = told.setdefault((operation, driver, peer), {"versions": [], "outcomes": []})
                entry["versions"] += versions
                entry["outcomes"].append(report.outcome)
    return sorted(
        Row(*key, ", ".join(sorted(set(found["versions"]))) or "?", _result(found["outcomes"]))
        for key, found in told.items()
    )


def _result(outcomes: list[str]) -> str:
    return ", ".join(f"{outcomes.count(each)} {each}" for each in sorted(set(outcomes)))


def _aligned(rows: list[Row]) -> list[str]:
    table = [_COLUMNS, *(msgspec.structs.astuple(row) for row in rows)]
    widths = [max(len(str(line[index])) for line in table) for index in range(len(_COLUMNS))]
    return ["  ".join(str(cell).ljust(width) for cell, width in zip(line, widths, strict=True)) for line in table]


def _page(rows: list[Row]) -> str:
    lines = ["# What was tested against what", "", "Written by `make test-modules`.", ""]
    lines += ["| " + " | ".join(_COLUMNS) + " |", "|---|---|---|---|---|"]
    lines += [f"| `{row.operation}` | `{row.driver}` | {row.peer} | {row.version} | {row.result} |" for row in rows]
    return "\n".join(lines) + "\n"
