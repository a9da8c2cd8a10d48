"""`fabricksd reload`."""

from typing import Annotated

import typer

from api.cli import terminal
from api.cli.daemon_commands.places import Config, Socket, control


def reload(
    validate: Annotated[bool, typer.Option("--validate", help="Only say what would change.")] = False,
    config: Config = None,
    socket: Socket = None,
    json: terminal.AsJson = False,
) -> None:
    """Have the daemon read its configuration again, and say what changes.

    The file is the one that the daemon was started with; `--config` only says where its socket is.

    Example: fabricksd reload --validate
    """
    done = control(config, socket).post("daemon/reload", dry_run=validate)
    if json:
        terminal.print_json(done)
        return
    for each in done["warnings"]:
        terminal.note(f"fabricksd: {each}")
    for each in done["changes"]:
        terminal.write(each)
    if not done["changes"]:
        terminal.note("Nothing changes.")
