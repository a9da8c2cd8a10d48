"""Reads the fields `resources` and `health_check` of a table; a check has a `type` or is nested: `{http = {...}}`."""

from collections.abc import Mapping

from catalog.jsonvalue import Json
from runtime.forms.fields import Fields
from runtime.forms.workload import HealthCheck, Resources

_PROBING = ("interval", "timeout", "retries")
HEALTH_FIELDS = {
    "http": ("path", "method", "expected_status", "port", *_PROBING),
    "tcp": ("port", *_PROBING),
    "exec": ("command", *_PROBING),
}
"""The fields of each kind of health check."""


def read_resources(fields: Fields) -> Resources:
    """The field `resources`."""
    if not fields.has("resources"):
        return Resources()
    inner = Fields(fields.raw("resources"), fields.place("resources"), fields.problems, ("memory", "cpu"))
    return Resources(memory=inner.size("memory"), cpu=inner.number("cpu", 0, 10_000))


def read_health_check(fields: Fields) -> HealthCheck | None:
    """The field `health_check`, in either form."""
    value, where = fields.raw("health_check"), fields.place("health_check")
    if value is None:
        return None
    if not isinstance(value, Mapping):
        fields.wrong("health_check", "a table")
        return None
    nested = [kind for kind in HEALTH_FIELDS if isinstance(value.get(kind), Mapping)]
    if not nested:
        kind = str(value.get("type"))
        known = HEALTH_FIELDS.get(kind)
        names = known or tuple(dict.fromkeys(name for each in HEALTH_FIELDS.values() for name in each))
        inner = Fields(value, where, fields.problems, ("type", *names))
        if inner.need("type", "one of `http`, `tcp`, `exec`") and known is None:
            inner.choice("type", tuple(HEALTH_FIELDS))
        return _health_fields(inner, kind if known else "http")
    kind = nested[0]
    if len(value) > 1:
        others = ", ".join(f"`{each}`" for each in value if each != kind)
        fields.problems.add(where, f"must have one of `http`, `tcp`, `exec` alone, but has `{kind}` beside {others}")
    return _health_fields(Fields(value[kind], f"{where}.{kind}", fields.problems, HEALTH_FIELDS[kind]), kind)


def _health_fields(fields: Fields, kind: str) -> HealthCheck:
    command = fields.texts("command")
    if kind == "exec" and fields.need("command", 'a list such as `["selftest", "--quick"]`') and not command:
        fields.wrong("command", "a list of texts that is not empty")
    path = fields.take("path", _http_path, "a path that begins with `/`, of printable ASCII without spaces")
    method = fields.choice("method", ("GET", "POST", "HEAD"))
    return HealthCheck(
        type=kind,  # type: ignore[arg-type]  # HEALTH_FIELDS has these three alone
        path=path or "/",
        method=method or "GET",  # type: ignore[arg-type]  # as above
        expected_status=fields.whole("expected_status", 200, 599) or 200,
        port=fields.whole("port", 1, 65535),
        command=command,
        interval=fields.duration("interval"),
        timeout=fields.duration("timeout"),
        retries=fields.whole("retries", 1, 1000),
    )


def _http_path(value: Json) -> str | None:
    good = isinstance(value, str) and value.startswith("/") and len(value) <= 2048
    return value if good and value.isascii() and value.isprintable() and " " not in value else None
