"""`fabric keys`: bearer tokens for people, API keys for machines, tokens for assistants."""

from enum import StrEnum
from typing import Annotated

import typer

from api.cli import terminal
from api.cli.names import by_name
from api.cli.server import Server, segment
from catalog.errors import NotFound
from catalog.jsonvalue import Json

app = typer.Typer(no_args_is_help=True, help="Bearer tokens for people, API keys for machines, tokens for assistants.")


class Kind(StrEnum):
    """Whose credential it is."""

    KEY = "key"
    TOKEN = "token"  # noqa: S105 - a kind, not a secret
    ASSISTANT = "assistant"


def _state(key: Json) -> str:
    return "disabled" if key["revoked_at"] else "enabled"


_COLUMNS: list[terminal.Column] = [
    ("ID", lambda each: each["id"]),
    ("NAME", lambda each: each["name"]),
    ("KIND", lambda each: each["kind"]),
    ("STATE", _state),
    ("SCOPES", lambda each: "all" if each["scopes"] is None else " ".join(each["scopes"])),
    ("TODAY", lambda each: f"{each['calls_today']}/{each['daily_calls']}" if each["daily_calls"] else None),
    ("SIGNED", lambda each: each["signing_scheme"]),
    ("EXPIRES", lambda each: terminal.moment(each["expires_at"])),
]


@app.command("ls")
def list_keys(limit: terminal.Limit = 200, json: terminal.AsJson = False) -> None:
    """List credentials; their texts were shown once.

    Example: fabric keys ls
    """
    rows = Server.configured().pages("keys", limit)
    terminal.show_rows(rows, _COLUMNS, as_json=json, empty="There are no keys.")


@app.command("create")
def create(
    name: Annotated[str, typer.Argument(help="What it is for.")],
    scope: Annotated[
        list[str] | None, typer.Option("--scope", help="Only this permission, such as `event:write`; repeat for more.")
    ] = None,
    kind: Annotated[
        Kind, typer.Option("--kind", help="A machine's key, a person's token, or an assistant's.")
    ] = Kind.KEY,
    user: Annotated[str | None, typer.Option("--user", help="Whose it is (name or id); without it, yours.")] = None,
    daily_calls: Annotated[
        int | None, typer.Option("--daily-calls", help="An assistant's budget: calls a day.", min=1, max=1_000_000)
    ] = None,
    json: terminal.AsJson = False,
) -> None:
    """Create a credential. Its text is printed this once. An assistant's opens /mcp and nothing else.

    Example: fabric keys create n8n --scope event:write
    """
    server = Server.configured()
    body: Json = {"name": name, "kind": kind.value}
    if daily_calls is not None:
        body["daily_calls"] = daily_calls
    if scope:
        body["scopes"] = scope
    if user is not None:
        rows = server.pages("users", 10_000)
        body["user_id"] = by_name(rows, user, lambda: NotFound("USER_NOT_FOUND", f"There is no person `{user}`."))["id"]
    made = server.post("keys", body)
    if json:
        terminal.print_json(made)
        return
    terminal.note(f"{kind.value} `{made['name']}` {made['id']}; this is shown once:")
    typer.echo(made["text"])
    if kind is Kind.ASSISTANT:
        terminal.note(f"its client connects to {server.url}/mcp (streamable HTTP, `Authorization: Bearer …`)")


@app.command("revoke")
def revoke(
    name: Annotated[str, typer.Argument(help="Its name, id, or the id's unique beginning.")],
    yes: terminal.Yes = False,
    json: terminal.AsJson = False,
) -> None:
    """End a credential at once.

    Example: fabric keys revoke n8n --yes
    """
    server = Server.configured()
    rows = (each for each in server.pages("keys", 10_000) if not each["revoked_at"])
    found = by_name(rows, name, lambda: NotFound("KEY_NOT_FOUND", f"There is no key `{name}` that still works."))
    if terminal.confirmed(f"Revoke `{found['name']}`?", yes=yes):
        server.send("DELETE", f"keys/{segment(found['id'])}")
        terminal.done(f"`{found['name']}` is revoked.", {"revoked": found["id"]}, as_json=json)
