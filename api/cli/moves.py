"""Moves: what would make the server's Connections those of a folder. Pure: two sets in, a plan out."""

from collections.abc import Mapping
from enum import StrEnum
from pathlib import Path

import msgspec

from api.cli.change_view import Line, difference
from catalog.jsonvalue import Json


class Action(StrEnum):
    """What happens to one Connection."""

    CREATE = "create"
    CHANGE = "change"
    DELETE = "delete"
    KEEP = "keep"


class Local(msgspec.Struct, frozen=True, kw_only=True):
    """A Connection of the folder: its file, its text, and its canonical JSON."""

    file: Path
    content: bytes
    source: Json


class Move(msgspec.Struct, frozen=True, kw_only=True):
    """One line of the plan; `lines` is the difference of a change."""

    action: Action
    name: str
    local: Local | None = None
    remote: Json = None
    lines: tuple[Line, ...] = ()

    @property
    def patch(self) -> Json:
        """What to send to change the remote one: every field of the local one, null for those it has no more."""
        wanted: Json = self.local.source if self.local is not None else {}
        return {field: wanted.get(field) for field in _DEFAULTS if field in wanted or field in self.remote}


_DEFAULTS: Mapping[str, Json] = {
    "name": None,
    "description": "",
    "labels": {},
    "enabled": True,
    "source_event": None,
    "conditions": None,
    "cooldown_seconds": 0,
    "max_rate": None,
    "timeout": None,
    "steps": [],
}
"""The fields an author writes, and what REST means where one is left out."""

HIDDEN = "its params are hidden from you: changing it makes you its author"


def plan_moves(local: Mapping[str, Local], remote: Mapping[str, Json], *, prune: bool) -> list[Move]:
    """Creates, changes, deletes (with `prune`), then what stays; each group by name."""
    moves = [
        _changed(name, each, remote[name]) if name in remote else Move(action=Action.CREATE, name=name, local=each)
        for name, each in local.items()
    ]
    if prune:
        moves += [Move(action=Action.DELETE, name=name, remote=remote[name]) for name in remote if name not in local]
    order = list(Action)
    return sorted(moves, key=lambda each: (order.index(each.action), each.name))


def _changed(name: str, local: Local, remote: Json) -> Move:
    if remote.get("redacted"):
        return Move(action=Action.CHANGE, name=name, local=local, remote=remote, lines=(("~", HIDDEN),))
    lines = tuple(line for line in difference(_fields(remote), _fields(local.source)) if line[0] != " ")
    action = Action.CHANGE if lines else Action.KEEP
    return Move(action=action, name=name, local=local, remote=remote, lines=lines)


def _fields(source: Json) -> Json:
    return {field: source[field] for field, default in _DEFAULTS.items() if source.get(field, default) != default}
