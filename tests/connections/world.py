"""The world that the compiler's tests live in: our own catalog, an org-admin, and two controllers."""

from functools import cache

from catalog.authority import Author
from catalog.catalog import Catalog
from catalog.events import EventSpec
from catalog.jsonvalue import Json
from catalog.operations import Operation
from catalog.registry import Registry
from runtime.providers import NATIVE

OURS = "3f2b8a52-0d1e-4c55-9a77-5f8f3c1f0a01"
THEIRS = "99999999-0d1e-4c55-9a77-5f8f3c1f0a99"


class _Controllers:
    def owner(self, controller_id: str) -> str | None:
        return {OURS: "org-1", THEIRS: "org-2"}.get(controller_id)


CONTROLLERS = _Controllers()
AUTHOR = Author(
    identity="ada",
    organisation_id="org-1",
    org_admin=True,
    permissions=frozenset(
        {"cameras.view", "network.view", "storage.view", "storage.write", "firewall.view_logs", "hypervisor.manage_vms"}
    ),
)


@cache
def native_catalog() -> Catalog:
    """The catalog of the native providers."""
    return Registry(NATIVE).current()


def small_catalog(*operations: Operation, payload: Json | None = None) -> Catalog:
    """A catalog with these operations and the one event `test.event` of that payload schema."""
    event = EventSpec(event_type="test.event", title="Something", payload_schema={} if payload is None else payload)
    return Catalog(operations, (event,))


def operation(name: str, properties: Json | None = None, **facts: Json) -> Operation:
    """An operation whose parameters are these properties, all optional unless `required` names them."""
    required = facts.pop("required", [])
    schema = {
        "type": "object",
        "properties": properties or {},
        "required": required,
        "additionalProperties": properties is None,
    }
    return Operation(id=name, title=name, input_schema=schema, **facts)
