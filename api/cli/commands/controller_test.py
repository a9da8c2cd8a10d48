"""`fabric controllers test`: what works at a controller, a line a step."""

import typer

from api.cli import terminal
from api.cli.server import Server, segment
from catalog.jsonvalue import Json


def test(server: Server, controller: Json, *, as_json: bool) -> None:
    """Try it and print what came of it. Raises typer.Exit 1 where anything does not work."""
    found = server.post(f"controllers/{segment(controller['id'])}/test")
    if as_json:
        terminal.print_json(found)
    else:
        for check in found["checks"]:
            _print(check)
        word, style = ("works", "green") if found["ok"] else ("does not work", "bold red")
        terminal.say(f"{controller['name']} ", (word, style), f" ({found['seconds']:.2f} s)")
    if not found["ok"]:
        raise typer.Exit(1)


def _print(check: Json) -> None:
    from rich.text import Text  # noqa: PLC0415 - keeps `--help` quick

    mark = ("ok   ", "green") if check["ok"] else ("FAIL ", "bold red")
    name = terminal.visible(check["name"])
    code = f"  {check['code']}" if check["code"] else ""
    terminal.say(mark, Text(name, style="bold"), code, Text(f"  {terminal.visible(check['detail'])}".rstrip()))
    if check["hint"]:
        terminal.say("     ", Text(terminal.visible(check["hint"]), style="dim"))
