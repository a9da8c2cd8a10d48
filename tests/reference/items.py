"""Items: every heading, statement, endpoint, field, code, event, metric, setting, variable, command and program of the
reference, one name each. docs/daemon.md has a row for each, with the tests that prove it."""

import json
import re
import tomllib
from collections.abc import Iterator
from functools import cache

from tests.reference.samples import (
    codes,
    commands,
    curls,
    metrics,
    printed_events,
    samples,
    settings,
    text,
    variables,
)
from tests.reference.shapes import fields

EVENT_TYPES = (
    "service.created",
    "service.started",
    "service.stopped",
    "service.failed",
    "service.scaled",
    "health.changed",
    "network.created",
    "volume.created",
    "policy.violated",
)


@cache
def items() -> tuple[str, ...]:
    """All of them, in the reference's order of kinds."""
    return tuple(dict.fromkeys((*_prose(), *_endpoints(), *_rest())))


def _prose() -> Iterator[str]:
    found = tomllib.loads(text("statements.toml"))
    yield from (f"heading {each}" for each in found["headings"])
    yield from (f"says {heading}: {each}" for heading, said in found["says"].items() for each in said)


def _endpoints() -> Iterator[str]:
    for sample in samples().values():
        yield f"endpoint {sample.name}"
        yield from (f"query {sample.name}?{each}" for each in sample.query)
        yield from (f"request {sample.name} {each}" for each in fields(sample.request))
        yield from (f"response {sample.name} {each}" for each in fields(sample.response))


def _rest() -> Iterator[str]:
    yield from (f"error {each}" for each in fields(json.loads(text("error.json"))))
    yield from (f"code {each}" for each in codes())
    yield from (f"event {each}" for each in EVENT_TYPES)
    for kind, data in printed_events():
        yield from (f"event {kind} {each}" for each in fields(data))
    yield from (f"metric {each}" for each in metrics())
    yield from (f"setting {each}" for each in settings())
    yield from (f"variable {each}" for each in variables())
    yield from (f"command {each}" for each in ("fabricksd --version", *commands()))
    yield from (f"status {line.partition(':')[0]}" for line in text("status.txt").splitlines())
    yield from ("unit system", "unit user")
    yield from (f"program {each}" for each in ("bash", "python", "javascript"))
    yield from (f"program curl {number}" for number in range(len(curls())))


def matching(pattern: str) -> list[str]:
    """The items that a pattern names; `*` stands for anything."""
    form = re.compile(".*".join(map(re.escape, pattern.split("*"))))
    return [each for each in items() if form.fullmatch(each)]
