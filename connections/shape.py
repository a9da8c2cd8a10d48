"""Shape: readers that check one value each against what the language allows there, reporting instead of raising."""

import re
from collections.abc import Callable, Mapping
from typing import Final

from catalog.catalog import nearest
from catalog.diagnostics import pointer
from catalog.jsonvalue import Json
from connections.builder import BROKEN
from connections.durations import MAX_SECONDS, find_duration
from connections.findings import Findings


class _Invalid:
    """What a reader answers where it has reported a mistake."""


INVALID: Final = _Invalid()


class Shape:
    """The findings, and the pointers whose value could not be used: later checks keep silent about those."""

    __slots__ = ("broken", "findings")

    def __init__(self, findings: Findings) -> None:
        self.findings = findings
        self.broken: set[str] = set()

    def refuse(self, at: str, code: str, message: str, hint: str | None = None) -> Json:
        """Report an error at `at`."""
        self.findings.error(at, code, message, hint)
        self.broken.add(at)
        return INVALID


Reader = Callable[[Shape, Json, str], Json]
"""Reads the value that stands at a pointer: answers what the model holds, or reports and answers INVALID."""

_KINDS = {
    type(None): "null",
    bool: "true or false",
    int: "a number",
    float: "a number",
    str: "text",
    list: "a list",
    dict: "a mapping",
}


def kind_of(value: Json) -> str:
    """A JSON type in an author's words."""
    return _KINDS.get(type(value), "something else")


def name_of(at: str) -> str:
    """What a message calls the value at a pointer: the last key on the way, and the item's number in a list."""
    keys = [each.replace("~1", "/").replace("~0", "~")[:80] for each in at.split("/")[1:]]
    if not keys:
        return "The Connection"
    if len(keys) > 1 and keys[-1].isdecimal():
        return f"Item {keys[-1]} of `{keys[-2]}`"
    return f"`{keys[-1]}`"


def wrong_type(shape: Shape, value: Json, at: str, wanted: str) -> Json:
    """Report SCHEMA_TYPE."""
    return shape.refuse(
        at,
        "SCHEMA_TYPE",
        f"{name_of(at)} is {kind_of(value)}; it must be {wanted}.",
        "Quote it." if wanted == "text" and type(value) in (int, float, bool) else f"Write {wanted}.",
    )


def read_fields(
    shape: Shape, mapping: dict[str, Json], at: str, readers: Mapping[str, Reader], required: tuple[str, ...]
) -> dict[str, Json]:
    """The members that could be read. Reports unknown and missing ones, each at its own pointer."""
    found: dict[str, Json] = {}
    for key, value in mapping.items():
        reader = readers.get(key)
        if reader is None:
            refuse_unknown(shape, at, key, readers)
        elif value is BROKEN:
            shape.broken.add(f"{at}/{key}")
        else:
            result = reader(shape, value, f"{at}/{key}")
            if result is not INVALID:
                found[key] = result
    for key in required:
        if key not in mapping:
            shape.refuse(f"{at}/{key}", "SCHEMA_REQUIRED", f"{name_of(at)} lacks `{key}`.", f"Add `{key}:`.")
    return found


def refuse_unknown(shape: Shape, at: str, key: str, known: Mapping[str, Reader]) -> None:
    """Report SCHEMA_UNKNOWN_FIELD with the nearest known name."""
    near = nearest(key, known)
    hint = f"Did you mean `{near}`?" if near else f"Allowed are {', '.join(f'`{each}`' for each in known)}."
    place = at + pointer(key)
    shape.findings.error(place, "SCHEMA_UNKNOWN_FIELD", f"There is no field `{key[:80]}` here.", hint)


def text(
    *, shortest: int = 0, longest: int | None = None, pattern: re.Pattern[str] | None = None, form: str = ""
) -> Reader:
    """Text within a length in characters, of a pattern that `form` describes."""

    def read(shape: Shape, value: Json, at: str) -> Json:
        if type(value) is not str:
            return wrong_type(shape, value, at, "text")
        if len(value) < shortest or (longest is not None and len(value) > longest):
            length = f"{shortest} to {longest} characters" if longest is not None else "at least one character"
            return shape.refuse(at, "SCHEMA_LIMIT", f"{name_of(at)} must have {length}.", "Change its length.")
        if pattern is not None and not pattern.match(value):
            return shape.refuse(at, "SCHEMA_PATTERN", f"{name_of(at)} does not have the form {form}.", "Rewrite it.")
        return value

    return read


def integer(lowest: int, highest: int) -> Reader:
    """A whole number within bounds."""

    def read(shape: Shape, value: Json, at: str) -> Json:
        if type(value) is not int:
            return wrong_type(shape, value, at, "a whole number")
        if not lowest <= value <= highest:
            return shape.refuse(
                at,
                "SCHEMA_RANGE",
                f"{name_of(at)} lies outside what is allowed.",
                f"Write a number from {lowest} to {highest}.",
            )
        return value

    return read


def boolean(shape: Shape, value: Json, at: str) -> Json:
    """True or false."""
    return value if type(value) is bool else wrong_type(shape, value, at, "true or false")


def choice(*options: str) -> Reader:
    """One of a few words."""

    def read(shape: Shape, value: Json, at: str) -> Json:
        if type(value) is not str:
            return wrong_type(shape, value, at, "text")
        if value in options:
            return value
        near = nearest(value, options)
        allowed = ", ".join(f"`{each}`" for each in options)
        return shape.refuse(
            at,
            "SCHEMA_ENUM",
            f"{name_of(at)} must be one of {allowed}.",
            f"Did you mean `{near}`?" if near else f"Write one of {allowed}.",
        )

    return read


def duration(*, zero: bool = False) -> Reader:
    """`250ms`, `30s`, `5m`, `24h`; at most a day."""

    def read(shape: Shape, value: Json, at: str) -> Json:
        if type(value) is not str:
            return wrong_type(shape, value, at, "a duration such as `30s`")
        length = find_duration(value)
        if length is None:
            form = "`250ms`, `30s`, `5m` or `24h`"
            return shape.refuse(at, "SCHEMA_PATTERN", f"{name_of(at)} is no duration.", f"Write {form}.")
        if length > MAX_SECONDS or (length == 0 and not zero):
            return shape.refuse(
                at,
                "SCHEMA_RANGE",
                f"{name_of(at)} must be longer than nothing, a day at most.",
                "Write a duration up to `24h`.",
            )
        return value

    return read


def mapping(shape: Shape, value: Json, at: str) -> Json:
    """Any mapping."""
    return value if type(value) is dict else wrong_type(shape, value, at, "a mapping")


def items(reader: Reader, *, shortest: int = 0, longest: int | None = None, instead: Json = "") -> Reader:
    """A list within a length, each item read by `reader`; `instead` stands for one that cannot be read.

    So the others keep their numbers, and later findings their pointers.
    """

    def read(shape: Shape, value: Json, at: str) -> Json:
        if type(value) is not list:
            return wrong_type(shape, value, at, "a list")
        if len(value) < shortest or (longest is not None and len(value) > longest):
            length = f"{shortest} to {longest} items" if longest is not None else "at least one item"
            shape.refuse(at, "SCHEMA_LIMIT", f"{name_of(at)} must have {length}.", "Change its length.")
            if not value or len(value) > 1000:
                return INVALID
        found = []
        for number, item in enumerate(value):
            place = f"{at}/{number}"
            if item is BROKEN:
                shape.broken.add(place)
            result = INVALID if item is BROKEN else reader(shape, item, place)
            found.append(instead if result is INVALID else result)
        return tuple(found)

    return read
