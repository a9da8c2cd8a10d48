"""`fabric validate`: every problem of every file, compiled offline."""

from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Annotated

import typer

from api.cli import terminal
from api.cli.diagnostics_view import as_json, as_text
from api.cli.exits import ExitCode
from api.cli.files import connection_files, lines_of, read_bytes
from api.cli.offline import diagnose, offline_catalog
from catalog.catalog import Catalog
from catalog.diagnostics import Diagnostic, Severity
from catalog.jsonvalue import Json

LEFT_TO_THE_SERVER = "note: author and target checks are left to the server."
LONG_WORK = 50
"""Files from which on a terminal shows how far it is."""

Files = Annotated[list[Path], typer.Argument(help="Files, or folders to search for them.", exists=True)]
CatalogFile = Annotated[
    Path | None,
    typer.Option(
        "--catalog",
        help="Compile against this file (`fabric catalog export`) instead of the built-in catalog.",
        envvar="FABRIC_CATALOG",
        exists=True,
        dir_okay=False,
    ),
]


Services = Annotated[
    list[Path] | None,
    typer.Option("--service", help="A service's folder: what its Fabrickfile exports counts too.", file_okay=False),
]


def validate(
    files: Files,
    catalog: CatalogFile = None,
    service: Services = None,
    live: Annotated[bool, typer.Option("--live", help="Against the catalog of the running server.")] = False,
    json: terminal.AsJson = False,
) -> None:
    """Compile Connections and list all their problems.

    Exit 0 when every file compiles (warnings do not count), 1 when one does not.

    Example: fabric validate connections/ --json
    """
    terminal.note(LEFT_TO_THE_SERVER)
    found = connection_files(files)
    known = _live() if live else offline_catalog(catalog, service or ())
    checked = [(path, content, diagnose(content, known)) for path, content in _read(found, quiet=json)]
    if json:
        terminal.print_json([row for path, _, problems in checked for row in as_json(str(path), problems)])
    else:
        _show(checked)
    errors = sum(each.severity is Severity.ERROR for _, _, problems in checked for each in problems)
    raise typer.Exit(ExitCode.AUTHOR if errors else ExitCode.FINE)


def _live() -> Catalog:
    from api.cli.server_catalog import server_catalog  # noqa: PLC0415 - most compile without a server

    return server_catalog()


def _read(paths: list[Path], *, quiet: bool) -> Iterator[tuple[Path, bytes]]:
    for path in progress(paths, "validating", quiet=quiet):
        yield path, read_bytes(path)


def progress(paths: list[Path], doing: str, *, quiet: bool) -> Iterable[Path]:
    """The paths; on a terminal, and where there are many, with a bar on stderr."""
    if quiet or len(paths) < LONG_WORK or not terminal.may_ask():
        return paths
    from rich.progress import track  # noqa: PLC0415 - only for long work

    return track(paths, description=doing, console=terminal.console(stderr=True), transient=True)


def _show(checked: list[tuple[Path, bytes, tuple[Diagnostic, ...]]]) -> None:
    counts: Json = {Severity.ERROR: 0, Severity.WARNING: 0}
    for path, content, problems in checked:
        show_problems(str(path), content, problems)
        for each in problems:
            counts[each.severity] += 1
    many = terminal.counted(len(checked), "file")
    if not any(counts.values()):
        terminal.note(f"{many}: no problems.")
        return
    errors, warnings = (terminal.counted(counts[each], each.value) for each in (Severity.ERROR, Severity.WARNING))
    terminal.note(f"{many}: {errors}, {warnings}.")


def show_problems(file: str, content: bytes, problems: Iterable[Diagnostic]) -> None:
    """Problems of one file on stdout, for people."""
    lines = lines_of(content)
    for each in problems:
        terminal.say(as_text(file, each, lines))
