"""A change as a person must see it before he decides: what, where, by whom, and before against after."""

from collections.abc import Iterator

import msgspec

from api.cli import terminal
from catalog.jsonvalue import Json

_MARKS = {"+": "green", "-": "red", "~": "yellow", " ": "dim"}

Line = tuple[str, str]
"""A mark (`+`, `-`, `~` or a blank) and the text behind it."""


def show_change(change: Json) -> None:
    """Print a change with its difference and the digest that Apply sends back."""
    terminal.say("change ", change["id"], "  ", terminal.styled(change["state"]))
    lines = [
        ("operation", change["operation_id"]),
        ("target", f"{change['controller_id']}  {change['target_id'] or ''}"),
        ("summary", change["summary"]),
        ("connection", change["connection_name"]),
        ("run", change["run_id"]),
        ("asked by", asked_by(change)),
        ("staged", terminal.moment(change["staged_at"])),
        ("expires", terminal.moment(change["expires_at"]) if change["state"] == "pending" else None),
        ("decided", terminal.moment(change["decided_at"])),
        ("artifact", _artifact(change["artifact"])),
        ("note", change["note"]),
        ("digest", change["digest"]),
    ]
    for name, value in lines:
        if value:
            terminal.say((f"  {name:<11}", "dim"), terminal.visible(value))
    for mark, text in difference(change["before"], change["after"]):
        terminal.say("    ", terminal.styled(f"{mark} {text}", _MARKS[mark]))
    error = change["error"]
    if error:
        terminal.say("  ", (error["code"], "bold red"), ": ", terminal.visible(error["message"]))
        if error["hint"]:
            terminal.say(("  = ", "dim"), terminal.visible(error["hint"]))


def asked_by(change: Json) -> str | None:
    """What asked for it, where no Connection did: `assistant claude`."""
    asker = change["asked_by"]
    return f"{asker['kind']} {asker['name']}" if asker else None


def _artifact(artifact: Json) -> str | None:
    if not artifact:
        return None
    return f"{artifact['media_type']}, {artifact['size']} bytes, sha256 {artifact['sha256']}"


def difference(before: Json, after: Json) -> Iterator[Line]:
    """Both states field by field: `+` comes, `-` goes, `~` changes, a blank stays."""
    old, new = dict(_leaves(before, "")), dict(_leaves(after, ""))
    for path in [*old, *(each for each in new if each not in old)]:
        name = path or "state"
        if path not in new:
            yield "-", f"{name}: {_text(old[path])}"
        elif path not in old:
            yield "+", f"{name}: {_text(new[path])}"
        elif old[path] != new[path]:
            yield "~", f"{name}: {_text(old[path])} → {_text(new[path])}"
        else:
            yield " ", f"{name}: {_text(new[path])}"


def _leaves(value: Json, path: str) -> Iterator[tuple[str, Json]]:
    if isinstance(value, dict) and value:
        for key, each in value.items():
            yield from _leaves(each, f"{path}.{key}" if path else str(key))
    elif isinstance(value, list) and value:
        for number, each in enumerate(value):
            yield from _leaves(each, f"{path}[{number}]")
    elif value is not None or path:
        yield path, value


def _text(value: Json) -> str:
    text = msgspec.json.encode(value).decode()
    return text if len(text) <= 2000 else f"{text[:2000]}… ({len(text)} characters)"
