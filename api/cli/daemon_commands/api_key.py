"""`fabricksd api-key`: the keys that the daemon's API takes."""

from typing import TYPE_CHECKING, Annotated

import msgspec
import typer

from api.cli import terminal
from api.cli.daemon_commands.places import Config, configured
from catalog.jsonvalue import Json

if TYPE_CHECKING:
    from runtime.daemon.keys import ApiKey, ApiKeys

app = typer.Typer(no_args_is_help=True, help="Keys of the services API, asked for where `auth_enabled` is true.")

_COLUMNS: list[terminal.Column] = [
    ("ID", lambda each: each["id"]),
    ("LABEL", lambda each: each["label"]),
    ("CREATED", lambda each: each["created"]),
    ("LAST USED", lambda each: each["last_used"] or "never"),
]


@app.command("generate")
def generate(
    label: Annotated[str, typer.Option("--label", help="What it is for.")] = "",
    config: Config = None,
    json: terminal.AsJson = False,
) -> None:
    """Make a key. Its text is printed this once; the daemon takes it at once.

    Example: fabricksd api-key generate --label ci
    """
    key, text = _keys(config).generate(label)
    if json:
        terminal.print_json({**_shown(key), "key": text})
        return
    terminal.note(f"key {key.id}; this is shown once:")
    typer.echo(text)


@app.command("list")
def list_keys(config: Config = None, json: terminal.AsJson = False) -> None:
    """List keys; their texts were shown once.

    Example: fabricksd api-key list
    """
    rows = [_shown(each) for each in _keys(config).list()]
    terminal.show_rows(rows, _COLUMNS, as_json=json, empty="There are no keys.")


@app.command("revoke")
def revoke(
    key_id: Annotated[str, typer.Argument(metavar="KEY-ID", help="The key's id, as `list` shows it.")],
    config: Config = None,
    json: terminal.AsJson = False,
) -> None:
    """Let a key count no more, from the next request on.

    Example: fabricksd api-key revoke key-a1b2c3
    """
    gone = _keys(config).revoke(key_id)
    terminal.done(f"`{gone.id}` is revoked.", {"revoked": gone.id}, as_json=json)


def _keys(config: Config) -> "ApiKeys":
    from runtime.daemon.daemon import KEYS_FILE  # noqa: PLC0415 - keeps `--help` quick
    from runtime.daemon.keys import ApiKeys  # noqa: PLC0415 - as above

    return ApiKeys(configured(config, None).daemon.data_dir / KEYS_FILE)


def _shown(key: "ApiKey") -> Json:
    """A key without what it is checked by."""
    return {name: value for name, value in msgspec.to_builtins(key).items() if name != "sha256"}
