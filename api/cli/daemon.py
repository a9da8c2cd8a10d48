"""`fabricksd`: the server, and what keeps it."""

from typing import Annotated

import typer

from api.cli.daemon_commands import api_key, logs, reload, start, status, stop
from api.cli.edge import run_program
from api.cli.version import version_printer

app = typer.Typer(name="fabricksd", no_args_is_help=True, pretty_exceptions_enable=False, rich_markup_mode="rich")


@app.callback()
def fabricksd(
    version: Annotated[
        bool, typer.Option("--version", help="Print the version.", is_eager=True, callback=version_printer("fabricksd"))
    ] = False,
) -> None:
    """The Fabric's server: Connections over TCP, WASM services over a Unix socket, in one process."""


app.command("start")(start.start)
app.command("stop")(stop.stop)
app.command("status")(status.status)
app.command("logs")(logs.logs)
app.command("reload")(reload.reload)
app.add_typer(api_key.app, name="api-key")


def run() -> None:
    """The entry point."""
    run_program(app, "fabricksd")


if __name__ == "__main__":
    run()
