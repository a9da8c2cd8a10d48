"""`fabric fmt`: the canonical form."""

import difflib
import os
import shutil
from pathlib import Path
from typing import Annotated

import typer

from api.cli import terminal
from api.cli.commands.validate import Files, progress, show_problems
from api.cli.exits import ExitCode
from api.cli.files import connection_files, read_bytes, unwritable
from catalog.errors import ConnectionInvalid

_DIFF_STYLES = {"+": "green", "-": "red", "@": "cyan"}


def fmt(
    files: Files,
    check: Annotated[bool, typer.Option("--check", help="Write nothing; exit 1 if a file is not canonical.")] = False,
    diff: Annotated[bool, typer.Option("--diff", help="Write nothing; show what would change.")] = False,
    json: terminal.AsJson = False,
) -> None:
    """Write Connections in their canonical form. A file that cannot be read is left as it is.

    Example: fabric fmt --check samples/
    """
    found: dict[str, str] = {}
    for path in progress(connection_files(files), "formatting", quiet=diff or json):
        content = read_bytes(path)
        formatted = _formatted(path, content, quiet=json)
        if formatted is None:
            found[str(path)] = "unreadable"
        elif formatted == content:
            found[str(path)] = "canonical"
        else:
            found[str(path)] = "differs" if check or diff else "rewritten"
            _handle(path, content, formatted, check=check, diff=diff, quiet=json)
    states = list(found.values())
    changed, broken = len(states) - states.count("canonical") - states.count("unreadable"), states.count("unreadable")
    if json:
        terminal.print_json([{"file": file, "state": state} for file, state in found.items()])
    else:
        terminal.note(f"{changed} {'not canonical' if check or diff else 'rewritten'}, {broken} not readable.")
    raise typer.Exit(ExitCode.AUTHOR if broken or (changed and check) else ExitCode.FINE)


def _formatted(path: Path, content: bytes, *, quiet: bool) -> bytes | None:
    from connections.format import format_text  # noqa: PLC0415 - keeps `--help` quick

    try:
        return format_text(content)
    except ConnectionInvalid as error:
        if not quiet:
            show_problems(str(path), content, error.diagnostics)
        return None


def _handle(path: Path, content: bytes, formatted: bytes, *, check: bool, diff: bool, quiet: bool) -> None:
    if diff and not quiet:
        _show_difference(path, content.decode(), formatted.decode())
    elif check and not quiet:
        typer.echo(path)
    elif not check and not diff:
        _replace(path.resolve(), formatted)


def _replace(path: Path, content: bytes) -> None:
    """Whole or not at all: somebody's file is not left half written."""
    draft = path.with_name(f".{path.name}.{os.getpid()}")
    try:
        draft.write_bytes(content)
        shutil.copymode(path, draft)
        draft.replace(path)
    except OSError as error:
        raise unwritable(path, error) from None
    finally:
        draft.unlink(missing_ok=True)


def _show_difference(path: Path, old: str, new: str) -> None:
    names = (str(path), f"{path} (canonical)")
    for line in difflib.unified_diff(old.splitlines(), new.splitlines(), *names, lineterm=""):
        terminal.say(terminal.styled(line, _DIFF_STYLES.get(line[:1], "")))
