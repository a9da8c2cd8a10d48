"""docs/cli.md: every command of `fabric` and `fabricksd`, from the commands themselves."""

import inspect
from collections.abc import Iterator
from typing import Any

import typer.main

from api.cli import daemon, main
from api.cli.exits import ExitCode

_EXITS = {
    ExitCode.FINE: "fine; warnings do not change it",
    ExitCode.AUTHOR: "the author must fix something",
    ExitCode.USAGE: "the command line itself is wrong",
    ExitCode.REFUSED: "refused: 401, 403, 404, 409, 412, 429, 501",
    ExitCode.OUTSIDE: "the outside failed: no server, or what a step or change called",
    ExitCode.BUG: "a bug; `--debug` shows the traceback",
    ExitCode.STOPPED: "stopped with Ctrl-C",
    ExitCode.UNREAD: "who read the output went away, as `| head` does",
}


def page() -> str:
    """A heading a command."""
    lines = [
        "# Command line",
        "",
        "`fabric` talks to the server at `FABRIC_URL` with `FABRIC_TOKEN`, or with the token file of a server on this "
        "machine, which it sends to loopback alone. `validate`, `fmt`, `graph`, `schema`, `catalog` and "
        "`test --scenario` need no server. It is coloured on a terminal only, and not where `NO_COLOR` is set.",
        "",
        "| exit code | meaning |",
        "|---|---|",
        *(f"| {code.value} | {meaning} |" for code, meaning in _EXITS.items()),
        "",
    ]
    for app in (main.app, daemon.app):
        for path, command in _commands(typer.main.get_command(app), (str(app.info.name),)):
            lines += _described(path, command)
    return "\n".join(lines)


def _commands(command: Any, path: tuple[str, ...]) -> Iterator[tuple[tuple[str, ...], Any]]:
    inner = getattr(command, "commands", None)
    if inner is None:
        yield path, command
        return
    for name, each in inner.items():
        yield from _commands(each, (*path, name))


def _described(path: tuple[str, ...], command: Any) -> list[str]:
    text = inspect.cleandoc(command.help or "")
    examples = [line.removeprefix("Example: ") for line in text.splitlines() if line.startswith("Example: ")]
    prose = "\n".join(line for line in text.splitlines() if not line.startswith("Example: ")).strip()
    rows = [_row(each) for each in command.params if each.name != "help"]
    table = ["| | |", "|---|---|", *rows, ""] if rows else []
    return [f"## {' '.join(path)}", "", prose, "", "```console", *(f"$ {each}" for each in examples), "```", "", *table]


def _row(parameter: Any) -> str:
    if parameter.param_type_name == "argument":
        name = f"`{parameter.name.upper()}`"
    else:
        name = " ".join(f"`{each}`" for each in (*parameter.opts, *parameter.secondary_opts))
    meaning = (parameter.help or "").replace("|", "\\|")
    return f"| {name} | {meaning} |"
