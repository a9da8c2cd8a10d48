"""Conditions: value → model, with every SCHEMA_* mistake."""

from catalog.jsonvalue import Json
from connections.builder import BROKEN
from connections.model import OPERATORS, Condition
from connections.shape import INVALID, Reader, Shape, choice, items, read_fields, text, wrong_type

MAX_CONDITIONS = 16
MAX_DEPTH = 8
GROUPS = ("all", "any", "not")
UNUSABLE = Condition()
"""Stands for a condition that cannot be read: it has neither field nor group."""

_WITHOUT_VALUE = ("exists", "not_exists")


def _anything(_shape: Shape, value: Json, _at: str) -> Json:
    return value


_LEAF: dict[str, Reader] = {
    "field": text(shortest=1),
    "operator": choice(*OPERATORS),
    "value": _anything,
}
_CONDITION_KEYS: dict[str, Reader] = {**_LEAF, **dict.fromkeys(GROUPS, _anything)}


def condition_list(shape: Shape, value: Json, at: str) -> Json:
    """A list of 1 to 16 conditions, all of which must hold."""
    return _list(1)(shape, value, at)


def _list(depth: int) -> Reader:
    return items(_reader(depth), shortest=1, longest=MAX_CONDITIONS, instead=UNUSABLE)


def _reader(depth: int) -> Reader:
    def read(shape: Shape, value: Json, at: str) -> Json:
        if type(value) is not dict:
            return wrong_type(shape, value, at, "a mapping with `field`, `operator` and `value`")
        if depth > MAX_DEPTH:
            return shape.refuse(at, "SCHEMA_LIMIT", f"Conditions are nested deeper than {MAX_DEPTH}.", "Flatten them.")
        groups = [] if "field" in value else [each for each in GROUPS if each in value]
        return _group(shape, value, at, groups, depth) if groups else _leaf(shape, value, at)

    return read


def _leaf(shape: Shape, value: dict[str, Json], at: str) -> Json:
    needs_value = value.get("operator") not in _WITHOUT_VALUE and value.get("operator") is not BROKEN
    readers = _LEAF if "field" in value else _CONDITION_KEYS
    required: tuple[str, ...] = ("field", "operator", "value") if needs_value else ("field", "operator")
    if not value.keys() & _LEAF.keys():
        required = required[:1]
    found = read_fields(shape, value, at, readers, required)
    if not needs_value and "value" in value and value["value"] is not BROKEN:
        shape.refuse(f"{at}/value", "CONDITION_VALUE", f"`{value.get('operator')}` takes no value.", "Remove `value`.")
    if "field" not in found or "operator" not in found or f"{at}/value" in shape.broken:
        return INVALID
    if needs_value and "value" not in found:
        return INVALID
    return Condition(**found)


def _not(depth: int) -> Reader:
    inner = _reader(depth)

    def read(shape: Shape, value: Json, at: str) -> Json:
        if value == {}:
            return shape.refuse(at, "SCHEMA_LIMIT", "`not` holds no condition.", "Write the one it negates.")
        return inner(shape, value, at)

    return read


def _group(shape: Shape, value: dict[str, Json], at: str, groups: list[str], depth: int) -> Json:
    readers: dict[str, Reader] = {
        "all": _list(depth + 1),
        "any": _list(depth + 1),
        "not": _not(depth + 1),
    }
    found = read_fields(shape, value, at, readers, ())
    if len(groups) > 1:
        for each in groups:
            shape.refuse(
                f"{at}/{each}",
                "SCHEMA_UNKNOWN_FIELD",
                "A condition is exactly one of `all`, `any` and `not`.",
                "Nest one in the other.",
            )
        return INVALID
    name = groups[0]
    if not found.get(name):
        return INVALID
    return Condition(**{"not_" if name == "not" else name: found[name]})
