"""The one list: what the seed's tables name is there, with the seed's permissions, and says what is missing."""

import pytest

from catalog.catalog import Catalog
from catalog.registry import Registry
from runtime.providers import NATIVE

SEED = {
    "cameras.snapshot": (False, "cameras.view"),
    "network.client.list": (False, "network.view"),
    "voip.phone.live_status": (False, "voip.view"),
    "firewall.search_alerts": (False, "firewall.view_logs"),
    "storage.health": (False, "storage.view"),
    "storage.store_blob": (True, "storage.write"),
    "hypervisor.vm.snapshot": (True, "hypervisor.manage_snapshots"),
    "hypervisor.vm.start": (True, "hypervisor.manage_vms"),
    "hypervisor.vm.stop": (True, "hypervisor.manage_vms"),
    "hypervisor.vm.shutdown": (True, "hypervisor.manage_vms"),
    "hypervisor.vm.reboot": (True, "hypervisor.manage_vms"),
    "fabric.notify": (False, None),
    "fabric.log": (False, None),
    "fabric.webhook": (False, None),
}

EVENTS = {
    *(f"controller.change.{state}" for state in ("staged", "applied", "failed", "applying", "unknown", "drifted")),
    *(f"controller.change.{state}" for state in ("rejected", "expired", "superseded")),
    *("device.status.changed", "device.discovered", "device.updated", "ingest.external"),
    *("cameras.event.motion", "cameras.event.person", "camera.status.online", "camera.status.offline"),
    *("camera.snapshot.captured", "gateway.sync.completed", "gateway.brain.offline", "storage.pool.degraded"),
    *("storage.capacity.warning", "backup.validation.failed", "ai.budget.warning"),
    *(f"network.{kind}.{verb}" for kind in ("vlan", "wifi") for verb in ("created", "updated", "deleted")),
}

PICTURES = {"cameras.event.motion", "cameras.event.person", "camera.snapshot.captured"}


@pytest.fixture(scope="module")
def catalog() -> Catalog:
    return Registry(NATIVE).current()


def test_every_operation_of_the_seed_is_declared_as_the_seed_says(catalog: Catalog) -> None:
    found = {op.id: (op.write, op.permission) for op in catalog.operations.values()}
    assert {key: found[key] for key in SEED} == SEED


def test_every_event_of_the_seed_is_declared(catalog: Catalog) -> None:
    assert {name for name in catalog.events if not name.startswith("runtime.")} == EVENTS
    assert {name for name, spec in catalog.events.items() if spec.produces == "image/jpeg"} == PICTURES


def test_every_operation_and_event_of_the_seed_has_what_carries_it_out(catalog: Catalog) -> None:
    registry = Registry(NATIVE)
    registry.current()
    assert [op.id for op in catalog.operations.values() if op.driver_missing] == []
    for name in SEED:
        assert registry.get_code(name) is not None


def test_the_assistant_is_never_given_what_sends_data_out(catalog: Catalog) -> None:
    given = {tool["operation_id"] for tool in catalog.ai_tools}
    for name in ("fabric.webhook", "fabric.notify"):
        assert not catalog.operations[name].ai
        assert name not in given
    assert {"fabric.log", "storage.health", "services.logs", "daemon.info"} <= given


def test_every_schema_refuses_fields_it_does_not_know_and_every_entry_has_words(catalog: Catalog) -> None:
    for op in catalog.operations.values():
        assert op.input_schema["additionalProperties"] is False
        assert op.output_schema["additionalProperties"] is False
        assert op.title
        assert not op.title.endswith(".")
    for spec in catalog.events.values():
        assert spec.payload_schema["additionalProperties"] is False
        assert spec.title
        assert spec.module


def test_every_write_names_its_controller(catalog: Catalog) -> None:
    for op in catalog.operations.values():
        if op.write:
            assert "controller_id" in op.input_schema["required"]
            assert op.input_schema["properties"]["controller_id"]["format"] == "uuid"


def test_secrets_may_stand_where_the_schema_says_so(catalog: Catalog) -> None:
    webhook = catalog.operations["fabric.webhook"].input_schema["properties"]
    assert webhook["url"]["x-fabric-secret"] is True
    assert webhook["url"]["format"] == "uri"
    assert webhook["headers"]["x-fabric-headers"] is True
    assert webhook["headers"]["additionalProperties"]["x-fabric-secret"] is True
    channels = catalog.operations["fabric.notify"].input_schema["properties"]["channels"]["properties"]
    assert channels["slack"]["properties"]["webhook_url"]["x-fabric-secret"] is True
    assert channels["webhook"]["properties"]["url"]["format"] == "uri"
