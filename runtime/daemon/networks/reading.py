"""Reading: a NetworkSpec from the API's JSON or from TOML; `ingress` may be one text or a list."""

from collections.abc import Callable, Iterable, Mapping

from catalog.jsonvalue import Json
from runtime.daemon.networks.reach import ANY_EXTERNAL, ANY_NETWORK, EXTERNAL, read_range
from runtime.daemon.spec import NetworkSpec
from runtime.forms.fields import Fields, Problems, as_name

_SOURCES = "a network's name, `*`, or a range of addresses such as `10.0.0.0/8`"
_TARGETS = "a network's name, `*`, `external:NAME`, `external:*`, or a range of addresses such as `10.0.0.0/8`"
_HOSTS = "a list of `host:port`"
_FIELDS = tuple(NetworkSpec.__struct_fields__)


def read_network(document: Mapping[str, Json], *, where: str = "", besides: Iterable[str] = ()) -> NetworkSpec:
    """A network as wanted; `where` is the place of `document` in what its author wrote.

    `besides` are fields that the caller reads himself. Raises Invalid INVALID_REQUEST, which names every wrong field.
    """
    problems = Problems()
    fields = Fields(document, where, problems, (*_FIELDS, *besides))
    fields.need("name", "a name such as `application`")
    spec = NetworkSpec(
        name=fields.name("name") or "",
        description=fields.text("description") or "",
        internal=fields.flag("internal"),
        isolated=fields.flag("isolated"),
        ingress=_entries(fields, "ingress", as_source, _SOURCES) if fields.has("ingress") else None,
        egress=_entries(fields, "egress", as_target, _TARGETS),
        ingress_only=fields.flag("ingress_only"),
        audit_all=fields.flag("audit_all"),
        encryption="required" if fields.choice("encryption", ("required", "optional")) == "required" else "optional",
        external=_external(fields),
        external_tls=fields.texts("external_tls"),
        project=fields.name("project"),
    )
    problems.check(f"network `{spec.name}`" if spec.name else "network")
    return spec


def as_source(value: Json) -> str | None:
    """An entry of an ingress list, or None."""
    if not isinstance(value, str):
        return None
    return value if value == ANY_NETWORK or read_range(value) is not None else as_name(value)


def as_target(value: Json) -> str | None:
    """An entry of an egress list, or None."""
    if isinstance(value, str) and value.startswith(EXTERNAL):
        return value if value == ANY_EXTERNAL or value != EXTERNAL else None
    return as_source(value)


def as_place(value: Json) -> str | None:
    """`host:port` with a port from 1 to 65535, or None; the last colon divides them."""
    if not isinstance(value, str):
        return None
    host, colon, port = value.rpartition(":")
    digits = port.isascii() and port.isdigit() and len(port) <= 5
    good = colon and host and host.isprintable() and " " not in host and digits and 0 < int(port) < 65536
    return value.lower() if good else None


def _entries(fields: Fields, name: str, read: Callable[[Json], str | None], form: str) -> tuple[str, ...]:
    value = fields.raw(name)
    if isinstance(value, str):
        found = fields.take(name, read, form)
        return () if found is None else (found,)
    return tuple(dict.fromkeys(fields.each(name, read, form)))


def _external(fields: Fields) -> dict[str, tuple[str, ...]]:
    value = fields.raw("external")
    if value is None:
        return {}
    if not isinstance(value, Mapping):
        fields.wrong("external", f"a table of names, each {_HOSTS}")
        return {}
    inner = Fields(value, fields.place("external"), fields.problems, tuple(map(str, value)))
    return {name: inner.each(name, as_place, "`host:port`") for name in value}
