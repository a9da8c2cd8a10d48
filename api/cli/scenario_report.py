"""Playing scenario files, and saying how they went."""

import asyncio
from pathlib import Path

import msgspec

from api.cli import terminal
from api.cli.diagnostics_view import as_json as diagnostics_json
from api.cli.diagnostics_view import as_text
from api.cli.exits import ExitCode, of_error
from api.cli.files import is_scenario, lines_of, read_bytes
from api.scenarios.play import Outcome, play
from api.scenarios.reading import ScenarioInvalid, read_scenario
from catalog.errors import ConnectionInvalid, FabricError, NotFound
from catalog.jsonvalue import Json

_SUFFIXES = (".yaml", ".yml")


def play_files(given: list[Path], *, as_json: bool) -> ExitCode:
    """Play every scenario among files and folders; AUTHOR if one does not go as expected."""
    outcomes = [_played(path) for path in scenario_files(given)]
    if as_json:
        terminal.print_json([_as_json(each) for each in outcomes])
    else:
        _show(outcomes)
    return worst(outcomes)


def worst(outcomes: list[Outcome]) -> ExitCode:
    """The exit code: an unfulfilled expectation is the author's to mend."""
    if any(each.mismatches for each in outcomes):
        return ExitCode.AUTHOR
    return max((of_error(each.problem) for each in outcomes if each.problem is not None), default=ExitCode.FINE)


def scenario_files(given: list[Path]) -> list[Path]:
    """The files themselves, and every scenario below the folders. Raises NotFound FILES_NONE."""
    found: list[Path] = []
    for path in given:
        if path.is_dir():
            found += sorted(each for each in path.rglob("*") if each.suffix in _SUFFIXES and is_scenario(each))
        elif path.is_file():
            found.append(path)
        else:
            raise NotFound("FILES_NONE", f"There is no file `{path}`.", hint="Name a scenario.yaml, or its folder.")
    if not found:
        raise NotFound(
            "FILES_NONE", "There is no scenario there.", hint="Call it `scenario.yaml` or `….scenario.yaml`."
        )
    return list(dict.fromkeys(found))


def _played(path: Path) -> Outcome:
    try:
        scenario = read_scenario(path, read_bytes(path))
    except FabricError as error:
        return Outcome(file=str(path), scenario=str(path), seconds=0.0, problem=error)
    return asyncio.run(play(scenario, path))


def _as_json(outcome: Outcome) -> Json:
    problem = outcome.problem
    return {
        "file": outcome.file,
        "scenario": outcome.scenario,
        "passed": outcome.passed,
        "seconds": round(outcome.seconds, 3),
        "mismatches": [msgspec.to_builtins(each) for each in outcome.mismatches],
        "problem": None if problem is None else _problem_json(outcome.file, problem),
    }


def _problem_json(file: str, problem: FabricError) -> Json:
    diagnostics = problem.diagnostics if isinstance(problem, ScenarioInvalid | ConnectionInvalid) else ()
    return {
        "code": problem.code,
        "message": problem.message,
        "hint": problem.hint,
        "diagnostics": diagnostics_json(file, diagnostics),
    }


def _show(outcomes: list[Outcome]) -> None:
    rows: list[Json] = [
        {"result": "passed" if each.passed else "failed", "scenario": each.scenario, "seconds": f"{each.seconds:.2f}"}
        for each in outcomes
    ]
    columns: list[terminal.Column] = [
        ("RESULT", lambda each: each["result"]),
        ("SCENARIO", lambda each: each["scenario"]),
        ("SECONDS", lambda each: each["seconds"]),
    ]
    terminal.show_rows(rows, columns, as_json=False, empty="")
    for outcome in outcomes:
        _show_failure(outcome)
    failed = sum(not each.passed for each in outcomes)
    terminal.note(f"{len(outcomes) - failed} passed, {failed} failed.")


def _show_failure(outcome: Outcome) -> None:
    if outcome.passed:
        return
    terminal.say((f"{outcome.file}:", "bold"))
    for mismatch in outcome.mismatches:
        terminal.say(("  ✗ ", "bold red"), terminal.visible(mismatch))
    problem = outcome.problem
    if isinstance(problem, ScenarioInvalid):
        lines = lines_of(read_bytes(problem.file))
        for each in problem.diagnostics:
            terminal.say(as_text(outcome.file, each, lines))
        return
    if problem is None:
        return
    terminal.say(("  ✗ ", "bold red"), f"{terminal.visible(problem.message)} ({problem.code})")
    if problem.hint:
        terminal.say(("    = ", "dim"), terminal.visible(problem.hint))
    if isinstance(problem, ConnectionInvalid):
        for each in problem.diagnostics:
            terminal.say(as_text("    connection", each, []))
