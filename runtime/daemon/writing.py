"""Writing: a ServiceSpec in the API's form, which `reading` takes back unchanged; and merge patches on that form."""

from collections.abc import Mapping

import msgspec

from catalog.jsonvalue import Json
from runtime.daemon.reading import read_service
from runtime.daemon.spec import Replicas, RestartPolicy, ServiceSpec
from runtime.forms.scalars import parse_duration, print_bytes, print_duration
from runtime.forms.workload import HealthCheck, Resources
from runtime.forms.workload_reading import HEALTH_FIELDS

HIDDEN = "********"
"""Stands for the value of a secret variable; sent back in a patch it means: as it is."""

_DURATIONS = frozenset({"interval", "timeout", "backoff", "scale_up_cooldown", "scale_down_cooldown"})


def write_service(spec: ServiceSpec, *, reveal: bool = False) -> dict[str, Json]:
    """The seed's request body for `spec`, without what was left open. `reveal` shows secrets: for our own use."""
    document: dict[str, Json] = {"name": spec.name, "image": spec.image}
    for name in spec.__struct_fields__:
        value = getattr(spec, name)
        if name in document or value is None or value in ((), {}, False, Resources()):
            continue
        document[name] = _write(value)
    if spec.environment and not reveal:
        document["environment"] = {
            name: HIDDEN if name in spec.secrets else spec.environment[name] for name in spec.environment
        }
    return document


def _write(value: Json) -> Json:
    if isinstance(value, Resources | Replicas | RestartPolicy):
        return _table(value)
    if isinstance(value, HealthCheck):
        names = ("type", *HEALTH_FIELDS[value.type])
        return {name: item for name, item in _table(value).items() if name in names}
    return msgspec.to_builtins(value)


def _table(value: msgspec.Struct) -> dict[str, Json]:
    table: dict[str, Json] = {}
    for name in value.__struct_fields__:
        item = getattr(value, name)
        if item is None:
            continue
        if name in _DURATIONS:
            item = write_duration(item)
        elif name == "memory":
            item = print_bytes(item, exact=True)
        table[name] = msgspec.to_builtins(item)
    return table


def write_duration(seconds: float) -> str | float:
    """As text where the text says all of it, else as a number of seconds."""
    text = print_duration(seconds)
    return text if parse_duration(text) == seconds else seconds


def merge_patch(target: Json, patch: Json) -> Json:
    """RFC 7396: tables are merged, null removes, everything else replaces."""
    if not isinstance(patch, Mapping):
        return patch
    merged = dict(target) if isinstance(target, Mapping) else {}
    for name, value in patch.items():
        if value is None:
            merged.pop(name, None)
        else:
            merged[name] = merge_patch(merged.get(name), value)
    return merged


def patched(spec: ServiceSpec, patch: Mapping[str, Json]) -> ServiceSpec:
    """`spec` with a merge patch of the API's or mortar's form laid over it. Raises Invalid INVALID_REQUEST."""
    document = write_service(spec, reveal=True)
    renamed = dict(patch)
    if "restart" in renamed and "restart_policy" not in renamed:
        renamed["restart_policy"] = renamed.pop("restart")
    check = renamed.get("health_check")
    if isinstance(check, Mapping) and not HEALTH_FIELDS.keys().isdisjoint(check):
        document.pop("health_check", None)  # the nested form names a whole check: nothing of the old one goes with it
    merged = merge_patch(document, renamed)
    environment = merged.get("environment")
    if isinstance(environment, dict):
        for name in spec.secrets:
            if environment.get(name) == HIDDEN:
                environment[name] = spec.environment[name]
        # A secret that the patch removed is no secret any more.
        if "secrets" not in patch:
            merged["secrets"] = [name for name in spec.secrets if name in environment]
    elif "secrets" not in patch:
        merged.pop("secrets", None)
    return read_service(merged)
