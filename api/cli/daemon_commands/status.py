"""`fabricksd status`."""

import time
from typing import Annotated

import typer

from api.cli import terminal
from api.cli.daemon_commands.places import Config, Socket, control
from catalog.jsonvalue import Json

SAMPLE_SECONDS = 0.25
"""Over which the daemon's CPU share is taken."""


def status(
    verbose: Annotated[bool, typer.Option("--verbose", "-v", help="All that the daemon tells of itself.")] = False,
    config: Config = None,
    socket: Socket = None,
    json: terminal.AsJson = False,
) -> None:
    """Say whether the daemon runs, since when, and what it uses.

    Example: fabricksd status --verbose
    """
    daemon = control(config, socket)
    before, began = daemon.get("daemon/info"), time.monotonic()
    time.sleep(SAMPLE_SECONDS)
    info, stats = daemon.get("daemon/info"), daemon.get("daemon/stats")
    used = info["process"]["cpu_seconds"] - before["process"]["cpu_seconds"]
    found: Json = {**info, **stats, "cpu_percent": round(100 * used / (time.monotonic() - began), 1)}
    if json:
        terminal.print_json(found)
        return
    for line in (*_lines(found), *(_more(found) if verbose else ())):
        terminal.write(line)


def _lines(found: Json) -> list[str]:
    services = found["services"]
    return [
        "fabricksd is running",
        f"PID: {found['process']['pid']}",
        f"Uptime: {_short(found['uptime'])}",
        f"Socket: {found['config']['socket']}",
        f"Services: {services['running']} running, {services['stopped']} stopped",
        f"Memory: {found['process']['memory_bytes'] / 1e6:.0f} MB",
        f"CPU: {found['cpu_percent']}%",
    ]


def _more(found: Json) -> list[str]:
    memory, cpu, api = found["resources"]["memory"], found["resources"]["cpu"], found["api"]
    services, most = found["services"], found["config"]["max_services"]
    return [
        f"Version: {found['version']} ({found['runtime']}, {found['platform']})",
        f"Started: {found['started_at']}",
        f"Data: {found['config']['data_dir']}",
        f"Services: {services['total']} of {most}, {services['failed']} failed",
        f"Services' memory: {memory['used']} of {memory['limit']}",
        f"Services' CPU: {cpu['used']} of {cpu['limit']} cores",
        f"Networks: {found['networks']['total']}",
        f"Volumes: {found['volumes']['total']}, {found['volumes']['size']}",
        f"Requests: {api['requests_total']}, {api['requests_per_second']}/s, {api['errors_total']} errors",
    ]


def _short(uptime: str) -> str:
    """The two largest units."""
    return " ".join(uptime.split()[:2])
