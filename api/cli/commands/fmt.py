"""`fabric fmt`: the canonical form."""

import difflib
from pathlib import Path
from typing import Annotated

import typer

from api.cli import terminal
from api.cli.commands.validate import Files, progress, show_problems
from api.cli.exits import ExitCode
from api.cli.files import connection_files, read_bytes
from catalog.errors import ConnectionInvalid

_DIFF_STYLES = {"+": "green", "-": "red", "@": "cyan"}


def fmt(
    files: Files,
    check: Annotated[bool, typer.Option("--check", help="Write nothing; exit 1 if a file is not canonical.")] = False,
    diff: Annotated[bool, typer.Option("--diff", help="Write nothing; show what would change.")] = False,
) -> None:
    """Write Connections in their canonical form. A file that cannot be read is left as it is.

    Example: fabric fmt --check samples/
    """
    changed, broken = 0, 0
    for path in progress(connection_files(files), "formatting", quiet=diff):
        content = read_bytes(path)
        formatted = _formatted(path, content)
        if formatted is None:
            broken += 1
        elif formatted != content:
            changed += 1
            _handle(path, content, formatted, check=check, diff=diff)
    doing = "not canonical" if check or diff else "rewritten"
    terminal.note(f"{changed} {doing}, {broken} not readable.")
    raise typer.Exit(ExitCode.AUTHOR if broken or (changed and check) else ExitCode.FINE)


def _formatted(path: Path, content: bytes) -> bytes | None:
    from connections.format import format_text  # noqa: PLC0415 - keeps `--help` quick

    try:
        return format_text(content)
    except ConnectionInvalid as error:
        show_problems(str(path), content, error.diagnostics)
        return None


def _handle(path: Path, content: bytes, formatted: bytes, *, check: bool, diff: bool) -> None:
    if diff:
        _show_difference(path, content.decode(), formatted.decode())
    elif check:
        typer.echo(path)
    else:
        path.write_bytes(formatted)


def _show_difference(path: Path, old: str, new: str) -> None:
    names = (str(path), f"{path} (canonical)")
    for line in difflib.unified_diff(old.splitlines(), new.splitlines(), *names, lineterm=""):
        terminal.say(terminal.styled(line, _DIFF_STYLES.get(line[:1], "")))
