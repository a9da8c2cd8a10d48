"""`fabric service logs`: what a service printed, and what it prints."""

import http.client
import json as json_module
from enum import StrEnum
from typing import Annotated

import typer

from api.cli import terminal
from api.cli.commands.service import Name
from api.cli.control import Control
from api.cli.server import segment
from catalog.jsonvalue import Json


class Stream(StrEnum):
    """Where a guest wrote."""

    OUT = "stdout"
    ERR = "stderr"


def logs(
    name: Name,
    follow: Annotated[bool, typer.Option("--follow", "-f", help="Go on as lines come.")] = False,
    tail: Annotated[int, typer.Option("--tail", "-n", min=0, help="Only the last so many; 0 is all.")] = 0,
    since: Annotated[str | None, typer.Option("--since", help="Only after this RFC 3339 time.")] = None,
    stream: Annotated[Stream | None, typer.Option("--stream", help="Only what was written there.")] = None,
    instance: Annotated[str | None, typer.Option("--instance", help="Only this replica's.")] = None,
    timestamps: Annotated[bool, typer.Option("--timestamps", "-t", help="With the time of each line.")] = False,
    json: terminal.AsJson = False,
) -> None:
    """Show what a service printed.

    Example: fabric service logs api -f --tail 20
    """
    control = Control.configured()
    path = f"services/{segment(name)}/logs"
    query = {"tail": tail or None, "since": since, "stream": stream and stream.value, "instance": instance}
    if not follow:
        entries = control.get(path, **query)["entries"]
        if json:
            terminal.print_json(entries)
        else:
            for each in entries:
                _say(each, timestamps=timestamps)
        return
    answer = control.open_stream(path, {"Accept": "application/x-ndjson"}, None, {**query, "follow": True})
    try:
        for line in answer:
            each = json_module.loads(line)
            terminal.print_line(each) if json else _say(each, timestamps=timestamps)
    except (OSError, http.client.HTTPException) as error:
        raise control.unreachable(error) from None
    finally:
        answer.close()


def _say(entry: Json, *, timestamps: bool) -> None:
    stamp = f"{entry['timestamp']}  " if timestamps else ""
    terminal.write(stamp + terminal.visible(entry["message"]), red=entry["stream"] == Stream.ERR)
