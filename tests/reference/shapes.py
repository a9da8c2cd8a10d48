"""Shapes: has an answer the keys, the types and the formats of the sample that is printed for it?"""

import re
from collections.abc import Iterator

from catalog.jsonvalue import Json

_ID = r"[a-z0-9]{6}"
_FORMS: tuple[tuple[str, str], ...] = (
    ("a time to the nanosecond", r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{9}Z"),
    ("a time", r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\dZ"),
    ("a platform", r"linux/(amd64|arm64)"),
    ("an engine", r"wasm\w+ \d+(\.\d+)+"),
    ("milliseconds", r"\d+(\.\d+)?ms"),
    ("an uptime", r"(\d+d ?)?(\d+h ?)?(\d+m ?)?(\d+s)?"),
    ("a size", r"\d+(\.\d)?(B|[KMGT]i?B?)"),
    ("a change of a setting", r"\w+: .* -> .*"),
    ("a run's id", r"svc-[0-9a-f]{8}"),
    ("a replica's id", rf"([a-z0-9-]+-{_ID}|svc-[0-9a-f]{{8}})-\d+"),
    ("an id", rf"[a-z0-9-]+-{_ID}|svc-[0-9a-f]{{8}}"),
    ("a version", r"v?\d+(\.\d+)*"),
)
"""The first form that a sample's text has is the one that the answer's must have."""

ANY_ID = frozenset({"srv_abc123"})
"""Ids that the reference prints in a form of none of its other samples."""

WORDS: dict[str, frozenset[str]] = {
    "state": frozenset({"pending", "starting", "running", "stopping", "stopped", "failed", "deleting"}),
    "health": frozenset({"healthy", "unhealthy", "starting", "unknown"}),
    "status": frozenset({"success", "error", "healthy", "unhealthy"}),
    "stream": frozenset({"stdout", "stderr"}),
}
"""Fields whose text is one of a few words."""


def differences(sample: Json, actual: Json, where: str = "") -> Iterator[str]:
    """Every way in which `actual` has not the shape of `sample`; it may have more keys."""
    if isinstance(sample, dict):
        if not isinstance(actual, dict):
            yield f"{where}: {type(actual).__name__} and no object"
            return
        for key, value in sample.items():
            if key not in actual:
                yield f"{where}.{key}: missing"
            else:
                yield from differences(value, actual[key], f"{where}.{key}")
    elif isinstance(sample, list):
        yield from _list(sample, actual, where)
    elif isinstance(sample, str):
        yield from _text(sample, actual, where)
    elif isinstance(sample, bool) or sample is None:
        if type(actual) is not type(sample):
            yield f"{where}: {actual!r} and no {type(sample).__name__}"
    elif isinstance(actual, bool) or not isinstance(actual, int | float if isinstance(sample, float) else int):
        yield f"{where}: {actual!r} and no {type(sample).__name__}"


def _list(sample: list[Json], actual: Json, where: str) -> Iterator[str]:
    if not isinstance(actual, list):
        yield f"{where}: {type(actual).__name__} and no array"
    elif sample and not actual:
        yield f"{where}: empty, so that nothing is shown"
    elif sample:
        for number, each in enumerate(actual):
            yield from differences(sample[0], each, f"{where}[{number}]")


def _text(sample: str, actual: Json, where: str) -> Iterator[str]:
    if not isinstance(actual, str):
        yield f"{where}: {actual!r} and no text"
        return
    words = WORDS.get(where.rpartition(".")[2])
    if words is not None and sample in words:
        if actual not in words:
            yield f"{where}: `{actual}` is none of {', '.join(sorted(words))}"
        return
    if sample in ANY_ID:
        return
    form = next((each for each in _FORMS if re.fullmatch(each[1], sample)), None)
    if form is not None and not re.fullmatch(form[1], actual):
        yield f"{where}: `{actual}` is not {form[0]}, as `{sample}` is"


def fields(sample: Json, where: str = "") -> Iterator[str]:
    """Every field of a sample, as a path."""
    if isinstance(sample, dict):
        for key, value in sample.items():
            path = f"{where}.{key}" if where else key
            yield path
            yield from fields(value, path)
    elif isinstance(sample, list) and sample and isinstance(sample[0], dict):
        yield from fields(sample[0], f"{where}[]")
