"""Plain YAML scalars: what an unquoted word means, and which words must be quoted because YAML's versions disagree."""

import math
import re
from typing import Final

from catalog.jsonvalue import INT64, Json


class Refusal:
    """Why a plain scalar has no value: `code` is a loader code."""

    __slots__ = ("code", "hint", "message")

    def __init__(self, code: str, message: str, hint: str) -> None:
        self.code = code
        self.message = message
        self.hint = hint


AMBIGUOUS: Final = Refusal(
    "YAML_AMBIGUOUS_SCALAR", "YAML reads this unquoted word as something other than text.", "Quote it."
)
MERGE: Final = Refusal("YAML_MERGE_FORBIDDEN", "Merge keys are not allowed.", "Write the fields out, or quote `<<`.")
RANGE: Final = Refusal(
    "YAML_NUMBER_RANGE", "The number is infinite, not a number, or outside 64 bits.", "Quote it to send it as text."
)

_SWITCHES = ("y", "n", "yes", "no", "on", "off", "true", "false", "null")
_WORDS: dict[str, Json] = {
    **{form: AMBIGUOUS for word in _SWITCHES for form in (word, word.capitalize(), word.upper())},
    "": None,
    "~": None,
    "null": None,
    "true": True,
    "false": False,
    "=": AMBIGUOUS,
    "<<": MERGE,
}
_NUMERIC_START = frozenset("0123456789+-.")

_INTEGER = re.compile(r"-?(?:0|[1-9][0-9]*)\Z")
_DECIMAL = re.compile(r"-?(?:0|[1-9][0-9]*)(?:\.[0-9]+)?(?:[eE][+-]?[0-9]+)?\Z")
_NOT_FINITE = re.compile(r"[+-]?\.(?:inf|Inf|INF)\Z|\.(?:nan|NaN|NAN)\Z")
_OTHER_NUMBER = re.compile(
    r"""[+-]?0b[01_]+\Z
    | [+-]?0x[0-9a-fA-F_]+\Z
    | 0o[0-7]+\Z
    | [+-]?[0-9][0-9_]*(?:\.[0-9_]*)?(?:[eE][+-]?[0-9]+)?\Z
    | [+-]?\.[0-9][0-9_]*(?:[eE][+-]?[0-9]+)?\Z
    | [+-]?[1-9][0-9_]*(?::[0-5]?[0-9])+\Z
    | [+-]?[0-9][0-9_]*(?::[0-5]?[0-9])+\.[0-9_]*\Z
    | [0-9]{4}-[0-9]{2}-[0-9]{2}\Z
    | [0-9]{4}-[0-9]{1,2}-[0-9]{1,2}(?:[Tt]|[ \t]+)[0-9]{1,2}:[0-9]{2}:[0-9]{2}(?:\.[0-9]*)?
      (?:[ \t]*(?:Z|[+-][0-9]{1,2}(?::?[0-9]{2})?))?\Z""",
    re.VERBOSE,
)


def resolve(text: str) -> Json | Refusal:
    """The JSON value of an unquoted scalar, or the Refusal that says why it has none."""
    found = _WORDS.get(text, text)
    if found is text and text[0] in _NUMERIC_START:
        return _number(text)
    return found


def _number(text: str) -> Json | Refusal:
    if _INTEGER.match(text):
        return int(text) if len(text) <= 20 and int(text) in INT64 else RANGE
    if _DECIMAL.match(text):
        number = float(text)
        return number if math.isfinite(number) else RANGE
    if _NOT_FINITE.match(text):
        return RANGE
    return AMBIGUOUS if _OTHER_NUMBER.match(text) else text
