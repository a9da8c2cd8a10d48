"""`fabricksd`: the server."""

import os
import sys
from pathlib import Path
from typing import Annotated

import typer

from api.cli.edge import run_program
from api.cli.version import version_printer

app = typer.Typer(name="fabricksd", no_args_is_help=True, pretty_exceptions_enable=False, rich_markup_mode="rich")


@app.callback()
def fabricksd(
    version: Annotated[
        bool, typer.Option("--version", help="Print the version.", is_eager=True, callback=version_printer("fabricksd"))
    ] = False,
) -> None:
    """The Fabric's server."""


@app.command()
def start(
    host: Annotated[str | None, typer.Option(help="Address to listen on (FABRIC_HOST).")] = None,
    port: Annotated[int | None, typer.Option(min=0, max=65535, help="Port; 0 takes a free one (FABRIC_PORT).")] = None,
    data_dir: Annotated[Path | None, typer.Option(help="Database, keys, artifacts (FABRIC_DATA_DIR).")] = None,
) -> None:
    """Serve until SIGTERM or Ctrl-C. Settings come from FABRIC_* variables; options go before them.

    Example: fabricksd start --port 0 --data-dir ./data
    """
    from api.server import serve  # noqa: PLC0415 - `--help` and `--version` start no engine
    from api.settings import read_settings  # noqa: PLC0415 - as above

    given = {"FABRIC_HOST": host, "FABRIC_PORT": port, "FABRIC_DATA_DIR": data_dir}
    environment = {**os.environ, **{name: str(value) for name, value in given.items() if value is not None}}
    settings, warnings = read_settings(environment)
    for warning in warnings:
        sys.stderr.write(f"fabricksd: {warning}\n")
    raise typer.Exit(serve(settings))


def run() -> None:
    """The entry point."""
    run_program(app, "fabricksd")


if __name__ == "__main__":
    run()
