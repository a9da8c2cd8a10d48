"""Options that every command of `fabricksd` takes: which daemon is meant."""

import os
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from api.cli.control import Control

if TYPE_CHECKING:
    from runtime.daemon.config import DaemonConfig

Config = Annotated[Path | None, typer.Option("--config", help="Configuration file of the services half.")]
Socket = Annotated[Path | None, typer.Option("--socket", help="The daemon's Unix socket (FABRICKS_SOCKET).")]


def configured(config: Path | None, socket: Path | None) -> "DaemonConfig":
    """The configuration of the daemon that is meant. Raises Invalid CONFIG_INVALID."""
    from runtime.daemon.config import read_config  # noqa: PLC0415 - `--help` reads no configuration

    return read_config(config, os.environ, overrides(socket))[0]


def control(config: Path | None, socket: Path | None) -> Control:
    """The way to that daemon."""
    found = configured(config, socket)
    return Control(found.daemon.socket, found.api.api_key)


def overrides(socket: Path | None) -> dict[str, str]:
    """The option as a setting."""
    return {} if socket is None else {"daemon.socket": str(socket)}
