"""`fabricksd start`."""

import os
import sys
from collections.abc import Mapping
from pathlib import Path
from typing import Annotated

import typer

from api.cli.daemon_commands.places import Config, Socket, overrides


def start(
    host: Annotated[str | None, typer.Option(help="Address to listen on (FABRIC_HOST).")] = None,
    port: Annotated[int | None, typer.Option(min=0, max=65535, help="Port; 0 takes a free one (FABRIC_PORT).")] = None,
    data_dir: Annotated[Path | None, typer.Option(help="Database, keys, artifacts (FABRIC_DATA_DIR).")] = None,
    config: Config = None,
    socket: Socket = None,
    detach: Annotated[
        bool, typer.Option("--detach", "-d", help="Go to the background once it is ready; the log goes to a file.")
    ] = False,
) -> None:
    """Serve until SIGTERM or Ctrl-C: Connections over TCP, services over the Unix socket.

    Settings come from FABRIC_* variables, those of services from the configuration file and FABRICKS_*; options go
    before them.

    Example: fabricksd start --port 0 --data-dir ./data
    """
    from api.settings import read_settings  # noqa: PLC0415 - `--help` and `--version` start no engine
    from runtime.daemon.config import read_config  # noqa: PLC0415 - as above

    given = {"FABRIC_HOST": host, "FABRIC_PORT": port, "FABRIC_DATA_DIR": data_dir}
    environment = {**os.environ, **{name: str(value) for name, value in given.items() if value is not None}}
    settings, warnings = read_settings(environment)
    services, more = read_config(config, environment, overrides(socket))
    if detach:
        from api.cli.daemon_commands.detach import detached  # noqa: PLC0415 - only for who detaches

        raise typer.Exit(detached(_options(given, config, socket), services.daemon))
    for warning in (*warnings, *more):
        sys.stderr.write(f"fabricksd: {warning}\n")
    from api.server import serve  # noqa: PLC0415 - see above

    reread = lambda: read_config(config, environment, overrides(socket))  # noqa: E731 - it is an argument
    raise typer.Exit(serve(settings, services=services, reread=reread))


def _options(given: Mapping[str, object], config: Path | None, socket: Path | None) -> list[str]:
    """The same options again, for the process in the background."""
    named = {
        "--host": given["FABRIC_HOST"],
        "--port": given["FABRIC_PORT"],
        "--data-dir": given["FABRIC_DATA_DIR"],
        "--config": config,
        "--socket": socket,
    }
    return [word for name, value in named.items() if value is not None for word in (name, str(value))]
