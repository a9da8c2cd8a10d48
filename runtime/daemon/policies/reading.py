"""Reading: policies from tables as TOML gives them."""

from collections.abc import Callable, Mapping
from typing import TypeVar

from catalog.jsonvalue import Json
from runtime.daemon.policies.rules import ANYTHING, Deny, Policy, Require, Warn
from runtime.forms.fields import Fields, Problems, as_name

_ENTRY = "the name of a service or network, `external:NAME`, `external:*` or `*`"
_DENY = ("from", "to", "except", "reason")
_REQUIRE = ("networks", "services", "tls", "audit", "encryption", "reason")
_WARN = ("cross_network", "except", "reason")
POLICY_FIELDS = ("description", "deny", "require", "warn")

T = TypeVar("T")


def read_policies(document: Json, *, where: str = "policy", project: str | None = None) -> tuple[Policy, ...]:
    """The policies of a table of tables, by name. Raises Invalid INVALID_REQUEST, which names every wrong field."""
    problems = Problems()
    if not isinstance(document, Mapping):
        problems.add(where, "must be a table of policies")
    else:
        found = tuple(_policy(str(name), table, where, problems, project) for name, table in document.items())
    problems.check("set of policies")
    return found


def _policy(name: str, table: Json, where: str, problems: Problems, project: str | None) -> Policy:
    fields = Fields(table, f"{where}.{name}", problems, POLICY_FIELDS)
    return Policy(
        name=name,
        description=fields.text("description") or "",
        deny=_rules(fields, "deny", _DENY, _deny),
        require=_rules(fields, "require", _REQUIRE, _require),
        warn=_rules(fields, "warn", _WARN, _warn),
        project=project,
    )


def _rules(fields: Fields, kind: str, names: tuple[str, ...], read: Callable[[Fields], T]) -> tuple[T, ...]:
    value = fields.raw(kind)
    if value is None:
        return ()
    if not isinstance(value, list):
        fields.problems.add(fields.place(kind), f"must be a list of tables: `[[{fields.place(kind)}]]`")
        return ()
    return tuple(
        read(Fields(each, f"{fields.place(kind)}[{at}]", fields.problems, names)) for at, each in enumerate(value)
    )


def _deny(fields: Fields) -> Deny:
    fields.need("from", f"a list, each {_ENTRY}")
    fields.need("to", f"a list, each {_ENTRY}")
    return Deny(
        from_=_entries(fields, "from"),
        to=_entries(fields, "to"),
        except_=_entries(fields, "except"),
        reason=fields.text("reason") or "",
    )


def _require(fields: Fields) -> Require:
    rule = Require(
        networks=_entries(fields, "networks"),
        services=_entries(fields, "services"),
        tls=fields.flag("tls"),
        audit=fields.flag("audit"),
        encryption=fields.flag("encryption"),
        reason=fields.text("reason") or "",
    )
    if not (fields.has("networks") or fields.has("services")):
        fields.problems.add(fields.place("networks"), "is missing: name `networks` or `services`")
    return rule


def _warn(fields: Fields) -> Warn:
    return Warn(
        cross_network=fields.flag("cross_network"),
        except_=_entries(fields, "except"),
        reason=fields.text("reason") or "",
    )


def _entries(fields: Fields, name: str) -> tuple[str, ...]:
    return tuple(dict.fromkeys(fields.each(name, as_entry, _ENTRY)))


def as_entry(value: Json) -> str | None:
    """A name as rules have them, or None."""
    if not isinstance(value, str) or value == "external:":
        return None
    return value if value == ANYTHING or value.startswith("external:") else as_name(value)
