"""Fields: reads a table that somebody wrote, by hand or by program, and collects everything that is wrong with it.

Nothing is raised before `Problems.check`, so that an author sees all wrong fields at once, each with its place and
the form that is accepted there. `null` counts as absent.
"""

import math
import re
from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import TypeVar

from catalog.catalog import nearest
from catalog.errors import Invalid
from catalog.jsonvalue import Json
from runtime.forms.scalars import parse_bytes, parse_duration

NAME = re.compile(r"[a-z0-9](?:[a-z0-9-]{0,61}[a-z0-9])?\Z")
NAME_FORM = "a name of a-z, 0-9 and `-`, at most 63 long, with no `-` at its ends"
TEXT_MOST = 32 * 1024
LIST_MOST = 1000

T = TypeVar("T")


class Problems:
    """What is wrong so far: places and sentences."""

    def __init__(self) -> None:
        self.found: list[tuple[str, str]] = []

    def add(self, where: str, problem: str) -> None:
        """Note that the field at `where` is wrong; `problem` goes on as "must be ..."."""
        self.found.append((where, problem))

    def unknown(self, where: str, problem: str) -> None:
        """Note that no field stands at `where`. Whoever only warns of these overrides it."""
        self.add(where, problem)

    def check(self, subject: str) -> None:
        """Raise Invalid INVALID_REQUEST that names every wrong field, if there is one."""
        if not self.found:
            return
        count = len(self.found)
        said = "; ".join(f"`{where}` {problem}" if where else problem for where, problem in self.found[:20])
        raise Invalid(
            "INVALID_REQUEST",
            f"The {subject} has {count} wrong field{'' if count == 1 else 's'}: {said}.",
            hint="Mend the fields that `details.fields` lists.",
            details={"fields": [{"field": where, "problem": problem} for where, problem in self.found]},
        )


class Fields:
    """One table, at `where` of the document; `names` are all the fields it may have."""

    def __init__(self, document: Json, where: str, problems: Problems, names: Sequence[str]) -> None:
        self._where = where
        self.problems = problems
        self._known = names
        self._table: Mapping[str, Json] = {}
        if not isinstance(document, Mapping):
            problems.add(where, f"must be a table with the fields {_listed(names)}")
            return
        self._table = document
        for name in document:
            if name not in names:
                problems.unknown(self.place(str(name)), unknown(str(name), names))

    def place(self, name: str) -> str:
        """Where a field of this table stands in the document."""
        return f"{self._where}.{name}" if self._where else name

    def has(self, name: str) -> bool:
        """Was the field given, and not as null?"""
        return self._table.get(name) is not None

    def raw(self, name: str) -> Json:
        """The field as it was written."""
        return self._table.get(name)

    def wrong(self, name: str, form: str) -> None:
        """Note that a field must have another form."""
        self.problems.add(self.place(name), f"must be {form}, not {shown(self.raw(name))}")

    def need(self, name: str, form: str) -> bool:
        """Is the field there? Notes it where not."""
        if not self.has(name):
            self.problems.add(self.place(name), f"is missing: it must be {form}")
            return False
        return True

    def take(self, name: str, read: Callable[[Json], T | None], form: str) -> T | None:
        """The field through `read`, which answers None for what is not of the `form`."""
        value = self.raw(name)
        if value is None:
            return None
        found = read(value)
        if found is None:
            self.wrong(name, form)
        return found

    def text(self, name: str, form: str = "a text that is not empty", most: int = TEXT_MOST) -> str | None:
        """A text that is not empty."""
        return self.take(name, lambda each: each if _is_text(each) and 0 < len(each) <= most else None, form)

    def name(self, name: str) -> str | None:
        """A name of a service, network, volume or project."""
        return self.take(name, as_name, NAME_FORM)

    def flag(self, name: str, default: bool = False) -> bool:
        """true or false."""
        found = self.take(name, lambda each: each if isinstance(each, bool) else None, "true or false")
        return default if found is None else found

    def whole(self, name: str, least: int, most: int) -> int | None:
        """A whole number within bounds."""

        def read(value: Json) -> int | None:
            good = isinstance(value, int) and not isinstance(value, bool) and least <= value <= most
            return value if good else None

        return self.take(name, read, f"a whole number from {least} to {most}")

    def number(self, name: str, above: float, most: float) -> float | None:
        """A number over `above`, up to `most`."""

        def read(value: Json) -> float | None:
            good = isinstance(value, int | float) and not isinstance(value, bool) and math.isfinite(value)
            return float(value) if good and above < value <= most else None

        return self.take(name, read, f"a number over {above:g}, up to {most:g}")

    def duration(self, name: str) -> float | None:
        """Seconds, from `30s`, `1m30s`, `500ms` or a number of seconds; to the millisecond and over zero."""

        def read(value: Json) -> float | None:
            seconds = _parsed(parse_duration, value)
            return round(seconds, 3) if seconds is not None and seconds >= 0.001 else None

        return self.take(name, read, "a duration over zero such as `30s`, `1m30s` or `500ms`, or seconds as a number")

    def size(self, name: str) -> int | None:
        """Bytes, from `512Mi`, `1.5GB` or a number of bytes; over zero."""

        def read(value: Json) -> int | None:
            count = _parsed(parse_bytes, value)
            return count if count is not None and count > 0 else None

        return self.take(name, read, "a size over zero such as `512Mi` or `2GB`, or bytes as a number")

    def choice(self, name: str, choices: Sequence[str]) -> str | None:
        """One of a few words."""
        form = "one of " + ", ".join(f"`{each}`" for each in choices)
        return self.take(name, lambda each: each if isinstance(each, str) and each in choices else None, form)

    def texts(self, name: str) -> tuple[str, ...]:
        """A list of texts."""
        return self.each(name, lambda item: item if _is_text(item) else None, "a text")

    def names(self, name: str) -> tuple[str, ...]:
        """A list of names, each once."""
        found = self.each(name, as_name, NAME_FORM)
        if len(set(found)) != len(found):
            self.problems.add(self.place(name), "names something twice")
        return tuple(dict.fromkeys(found))

    def each(self, name: str, read: Callable[[Json], T | None], form: str) -> tuple[T, ...]:
        """A list whose items `read` understands."""
        value = self.raw(name)
        if value is None:
            return ()
        if not isinstance(value, list | tuple) or len(value) > LIST_MOST:
            self.wrong(name, f"a list of at most {LIST_MOST} items, each {form}")
            return ()
        found: list[T] = []
        for at, item in enumerate(value):
            got = read(item)
            if got is None:
                self.problems.add(f"{self.place(name)}[{at}]", f"must be {form}, not {shown(item)}")
            else:
                found.append(got)
        return tuple(found)

    def table(self, name: str, good_key: Callable[[str], bool], key_form: str) -> dict[str, str]:
        """A table of texts; numbers and booleans become the text a person would have written."""
        value = self.raw(name)
        if value is None:
            return {}
        if not isinstance(value, Mapping) or len(value) > LIST_MOST:
            self.wrong(name, f"a table of at most {LIST_MOST} texts")
            return {}
        found: dict[str, str] = {}
        for key, item in value.items():
            text = as_text(item)
            if not isinstance(key, str) or not good_key(key):
                self.problems.add(self.place(name), f"has the key {shown(key)}: a key must be {key_form}")
            elif text is None:
                self.problems.add(f"{self.place(name)}.{key}", "must be a text, a number, true or false")
            else:
                found[key] = text
        return found


def unknown(name: str, names: Iterable[str]) -> str:
    """The sentence's end for a field that does not exist."""
    meant = nearest(name, names)
    return f"is not a field here: did you mean `{meant}`" if meant else "is not a field here"


def as_name(value: Json) -> str | None:
    """A name, or None."""
    return value if isinstance(value, str) and NAME.match(value) else None


def as_text(value: Json) -> str | None:
    """A scalar as its owner would write it in an environment: `true`, `120`, `1.5`; None for what is no scalar."""
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, float):
        return (str(int(value)) if value.is_integer() else repr(value)) if math.isfinite(value) else None
    if isinstance(value, int):
        return str(value)
    return value if _is_text(value) else None


def shown(value: Json) -> str:
    """What somebody wrote, short enough for a sentence; a table or a list only by its kind."""
    if isinstance(value, Mapping):
        return "a table"
    if isinstance(value, list | tuple):
        return "a list"
    text = value if isinstance(value, str) else as_text(value) or "null"
    # A backtick or a control character of his would break our sentence.
    plain = "".join(each if each.isprintable() and each != "`" else "?" for each in text[:40])
    return f"`{plain}`"


def _is_text(value: Json) -> bool:
    return isinstance(value, str) and len(value) <= TEXT_MOST and "\0" not in value and _encodes(value)


def _encodes(value: str) -> bool:
    try:
        value.encode("utf-8")
    except UnicodeEncodeError:
        return False
    return True


def _parsed(parse: Callable[[Json], T], value: Json) -> T | None:
    if isinstance(value, bool) or not isinstance(value, str | int | float):
        return None
    try:
        return parse(value)
    except Invalid:
        return None


def _listed(names: Iterable[str]) -> str:
    return ", ".join(f"`{each}`" for each in names)
