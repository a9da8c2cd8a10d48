"""References: `{{root.segment.segment}}`, found by a hand-written scanner in linear time.

    template = "{{" [ \\t]* path [ \\t]* "}}"      path = root ("." segment)*
    segment  = 1..128 characters, each a letter, mark or number of any script, or one of _ - @ $ :

The grammar has no place for arithmetic, filters, calls or defaults. Everything else between `{{` and `}}` is refused.
"""

import re
import unicodedata
from collections.abc import Sequence
from typing import Final

import msgspec

from catalog.errors import Invalid
from connections.lookup import index_of

MAX_SEGMENTS = 32
MAX_SEGMENT_CHARACTERS = 128
MAX_PATH_CHARACTERS = 512

ROOTS: Final = frozenset({"trigger", "steps", "run", "connection", "event", "secrets"})
"""Every name with a meaning of its own. `secrets` is one only where a parameter is marked for it."""
PLAIN_ROOTS: Final = ROOTS - {"secrets"}

_ASCII = frozenset("abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789_-@$:.")
_STEP_ID = re.compile(r"[a-z][a-z0-9_-]{0,63}\Z")


class Reference(msgspec.Struct, frozen=True):
    """A look-up. `path` begins with the root; after `steps` stands the step's number. `text` is as it was written."""

    text: str
    path: tuple[str | int, ...]

    @property
    def root(self) -> str:
        """The first word."""
        return str(self.path[0])

    @property
    def step(self) -> int | None:
        """The number of the step it looks at, None for every other root."""
        return self.path[1] if self.path[0] == "steps" and isinstance(self.path[1], int) else None


class Scope(msgspec.Struct, frozen=True):
    """What may be referred to. `ids[n]` names step n; with no ids a number alone names a step.

    `step` is the number of the step that refers, where only steps above it may be named; None asks no order.
    """

    roots: frozenset[str] = PLAIN_ROOTS
    ids: Sequence[str | None] = ()
    step: int | None = None


Parts = tuple[str | Reference, ...]


def scan(text: str, scope: Scope) -> Parts:
    """Split a text into literal pieces and references; ("",) and plain text come back as they are.

    Raises Invalid TEMPLATE_SYNTAX, TEMPLATE_UNKNOWN_ROOT, TEMPLATE_UNKNOWN_STEP, TEMPLATE_FORWARD_REF,
    TEMPLATE_TOO_DEEP.
    """
    start = text.find("{{")
    if start < 0:
        return (text,)
    parts: list[str | Reference] = []
    end = 0
    while start >= 0:
        close = text.find("}}", start + 2)
        if close < 0:
            raise Invalid("TEMPLATE_SYNTAX", "A template is not closed.", hint="Write `{{trigger.field}}`.")
        if start > end:
            parts.append(text[end:start])
        parts.append(reference(text[start + 2 : close].strip(" \t"), scope))
        end = close + 2
        start = text.find("{{", end)
    if end < len(text):
        parts.append(text[end:])
    return tuple(parts)


def reference(text: str, scope: Scope) -> Reference:
    """Read what stands between the braces, without white space around it. Raises as `scan` does."""
    segments = split_path(text)
    root = segments[0]
    if root not in scope.roots:
        raise Invalid(
            "TEMPLATE_UNKNOWN_ROOT",
            f"`{root[:64]}` is not known here.",
            hint=f"Begin with {', '.join(f'`{each}`' for each in sorted(scope.roots))}.",
        )
    if root != "steps":
        return Reference(text, segments)
    return Reference(text, ("steps", _step_number(segments, scope), *segments[2:]))


def split_path(text: str) -> tuple[str, ...]:
    """The segments of a dotted path. Raises Invalid TEMPLATE_SYNTAX or TEMPLATE_TOO_DEEP."""
    if not text or len(text) > MAX_PATH_CHARACTERS:
        raise Invalid("TEMPLATE_SYNTAX", f"A path has 1 to {MAX_PATH_CHARACTERS} characters.", hint="Shorten it.")
    if not _ASCII.issuperset(text) and not all(each in _ASCII or _is_word(each) for each in text):
        raise Invalid(
            "TEMPLATE_SYNTAX",
            "A template holds more than a path.",
            hint="Only look-ups are possible: `{{trigger.field}}`, `{{run.id}}`.",
        )
    segments = tuple(text.split("."))
    if len(segments) > MAX_SEGMENTS:
        raise Invalid("TEMPLATE_TOO_DEEP", f"A path has more than {MAX_SEGMENTS} segments.", hint="Shorten it.")
    if not all(1 <= len(each) <= MAX_SEGMENT_CHARACTERS for each in segments):
        raise Invalid(
            "TEMPLATE_SYNTAX",
            f"A segment of a path has 1 to {MAX_SEGMENT_CHARACTERS} characters.",
            hint="Look at the dots.",
        )
    return segments


def _is_word(character: str) -> bool:
    return unicodedata.category(character)[0] in "LMN"


def _step_number(segments: tuple[str, ...], scope: Scope) -> int:
    name = segments[1] if len(segments) > 1 else ""
    number = index_of(name) if name else None
    if number is None and not _STEP_ID.match(name):
        raise Invalid(
            "TEMPLATE_SYNTAX",
            "After `steps` stands a step's id or its number.",
            hint="Write `{{steps.0.output.field}}`.",
        )
    if number is None:
        number = scope.ids.index(name) if name in scope.ids else None
    if number is None or (scope.ids and number >= len(scope.ids)):
        raise Invalid("TEMPLATE_UNKNOWN_STEP", f"There is no step `{name[:64]}`.", hint=_near_step(scope))
    if scope.step is not None and number >= scope.step:
        raise Invalid(
            "TEMPLATE_FORWARD_REF",
            f"Step `{name[:64]}` does not run before this one.",
            hint="Refer to a step that this one needs.",
        )
    return number


def _near_step(scope: Scope) -> str:
    known = [each or str(number) for number, each in enumerate(scope.ids)]
    return f"Steps are {', '.join(f'`{each}`' for each in known[:8])}." if known else "Look at the step's `id`."
