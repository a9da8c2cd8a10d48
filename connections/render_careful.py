"""Rendering, the careful way: says which reference is missing, counts every byte, bears values of any depth or type.

It runs where the fast closures gave up, and decides alone: what it answers is what a template means.
"""

from typing import Final

import msgspec

from catalog.errors import FabricError, Invalid, TooLarge
from catalog.jsonvalue import Json
from connections.lookup import MISSING, find
from connections.references import Parts, Reference

MAX_BYTES = 1_048_576

_encode = msgspec.json.Encoder().encode
_SCALARS: Final = (str, int, float, bool, type(None))


class Text(msgspec.Struct, frozen=True):
    """A string with references in it."""

    parts: Parts


class Careful:
    """One rendering. `missing` gathers the references that lead nowhere, as they were written."""

    def __init__(self, *, empty: bool) -> None:
        self._empty = empty
        self.missing: list[str] = []

    def render(self, node: Json, context: Json) -> Json:
        """The value of a parsed template.

        Raises Invalid TEMPLATE_MISSING (unless `empty`: then null stands there), TEMPLATE_UNKNOWN_STEP or
        TEMPLATE_TOO_DEEP, and TooLarge TEMPLATE_TOO_LARGE.
        """
        value = self._node(node, context)
        if self.missing and not self._empty:
            raise missing_error(tuple(self.missing))
        if size_over(value, MAX_BYTES):
            raise _too_large()
        return value

    def _node(self, node: Json, context: Json) -> Json:
        # Parsed templates are at most 64 deep, so this recursion is bounded; payloads are walked without any.
        kind = type(node)
        if kind is Reference:
            return copy_any(self._value(node, context))
        if kind is Text:
            return self._text(node.parts, context)
        if kind is dict:
            return {key: self._node(each, context) for key, each in node.items()}
        if kind is list:
            return [self._node(each, context) for each in node]
        return node

    def _text(self, parts: Parts, context: Json) -> str:
        pieces = []
        length = 0
        for part in parts:
            piece = part if isinstance(part, str) else _spelled(part, self._value(part, context))
            length += len(piece)
            if length > MAX_BYTES:
                raise _too_large()
            pieces.append(piece)
        return "".join(pieces)

    def _value(self, reference: Reference, context: Json) -> Json:
        value = find(context, reference.path)
        if value is not MISSING:
            return value
        number = reference.step
        if number is not None and "steps" in context and find(context, ("steps", number)) is MISSING:
            raise Invalid("TEMPLATE_UNKNOWN_STEP", f"There is no step {number}.", hint="Look at the number.")
        if reference.text not in self.missing:
            self.missing.append(reference.text)
        return None


def missing_error(references: tuple[str, ...]) -> FabricError:
    """What a step fails with. Names what the author wrote, never what the payload holds."""
    named = ", ".join(f"`{each}`" for each in references[:4])
    verb = "is" if len(references) == 1 else "are"
    return Invalid(
        "TEMPLATE_MISSING",
        f"{named} {verb} not there.",
        hint="Check the event, add a condition `exists`, or set the step's `on_missing`.",
        details={"missing": list(references)},
    )


def _too_large() -> FabricError:
    return TooLarge("TEMPLATE_TOO_LARGE", f"The rendered parameters exceed {MAX_BYTES} bytes.", hint="Refer to less.")


def _spelled(reference: Reference, value: Json) -> str:
    """A value inside text: strings as they are, all else as compact JSON."""
    if type(value) is str:
        return value
    if issubclass(type(value), str):
        return "".join((value, ""))
    plain = copy_any(value)
    if size_over(plain, MAX_BYTES):
        raise _too_large()
    try:
        return _encode(plain).decode()
    except RecursionError:
        message = f"The value of `{reference.text}` is nested too deeply."
        raise Invalid("TEMPLATE_TOO_DEEP", message, hint="Refer to a part of it.") from None
    except (TypeError, UnicodeEncodeError):
        message = f"`{reference.text}` holds something that is no JSON."
        raise Invalid("TEMPLATE_MISSING", message, hint="Refer to another field.") from None


def copy_any(value: Json) -> Json:
    """A copy in plain lists and dicts, without recursion. What is neither is kept as it is."""
    holder: list[Json] = [None]
    waiting: list[tuple[Json, Json, Json]] = [(value, holder, 0)]
    while waiting:
        source, target, place = waiting.pop()
        kind = type(source)
        if issubclass(kind, dict):
            copied: Json = dict.fromkeys(source)
            waiting.extend((source[key], copied, key) for key in copied)
        elif issubclass(kind, list | tuple):
            copied = [None] * len(source)
            waiting.extend((source[number], copied, number) for number in range(len(copied)))
        else:
            copied = source
        target[place] = copied
    return holder[0]


def size_over(value: Json, limit: int) -> bool:
    """Is the compact JSON of a plain value longer than `limit` bytes? Stops counting there."""
    size = 0
    waiting = [value]
    while waiting:
        each = waiting.pop()
        kind = type(each)
        if kind is dict:
            size += 1 + 2 * len(each) if each else 2
            size += sum(_length(key) for key in each if type(key) is str)
            waiting.extend(each.values())
        elif kind is list:
            size += 1 + len(each) if each else 2
            waiting.extend(each)
        elif kind in _SCALARS:
            size += _length(each)
        if size > limit:
            return True
    return False


def _length(scalar: Json) -> int:
    try:
        return len(_encode(scalar))
    except UnicodeEncodeError:  # a lone surrogate is no text; where JSON can carry it, it takes six bytes
        return 6 * len(scalar)
