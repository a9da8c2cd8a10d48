"""Schema: every section and field of a project file; what is not there is taken out and said.

A field maps to FREE (whatever stands there is its reader's to judge), IDLE (kept, but this daemon does nothing about
it), a dict (a table of these fields), Each (a table of tables with free names) or Rows (a list of tables).
"""

from collections.abc import Mapping
from typing import Final

from catalog.jsonvalue import Json
from runtime.daemon.mortar.problems import Findings
from runtime.forms.fields import unknown


class Free:
    """Any value."""


class Idle:
    """Any value, kept and not acted on."""


class Each:
    """A table whose keys are names, each with such a table."""

    def __init__(self, fields: "Fields") -> None:
        self.fields = fields


class Rows:
    """A list of such tables."""

    def __init__(self, fields: "Fields") -> None:
        self.fields = fields


Fields = dict[str, "Free | Idle | Each | Rows | dict[str, Json]"]

FREE: Final = Free()
IDLE: Final = Idle()


def _free(*names: str) -> Fields:
    return dict.fromkeys(names, FREE)


def _idle(*names: str) -> Fields:
    return dict.fromkeys(names, IDLE)


_PROBING = ("interval", "timeout", "retries")
_BACKUP = _free("enabled", "schedule", "retention", "destination")
_REPLICAS = _free("min", "max", "cpu_threshold", "in_flight_threshold", "scale_up_cooldown", "scale_down_cooldown")
_RESOURCES = _free("memory", "cpu")

_SHORT = frozenset({"replicas", "restart", "restart_policy"})
"""Tables that may be written as one value: their reader judges it."""

SERVICE: Fields = {
    **_free("build", "image", "name", "version", "type", "networks", "depends_on", "environment", "files", "labels"),
    **_free("ports", "args", "egress_locked", "description", "volumes", "no_capabilities"),
    "resources": _RESOURCES,
    "replicas": _REPLICAS,
    "health_check": {
        "http": _free("path", "port", "method", "expected_status", *_PROBING),
        "tcp": _free("port", *_PROBING),
        "exec": _free("command", *_PROBING),
        **_free("type", "path", "port", "method", "expected_status", "command", *_PROBING),
    },
    "restart": _free("policy", "max_attempts", "backoff"),
    "restart_policy": _free("policy", "max_attempts", "backoff"),
    "imports": Each(_idle("service", "interface")),
    "exports": _idle("interfaces"),
    "persistence": _idle("enabled", "strategy"),
    "backup": _idle("enabled", "schedule", "retention", "destination", "replicate"),
    "audit": _idle("enabled", "log_level", "pii_redact"),
    "security": {
        **_free("egress_locked", "tls_required", "read_only_root"),
        **_idle("secrets_encrypted", "user"),
    },
    "metrics": _idle("enabled", "path", "port"),
    "ingress": _idle("host", "path", "tls", "paths"),
}

PROJECT: Fields = {
    "mortar_version": FREE,
    "project": _free("name", "version", "description", "authors"),
    "variable": Each(_free("type", "default", "description", "allowed_values")),
    "secret": Each(_free("provider", "path", "key", "name", "store", "property", "description")),
    "external_hosts": Each(_free("hosts", "tls_required", "description")),
    "network": Each(
        {
            **_free("description", "internal", "isolated", "ingress", "egress", "ingress_only", "audit_all"),
            "encryption": FREE,
        }
    ),
    "service": Each(SERVICE),
    "volume": Each(
        {
            **_free("size", "type", "access_mode", "encrypted", "description"),
            "storage_class": IDLE,
            "backup": _BACKUP,
        }
    ),
    "policy": Each(
        {
            "description": FREE,
            "deny": Rows(_free("from", "to", "except", "reason")),
            "require": Rows(_free("networks", "services", "tls", "audit", "encryption", "reason")),
            "warn": Rows(_free("cross_network", "except", "reason")),
        }
    ),
    "validate": {
        **_free("require_health_checks", "deny_wildcard_connect", "check_circular_dependencies"),
        **_idle("require_explicit_capabilities", "warn_on_old_wasm_versions", "scan_dependencies"),
    },
    "profile": Each(
        {
            **_free("description", "target"),
            **_idle("cluster", "namespace"),
            "overrides": FREE,
            "settings": _idle("high_availability", "enable_monitoring", "enable_tracing"),
            "approval": _idle("required_for", "approvers"),
        }
    ),
}
"""The whole file."""


def known_only(document: Mapping[str, Json], findings: Findings) -> dict[str, Json]:
    """The document without the fields that do not exist; each of these, and each that is kept idly, is told."""
    return _table(document, PROJECT, "", findings)


def check_override(table: Json, place: str, findings: Findings) -> dict[str, Json]:
    """A profile's table of a service's fields, likewise."""
    if not isinstance(table, Mapping):
        findings.error(place, "must be a table of a service's fields.")
        return {}
    return _table(table, SERVICE, place, findings)


def _table(table: Mapping[str, Json], fields: Fields, place: str, findings: Findings) -> dict[str, Json]:
    quiet = all(isinstance(each, Idle) for each in fields.values())
    kept: dict[str, Json] = {}
    for key, value in table.items():
        where = f"{place}.{key}" if place else key
        if key not in fields:
            _tell_unknown(key, where, place, fields, findings)
            continue
        # An idle table was told of as a whole.
        shape = fields[key]
        kept[key] = value if isinstance(shape, Idle) and quiet else _field(value, shape, where, findings)
    return kept


def _is_idle(shape: Json) -> bool:
    inner = shape.fields if isinstance(shape, Each) else shape
    return isinstance(inner, Idle) or (
        isinstance(inner, dict) and all(isinstance(each, Idle) for each in inner.values())
    )


def _field(value: Json, shape: Json, where: str, findings: Findings) -> Json:
    if _is_idle(shape):
        findings.warning(where, "is parsed, not acted on by this daemon.")
    if isinstance(shape, Rows) and isinstance(value, list):
        return [_inner(each, shape.fields, f"{where}[{at}]", findings) for at, each in enumerate(value)]
    if not isinstance(shape, dict | Each):
        return value
    if not isinstance(value, Mapping):
        if where.rpartition(".")[2] in _SHORT:
            return value
        findings.error(where, "must be a table.")
        return {}
    if isinstance(shape, Each):
        return {name: _inner(each, shape.fields, f"{where}.{name}", findings) for name, each in value.items()}
    return _table(value, shape, where, findings)


def _inner(value: Json, fields: Fields, where: str, findings: Findings) -> Json:
    if not isinstance(value, Mapping):
        findings.error(where, "must be a table.")
        return {}
    return _table(value, fields, where, findings)


def _tell_unknown(key: str, where: str, place: str, fields: Fields, findings: Findings) -> None:
    parts = place.split(".")
    if len(parts) > 2 and parts[0] == "service" and key in SERVICE:
        findings.error(
            where,
            f"is a field of the service, but stands below `[{place}]` and so belongs to that table: "
            f"write it above that header, right below `[service.{parts[1]}]`.",
        )
        return
    findings.unknown(where, f"{unknown(key, fields)}.")
