"""`fabric events`: what happens to services; `fabric events ls`: what may fire Connections."""

import time
from typing import Annotated

import typer

from api.cli import terminal
from api.cli.control import Control
from api.cli.server import Server
from catalog.jsonvalue import Json

app = typer.Typer(help="What happens to services, and the events that may fire Connections.")

_COLUMNS: list[terminal.Column] = [
    ("EVENT", lambda each: each["id"]),
    ("TYPE", lambda each: each["type"]),
    ("ORIGIN", lambda each: each["origin"]),
    ("TIME", lambda each: terminal.moment(each["time"])),
    ("CAUSE", lambda each: each["cause"]),
]

PAUSE = 0.5
"""Seconds until a stream that has ended is taken up again."""

_BAD = ("service.failed", "policy.violated", "stream.lagged")


@app.callback(invoke_without_command=True)
def events(
    context: typer.Context,
    follow: Annotated[bool, typer.Option("--follow", "-f", help="Go on as it happens.")] = False,
    types: Annotated[str | None, typer.Option("--types", help="Only these, comma-separated.")] = None,
    service: Annotated[str | None, typer.Option("--service", help="Only of this service, by name or id.")] = None,
    since: Annotated[str | None, typer.Option("--since", help="Only after this RFC 3339 time.")] = None,
    limit: Annotated[int, typer.Option("--limit", min=1, max=10_000, help="How many at most, without -f.")] = 50,
    json: terminal.AsJson = False,
) -> None:
    """Show what happened to services, networks, volumes and policies, the newest last.

    `fabric events ls` lists the events that may fire Connections, these among them.

    Example: fabric events -f --types service.started,service.failed
    """
    if context.invoked_subcommand is not None:
        return
    control, query = Control.configured(), {"types": types, "service": service, "since": since}
    if follow:
        _follow(control, query, json=json)
        return
    found = control.get("events/history", **query, limit=limit)["events"][::-1]
    if json:
        terminal.print_json(found)
        return
    if not found:
        terminal.note("There are no events.")
    for each in found:
        _say(each["type"], _flat(each))


def _follow(control: Control, query: dict[str, Json], *, json: bool) -> None:
    """Until somebody ends it. A stream that ends is taken up again after its last event, so that none is missed."""
    from api.cli.follow import messages  # noqa: PLC0415 - only for who follows

    seen: str | None = None
    while True:
        for number, kind, data in messages(control, "events", query, seen=seen):
            seen = number or seen
            if json:
                terminal.print_line({"type": kind, **data})
            else:
                _say(kind or "", data)
        query = query if seen is None else {**query, "since": None}
        time.sleep(PAUSE)


def _flat(event: Json) -> Json:
    service = {} if event["service_id"] is None else {"service_id": event["service_id"]}
    return {**service, **event["data"], "timestamp": event["timestamp"]}


def _say(kind: str, data: Json) -> None:
    facts = "  ".join(f"{name}={_word(value)}" for name, value in data.items() if name not in ("id", "timestamp"))
    line = f"{data.get('timestamp', '')}  {kind:<16}  {facts}"
    terminal.write(terminal.visible(line.rstrip()).replace("\n", " "), red=kind in _BAD)


def _word(value: Json) -> str:
    import json  # noqa: PLC0415 - keeps `--help` quick

    return value if isinstance(value, str) and value and " " not in value else json.dumps(value, ensure_ascii=False)


@app.command("ls")
def list_events(limit: terminal.Limit = 50, json: terminal.AsJson = False) -> None:
    """List the events that the server kept and that may fire Connections, newest first.

    Example: fabric events ls --limit 10
    """
    rows = Server.configured().pages("events", limit)
    terminal.show_rows(rows, _COLUMNS, as_json=json, empty="There are no events.")
