"""The driver `libvirt` at libvirt's own test driver: every operation, without a host."""

from collections.abc import Callable
from pathlib import Path

import msgspec
import pytest

from catalog.errors import FabricError
from catalog.jsonvalue import Json
from catalog.provider import Ports, Target
from tests.modules.asking import ask, controller, opened
from tests.modules.hypervisor.changing import apply, drifted, plan
from tests.modules.peers.libvirt_test_driver import MEDIA, NAS, VERSION, two_machines


def covers(operation: str) -> pytest.MarkDecorator:
    """The test has the driver carry that out."""
    return pytest.mark.covers(f"hypervisor.vm.{operation}", driver="libvirt", peer="libvirt's test driver")


@pytest.fixture
def host(tmp_path: Path, record_property: Callable[[str, object], None]) -> Target:
    record_property("peer_version", VERSION)
    return controller("libvirt", {"uri": two_machines(tmp_path)})


async def _state(host: Target, real: Ports, vm_id: str | int) -> Json:
    return (await ask("hypervisor.vm.get", host, real, vm_id=vm_id))["state"]


@covers("get")
@pytest.mark.parametrize("vm_id", ["nas", NAS, NAS.upper(), 1, "1"])
async def test_a_machine_is_found_by_name_uuid_and_number(vm_id: str | int, host: Target, real: Ports) -> None:
    assert await ask("hypervisor.vm.get", host, real, vm_id=vm_id) == {
        "vm_id": NAS,
        "name": "nas",
        "number": 1,
        "state": "running",
        "reason": None,
        "cpus": 2,
        "memory_bytes": 64 * 1024 * 1024,
        "snapshots": [],
        "snapshots_total": 0,
    }


@covers("get")
@pytest.mark.parametrize("vm_id", ["attic", 77, "77", "6a0b7c0e-1111-4a00-8000-0000000000ff"])
async def test_a_machine_that_is_not_there_is_told(vm_id: str | int, host: Target, real: Ports) -> None:
    with pytest.raises(FabricError) as told:
        await ask("hypervisor.vm.get", host, real, vm_id=vm_id)
    assert told.value.code == "TARGET_NOT_FOUND"
    assert told.value.message == f"Controller `peer` has no virtual machine `{vm_id}`."


@covers("list")
async def test_machines_are_listed_by_name_and_by_state(host: Target, real: Ports) -> None:
    every = await ask("hypervisor.vm.list", host, real)
    first = await ask("hypervisor.vm.list", host, real, limit=1)
    off = await ask("hypervisor.vm.list", host, real, state="off")
    assert [(each["name"], each["state"], each["number"]) for each in every["machines"]] == [
        ("media", "off", None),
        ("nas", "running", 1),
    ]
    assert (every["total"], every["truncated"]) == (2, False)
    assert (first["machines"], first["total"], first["truncated"]) == (every["machines"][:1], 2, True)
    assert [each["vm_id"] for each in off["machines"]] == [MEDIA]


async def test_a_long_list_is_cut_where_a_steps_output_ends(
    host: Target, real: Ports, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("runtime.providers.hypervisor.listing.ROOM", 250)
    found = await ask("hypervisor.vm.list", host, real)
    assert ([each["name"] for each in found["machines"]], found["total"], found["truncated"]) == (["media"], 2, True)


@covers("start")
async def test_a_machine_that_is_off_is_started(host: Target, real: Ports) -> None:
    change = await plan("hypervisor.vm.start", host, real, vm_id="media")
    assert (change.target_id, change.summary) == (MEDIA, "Start virtual machine `media`, which is off.")
    assert (change.before["state"], change.after) == ("off", {"name": "media", "state": "running"})
    assert await drifted("hypervisor.vm.start", change, host, real) is None
    outcome = await apply("hypervisor.vm.start", change, host, real)
    assert outcome == {"vm_id": MEDIA, "name": "media", "state": "running", "asked": False}
    assert await _state(host, real, "media") == "running"


@covers("stop")
async def test_a_machine_is_powered_off(host: Target, real: Ports) -> None:
    change = await plan("hypervisor.vm.stop", host, real, vm_id="nas")
    assert change.summary.startswith("Power virtual machine `nas` off at once, which is running;")
    outcome = await apply("hypervisor.vm.stop", change, host, real)
    assert outcome == {"vm_id": NAS, "name": "nas", "state": "off", "asked": False}
    found = await ask("hypervisor.vm.get", host, real, vm_id="nas")
    assert (found["state"], found["reason"], found["number"]) == ("off", "it was powered off", None)


@covers("shutdown")
async def test_a_machine_is_asked_to_shut_down(host: Target, real: Ports) -> None:
    change = await plan("hypervisor.vm.shutdown", host, real, vm_id="nas")
    assert (change.summary, change.after["state"]) == ("Ask virtual machine `nas` to shut down, now running.", "off")
    assert (await apply("hypervisor.vm.shutdown", change, host, real))["asked"] is True
    assert await _state(host, real, "nas") == "off"


@covers("reboot")
async def test_a_machine_is_asked_to_start_again(host: Target, real: Ports) -> None:
    change = await plan("hypervisor.vm.reboot", host, real, vm_id="nas")
    assert change.summary == "Restart virtual machine `nas`, now running."
    outcome = await apply("hypervisor.vm.reboot", change, host, real)
    assert (outcome["asked"], outcome["name"]) == (True, "nas")


@pytest.mark.parametrize(
    ("operation", "vm_id", "said"),
    [
        ("start", "nas", "`nas` is running; there is nothing to start."),
        ("stop", "media", "`media` is off; there is nothing to stop."),
        ("shutdown", "media", "`media` is off; there is nothing to shut down."),
        ("reboot", "media", "`media` is off; there is nothing to restart."),
    ],
)
async def test_what_makes_no_sense_is_not_even_staged(
    operation: str, vm_id: str, said: str, host: Target, real: Ports
) -> None:
    with pytest.raises(FabricError) as told:
        await plan(f"hypervisor.vm.{operation}", host, real, vm_id=vm_id)
    assert told.value.code == "MACHINE_STATE"
    assert told.value.message == f"Virtual machine {said}"


async def test_a_machine_that_was_moved_meanwhile_has_drifted(host: Target, real: Ports) -> None:
    reboot = await plan("hypervisor.vm.reboot", host, real, vm_id="nas")
    stop = await plan("hypervisor.vm.stop", host, real, vm_id="nas")
    await apply("hypervisor.vm.stop", stop, host, real)
    assert await drifted("hypervisor.vm.reboot", reboot, host, real) == {"vm_id": NAS, "state": "off", "number": None}


async def test_a_machine_that_runs_anew_is_not_the_run_that_was_planned_for(host: Target, real: Ports) -> None:
    reboot = await plan("hypervisor.vm.reboot", host, real, vm_id="nas")
    await apply("hypervisor.vm.stop", await plan("hypervisor.vm.stop", host, real, vm_id="nas"), host, real)
    await apply("hypervisor.vm.start", await plan("hypervisor.vm.start", host, real, vm_id="nas"), host, real)
    present = await drifted("hypervisor.vm.reboot", reboot, host, real)
    assert present["state"] == reboot.precondition["state"]
    assert present["number"] != reboot.precondition["number"]


async def test_machines_are_devices_and_the_controller_says_what_works(host: Target, real: Ports) -> None:
    media, nas = await opened(host, real).devices()
    assert (nas.device_id, nas.name, nas.kind, nas.online) == (NAS, "nas", "virtual machine", True)
    assert (media.online, nas.facts) == (False, {"cpus": 2, "memory_bytes": 64 * 1024 * 1024})
    assert [(each.name, each.ok) for each in await opened(host, real).check()] == [
        ("connect", True),
        ("list machines", True),
    ]


async def test_the_default_machine_is_one_for_the_whole_process(real: Ports) -> None:
    host = controller("libvirt", {"uri": "test:///default"})
    found = await ask("hypervisor.vm.list", host, real)
    assert [each["name"] for each in found["machines"]] == ["test"]


async def test_a_file_that_describes_no_host_is_not_quoted(real: Ports, tmp_path: Path) -> None:
    file = tmp_path / "secret.xml"
    file.write_text("canary: of somebody else\n")
    (connect,) = await opened(controller("libvirt", {"uri": f"test://{file}"}), real).check()
    assert not connect.ok
    assert "Start tag expected" in connect.detail or "start tag expected" in connect.detail
    assert "canary" not in connect.detail


@covers("snapshot")
async def test_a_snapshot_is_taken_once_for_a_change(host: Target, real: Ports) -> None:
    change = await plan("hypervisor.vm.snapshot", host, real, vm_id="nas", label="evening", include_memory=True)
    assert change.summary == "Take snapshot `evening` of virtual machine `nas`, which is running: its memory."
    assert await drifted("hypervisor.vm.snapshot", change, host, real) is None
    first = await apply("hypervisor.vm.snapshot", change, host, real)
    again = await apply("hypervisor.vm.snapshot", change, host, real)
    assert (first["snapshot"], first["taken"], again["taken"]) == ("evening", True, False)
    found = await ask("hypervisor.vm.get", host, real, vm_id="nas")
    assert (found["snapshots"], found["snapshots_total"]) == (["evening"], 1)


async def test_a_snapshot_without_a_label_has_the_same_name_when_it_is_planned_again(host: Target, real: Ports) -> None:
    params = {"vm_id": "nas", "include_memory": True}
    first = await plan("hypervisor.vm.snapshot", host, real, **params)
    again = await plan("hypervisor.vm.snapshot", host, real, **params)
    assert first == again
    assert first.request["snapshot"].startswith("fabric-")


async def test_a_label_is_one_line_of_text(host: Target, real: Ports) -> None:
    with pytest.raises(FabricError) as told:
        await plan("hypervisor.vm.snapshot", host, real, vm_id="nas", label="two\n", include_memory=True)
    assert told.value.code == "LABEL_INVALID"
    for label in ("../etc", ".hidden", "a/b", "-x", "a" * 65):
        with pytest.raises(msgspec.ValidationError):
            await plan("hypervisor.vm.snapshot", host, real, vm_id="nas", label=label)


async def test_where_nothing_can_be_kept_no_snapshot_is_planned(host: Target, real: Ports) -> None:
    with pytest.raises(FabricError) as told:
        await plan("hypervisor.vm.snapshot", host, real, vm_id="nas")
    assert told.value.code == "TARGET_REFUSED"
    assert "it has no disk that can be written" in told.value.message
