"""Foreign schemas: JSON Schemas that outsiders bring. What they may say is bounded, so that checking stays cheap."""

from collections.abc import Callable, Iterator

import jsonschema_rs
import msgspec

from catalog.errors import Invalid
from catalog.jsonvalue import Json

NODES_MOST = 512
"""Tables and lists in one schema."""
DEPTH_MOST = 24
ALTERNATIVES_MOST = 32
"""Branches of `anyOf`, `oneOf` and `allOf` in one schema, all together."""
BYTES_MOST = 64 * 1024
CHECKS_MOST = 2_000_000
"""Nodes of a schema times values of what it is asked about: what one check may cost at worst (some 50 ms)."""

_REFERENCES = frozenset({"$ref", "$dynamicRef", "$recursiveRef", "$id", "$anchor", "$dynamicAnchor", "$defs"})
_BRANCHES = ("anyOf", "oneOf", "allOf")


def check_foreign_schema(name: str, schema: Json) -> None:
    """Refuse what is no JSON Schema, refers to another place, is too large, or has a pattern that can take long.

    Raises Invalid SCHEMA_INVALID that names `name`.
    """
    _bounded(name, schema)
    try:
        jsonschema_rs.validator_for(schema, pattern_options=jsonschema_rs.RegexOptions(), offline=True)
    except (jsonschema_rs.ValidationError, jsonschema_rs.ReferencingError, ValueError) as error:
        raise Invalid("SCHEMA_INVALID", f"{name} is not a JSON Schema that we take.", hint=str(error)[:200]) from None


class Validity:
    """Checks JSON against one foreign schema that `check_foreign_schema` let pass."""

    def __init__(self, schema: Json) -> None:
        self._nodes = 1 + sum(1 for _ in _tables(schema, 0))
        self.affordable_bytes = CHECKS_MOST // self._nodes - 1
        """JSON of so many bytes can be checked in a moment, whatever it says."""
        self.holds: Callable[[Json], bool] = jsonschema_rs.validator_for(
            schema, pattern_options=jsonschema_rs.RegexOptions(), offline=True
        ).is_valid
        """Is a value valid?"""

    def affordable(self, content: bytes) -> bool:
        """Can a value with this JSON be checked in a moment?"""
        return self._nodes * (1 + content.count(b",") + content.count(b"[") + content.count(b"{")) <= CHECKS_MOST


def _bounded(name: str, schema: Json) -> None:
    if not isinstance(schema, dict | bool):
        raise _refused(name, "is not an object")
    if len(msgspec.json.encode(schema)) > BYTES_MOST:
        raise _refused(name, f"has over {BYTES_MOST} bytes")
    branches = 0
    for nodes, (depth, each) in enumerate(_tables(schema, 0), 1):
        if nodes > NODES_MOST:
            raise _refused(name, f"has over {NODES_MOST} parts")
        if depth > DEPTH_MOST:
            raise _refused(name, f"is nested over {DEPTH_MOST} deep")
        if isinstance(each, dict):
            found = _REFERENCES & each.keys()
            if found:
                raise _refused(name, f"has `{min(found)}`: write it out whole")
            branches += sum(len(each[key]) for key in _BRANCHES if isinstance(each.get(key), list))
    if branches > ALTERNATIVES_MOST:
        raise _refused(name, f"has over {ALTERNATIVES_MOST} alternatives")


def _tables(value: Json, depth: int) -> Iterator[tuple[int, Json]]:
    """Every table and list of it with its depth, itself first; never deeper than is needed to refuse it."""
    waiting: list[tuple[int, Json]] = [(depth, value)]
    while waiting:
        at, each = waiting.pop()
        if not isinstance(each, dict | list):
            continue
        yield at, each
        if at <= DEPTH_MOST:
            waiting.extend((at + 1, inner) for inner in (each.values() if isinstance(each, dict) else each))


def _refused(name: str, why: str) -> Invalid:
    return Invalid("SCHEMA_INVALID", f"{name} {why}.", hint="Keep the schema small and without references.")
