"""A JSON value as YAML events, so that what arrives as an object passes the same gate as a text."""

from collections.abc import Iterator

import yaml

from catalog.jsonvalue import Json

_UNREADABLE = "tag:fabric,2026:not-json"


def value_events(value: Json) -> Iterator[yaml.Event]:
    """The events of a value, without places. What is no JSON value comes out tagged, and is refused as such."""
    yield yaml.DocumentStartEvent()
    waiting: list[Iterator[yaml.Event | Json]] = [iter((_Value(value),))]
    while waiting:
        step = next(waiting[-1], None)
        if step is None:
            waiting.pop()
        elif not isinstance(step, _Value):
            yield step
        elif type(step.value) is dict:
            yield yaml.MappingStartEvent(None, None, True)
            waiting.append(_members(step.value))
        elif type(step.value) in (list, tuple):
            yield yaml.SequenceStartEvent(None, None, True)
            waiting.append(_items(step.value))
        else:
            yield _scalar(step.value)
    yield yaml.DocumentEndEvent()


class _Value:
    __slots__ = ("value",)

    def __init__(self, value: Json) -> None:
        self.value = value


def _members(mapping: dict[Json, Json]) -> Iterator[yaml.Event | _Value]:
    for key, value in mapping.items():
        yield _scalar(key)
        yield _Value(value)
    yield yaml.MappingEndEvent()


def _items(items: list[Json]) -> Iterator[yaml.Event | _Value]:
    for item in items:
        yield _Value(item)
    yield yaml.SequenceEndEvent()


def _scalar(value: Json) -> yaml.Event:
    kind = type(value)
    if kind is str:
        return yaml.ScalarEvent(None, None, (False, True), value, style='"')
    if value is None or kind is bool:
        return yaml.ScalarEvent(None, None, (True, False), {None: "null", True: "true", False: "false"}[value])
    if kind is int:
        # What is refused for its size need not be spelled: the digits of a huge integer take quadratic time.
        text = str(value) if -(2**64) < value < 2**64 else "9" * 30
        return yaml.ScalarEvent(None, None, (True, False), text)
    if kind is float:
        text = repr(value).replace("inf", ".inf").replace("nan", ".nan")
        return yaml.ScalarEvent(None, None, (True, False), text)
    return yaml.ScalarEvent(None, _UNREADABLE, (False, False), "")
