"""What a person gives a controller on the command line: settings in the open, credentials never."""

import json
import sys
from pathlib import Path

import typer

from api.cli import terminal
from api.cli.files import read_bytes
from catalog.errors import Invalid
from catalog.jsonvalue import Json


def settings_of(given: list[str] | None) -> dict[str, Json]:
    """KEY=VALUE pairs; a value that is JSON is taken as such. Raises typer.BadParameter."""
    found: dict[str, Json] = {}
    for each in given or []:
        key, equals, value = each.partition("=")
        if not key or not equals:
            raise typer.BadParameter("Write KEY=VALUE.", param_hint="--setting")
        found[key] = _json_or_text(value)
    return found


def _json_or_text(text: str) -> Json:
    try:
        return json.loads(text)
    except ValueError:
        return text


def credentials_of(given: list[str] | None) -> dict[str, str]:
    """Credentials from files, from stdin or by asking, so that they stand in no shell's history and no process list.

    Raises Invalid CREDENTIAL_SOURCE, CREDENTIAL_TEXT; typer.BadParameter where nobody can be asked.
    """
    return {
        key: _credential(key, equals, source) for key, equals, source in (each.partition("=") for each in given or [])
    }


def _credential(key: str, equals: str, source: str) -> str:
    if not key:
        raise typer.BadParameter("Write KEY=@FILE, KEY=@- or KEY.", param_hint="--credential")
    if not equals:
        return _asked(key)
    if not source.startswith("@"):
        raise Invalid(
            "CREDENTIAL_SOURCE",
            f"`{key}` is given on the command line.",
            hint=f"Write {key}=@FILE or {key}=@-, or {key} alone to be asked for it.",
        )
    content = sys.stdin.buffer.read() if source == "@-" else read_bytes(Path(source[1:]))
    try:
        return content.decode().removesuffix("\n")
    except UnicodeDecodeError:
        raise Invalid("CREDENTIAL_TEXT", f"`{key}` is no text.", hint="Give it as UTF-8.") from None


def _asked(key: str) -> str:
    if not terminal.may_ask():
        raise typer.BadParameter(f"Nobody can be asked for `{key}` here; give {key}=@FILE.", param_hint="--credential")
    return str(typer.prompt(key, hide_input=True, err=True))


def driver_names(incomplete: str) -> list[str]:
    """Names of drivers, for completion; those that this version has, without asking a server."""
    from runtime.drivers import DRIVERS  # noqa: PLC0415 - only who completes needs them

    return [each.name for each in DRIVERS if each.name.startswith(incomplete)]
