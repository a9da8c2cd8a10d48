"""`fabric graph`: the steps of a Connection as a picture."""

from __future__ import annotations

from enum import StrEnum
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from api.cli.commands.validate import CatalogFile, Services, show_problems
from api.cli.exits import ExitCode
from api.cli.files import read_bytes, write_bytes
from api.cli.offline import offline_catalog
from catalog.errors import ConnectionInvalid

if TYPE_CHECKING:
    from connections.plan import Plan


class Format(StrEnum):
    """How the picture is drawn."""

    TERMINAL = "terminal"
    MERMAID = "mermaid"
    SVG = "svg"


def graph(
    file: Annotated[Path, typer.Argument(help="A Connection's file.", exists=True, dir_okay=False)],
    form: Annotated[Format, typer.Option("--format", help="How to draw it.")] = Format.TERMINAL,
    output: Annotated[Path | None, typer.Option("-o", "--output", help="Write to this file.", dir_okay=False)] = None,
    catalog: CatalogFile = None,
    service: Services = None,
) -> None:
    """Draw what a Connection does: source, conditions, steps and what they need.

    Example: fabric graph connection.yaml --format svg -o connection.svg
    """
    import connections  # noqa: PLC0415 - keeps `--help` quick

    content = read_bytes(file)
    try:
        plan = connections.compile(content, offline_catalog(catalog, service or ()))
    except ConnectionInvalid as error:
        show_problems(str(file), content, error.diagnostics)
        raise typer.Exit(ExitCode.AUTHOR) from None
    text = _drawn(plan, form)
    if output is not None:
        write_bytes(output, text.encode())
    else:
        typer.echo(text.rstrip("\n"))


def _drawn(plan: Plan, form: Format) -> str:
    from connections import graph_svg, graph_text  # noqa: PLC0415 - keeps `--help` quick

    drawers = {Format.TERMINAL: graph_text.terminal, Format.MERMAID: graph_text.mermaid, Format.SVG: graph_svg.svg}
    return drawers[form](plan)
