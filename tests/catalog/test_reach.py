"""What `lookup` is certain of is true of every value."""

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from catalog.jsonvalue import Json
from catalog.reach import Presence, lookup
from catalog.schemas import validator
from connections.lookup import MISSING, find
from tests.catalog.schema_strategies import schemas, world

_WORLD = world()
_paths = st.lists(st.sampled_from(["x", "y", "z", "0", "1", "01"]), min_size=1, max_size=3)


@settings(max_examples=1500, deadline=None)
@given(schemas, _paths)
def test_a_certain_answer_holds_for_every_value(schema: Json, path: list[str]) -> None:
    presence, found = lookup(schema, path)
    described = validator(found)
    fits = validator(schema)
    for value in (each for each in _WORLD if fits(each)):
        reached = find(value, tuple(path))
        if presence is Presence.ALWAYS:
            assert reached is not MISSING
        if presence is Presence.NEVER:
            assert reached is MISSING
        if reached is not MISSING:
            assert described(reached)


_EVENT: Json = {
    "type": "object",
    "properties": {
        "id": {"type": "string"},
        "data": {"type": "object", "properties": {"name": {"type": "string"}}, "additionalProperties": False},
        "free": {},
        "tags": {"type": "array", "items": {"type": "string"}},
    },
    "required": ["id"],
    "additionalProperties": False,
}


@pytest.mark.parametrize(
    ("path", "presence", "schema"),
    [
        ("id", Presence.ALWAYS, {"type": "string"}),
        ("id.x", Presence.NEVER, False),
        ("data.name", Presence.MAYBE, {"type": "string"}),
        ("data.nope", Presence.NEVER, False),
        ("free.any.thing", Presence.MAYBE, {}),
        ("tags.0", Presence.MAYBE, {"type": "string"}),
        ("tags.00", Presence.NEVER, False),
        ("tags.name", Presence.NEVER, False),
        ("nope", Presence.NEVER, False),
    ],
)
def test_ordinary_paths_are_decided(path: str, presence: Presence, schema: Json) -> None:
    assert lookup(_EVENT, path.split(".")) == (presence, schema)
