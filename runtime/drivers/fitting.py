"""Fitting: what a person wrote for a controller, as the struct that its driver declares; or the place that does not."""

import difflib
import re
from collections.abc import Iterable, Iterator, Mapping

import msgspec
from msgspec import inspect

from catalog.errors import Invalid
from catalog.jsonvalue import Json

_WHERE = re.compile(r" - at `\$\.?([^`]*)`\Z")
_UNKNOWN = re.compile(r"Object contains unknown field `([^`]*)`\Z")
_STEP = re.compile(r"\[[^\]]*\]|[^.\[]+")
_NO_TEXT = re.compile(r"Expected `str`, got `(int|float|bool|null)`")
_NO_JSON = re.compile(r"Expected `(object|array|int|float|bool)[^`]*`, got `str`")
_SHOWS_VALUE = re.compile(r"Invalid enum value .*\Z", re.DOTALL)


def fit(given: Mapping[str, Json], kind: type[msgspec.Struct], what: str, driver: str, module: str) -> msgspec.Struct:
    """`given` as `kind`; `what` is `settings` or `credentials`.

    Raises Invalid CONTROLLER_SETTINGS, CONTROLLER_CREDENTIALS with the field, and the nearest name of one that is
    unknown. No value is ever said, for it may be a password in the wrong place.
    """
    try:
        return msgspec.convert(dict(given), kind)
    except msgspec.ValidationError as error:
        raise _refusal(str(error), kind, what, driver, module) from None


def _refusal(text: str, kind: type[msgspec.Struct], what: str, driver: str, module: str) -> Invalid:
    found = _WHERE.search(text)
    path = found.group(1) if found else ""
    reason = _SHOWS_VALUE.sub("it is none of the values that there are", _WHERE.sub("", text))
    hint = f"`fabric controllers drivers {driver}` lists what it takes; see docs/modules/{module}.md."
    unknown = _UNKNOWN.match(reason)
    if unknown:
        name = unknown.group(1)
        path = f"{path}.{name}" if path else name
        reason = "it is no field of it"
        near = difflib.get_close_matches(name, list(_fields(kind, path)), 1)
        hint = f"Did you mean `{near[0]}`?" if near else hint
    elif _NO_TEXT.match(reason):
        hint = f"What reads as JSON is text in quotes: `--setting '{path}=\"…\"'`. {hint}"
    elif _NO_JSON.match(reason):
        hint = f"It was taken as text: as JSON it lacks a quote or a bracket. {hint}"
    place = ".".join(each for each in (what, path) if each).replace(".[", "[")
    return Invalid(
        "CONTROLLER_SETTINGS" if what == "settings" else "CONTROLLER_CREDENTIALS",
        f"`{place[:200]}` does not fit the driver `{driver}`: {reason[:1].lower()}{reason[1:]}.",
        hint=hint,
    )


def _fields(kind: type[msgspec.Struct], path: str) -> Iterator[str]:
    """The names that could stand where the last step of `path` does."""
    kinds: list[inspect.Type] = [inspect.type_info(kind)]
    for step in _STEP.findall(path)[:-1]:
        kinds = [inner for each in _opened(kinds) for inner in _inside(each, step)]
    for each in _opened(kinds):
        if isinstance(each, inspect.StructType):
            yield from (field.encode_name for field in each.fields)


def _opened(kinds: Iterable[inspect.Type]) -> Iterator[inspect.Type]:
    for each in kinds:
        if isinstance(each, inspect.UnionType):
            yield from _opened(each.types)
        elif isinstance(each, inspect.Metadata):
            yield from _opened([each.type])
        else:
            yield each


def _inside(kind: inspect.Type, step: str) -> Iterator[inspect.Type]:
    if isinstance(kind, inspect.StructType):
        yield from (field.type for field in kind.fields if field.encode_name == step)
    elif isinstance(kind, inspect.DictType):
        yield kind.value_type
    elif isinstance(kind, inspect.VarTupleType | inspect.ListType):
        yield kind.item_type
