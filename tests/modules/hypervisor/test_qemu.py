"""The driver `libvirt` at a real libvirtd, with real QEMU machines under software emulation."""

import asyncio
import uuid
from collections.abc import Callable, Iterator

import pytest

from api.cli.demo.vm.host import Host
from catalog.errors import FabricError
from catalog.jsonvalue import Json
from catalog.provider import Ports, Target
from tests.modules.asking import ask, controller, opened
from tests.modules.hypervisor.changing import apply, drifted, plan
from tests.modules.peers.libvirtd import VERSION

pytestmark = pytest.mark.xdist_group("libvirtd")


def covers(operation: str) -> pytest.MarkDecorator:
    """The test has the driver carry that out."""
    return pytest.mark.covers(f"hypervisor.vm.{operation}", driver="libvirt", peer="libvirtd with QEMU")


class Machine:
    """A machine of this test's own, whose guest is up."""

    def __init__(self, host: Host, name: str, vm_id: str) -> None:
        self.host, self.name, self.vm_id = host, name, vm_id
        self.target = controller("libvirt", {"uri": "qemu:///session", "socket": str(host.socket)})

    async def until(self, what: Callable[[], bool]) -> None:
        """Until it is so."""
        async with asyncio.timeout(15):
            while not what():
                await asyncio.sleep(0.02)

    async def up(self, starts: int = 1) -> "Machine":
        """Once its guest has said so often that it is up."""
        await self.until(lambda: self.host.starts(self.name) >= starts)
        return self

    def snapshots(self) -> list[str]:
        """As libvirt's own command line lists them."""
        return self.host.virsh("snapshot-list", self.name, "--name").split()

    def state(self) -> str:
        """As libvirt's own command line says, with the reason."""
        return self.host.virsh("domstate", self.name, "--reason").strip()


@pytest.fixture
def add(host: Host, record_property: Callable[[str, object], None]) -> Iterator[Callable[..., Machine]]:
    record_property("peer_version", VERSION)
    made: list[Machine] = []

    def add(format: str = "qcow2") -> Machine:
        name = f"m{uuid.uuid4().hex[:8]}"
        made.append(Machine(host, name, host.add(name, format=format)))
        return made[-1]

    yield add
    for each in made:
        # Not waited for, and not forgotten: that takes two seconds each.
        host.kill(each.name)


async def _get(machine: Machine, real: Ports) -> Json:
    return await ask("hypervisor.vm.get", machine.target, real, vm_id=machine.name)


async def _planned_and_applied(operation: str, machine: Machine, real: Ports, **params: Json) -> Json:
    name = f"hypervisor.vm.{operation}"
    change = await plan(name, machine.target, real, vm_id=machine.name, **params)
    assert await drifted(name, change, machine.target, real) is None
    return await apply(name, change, machine.target, real)


@covers("get")
@covers("list")
async def test_a_machine_is_looked_at_and_listed(add: Callable[..., Machine], real: Ports) -> None:
    machine = await add().up()
    found = await _get(machine, real)
    listed = await ask("hypervisor.vm.list", machine.target, real)
    assert (found["vm_id"], found["state"], found["reason"]) == (machine.vm_id, "running", None)
    assert (found["cpus"], found["memory_bytes"], found["snapshots"]) == (1, 16 * 1024 * 1024, [])
    (entry,) = [each for each in listed["machines"] if each["vm_id"] == machine.vm_id]
    assert entry == {name: found[name] for name in entry}


@covers("stop")
@covers("start")
async def test_a_machine_is_powered_off_and_on(add: Callable[..., Machine], real: Ports) -> None:
    machine = await add().up()
    assert (await _planned_and_applied("stop", machine, real))["state"] == "off"
    assert machine.state() == "shut off (destroyed)"
    assert (await _get(machine, real))["reason"] == "it was powered off"
    assert (await _planned_and_applied("start", machine, real))["state"] == "running"
    await machine.up()
    assert machine.state() == "running (booted)"


@covers("shutdown")
async def test_a_guest_that_is_asked_shuts_down(add: Callable[..., Machine], real: Ports) -> None:
    machine = await add().up()
    outcome = await _planned_and_applied("shutdown", machine, real)
    assert outcome["asked"] is True
    await machine.until(lambda: machine.state() == "shut off (shutdown)")
    assert (await _get(machine, real))["reason"] == "it was shut down"


@covers("reboot")
async def test_a_guest_that_is_asked_starts_again(add: Callable[..., Machine], real: Ports) -> None:
    machine = await add().up()
    before = await _get(machine, real)
    assert (await _planned_and_applied("reboot", machine, real))["asked"] is True
    await machine.up(2)
    assert (await _get(machine, real))["number"] == before["number"]


@covers("snapshot")
async def test_a_running_machine_is_kept_with_its_memory(add: Callable[..., Machine], real: Ports) -> None:
    machine = await add().up()
    wanted = {"vm_id": machine.vm_id, "label": "before <update> & more", "include_memory": True}
    change = await plan("hypervisor.vm.snapshot", machine.target, real, **wanted)
    assert change.summary == (
        f"Take snapshot `before <update> & more` of virtual machine `{machine.name}`, which is running: "
        "its memory, disk `vda`."
    )
    assert (change.before["snapshots"], change.after["snapshots"]) == ([], ["before <update> & more"])
    first = await apply("hypervisor.vm.snapshot", change, machine.target, real)
    again = await apply("hypervisor.vm.snapshot", change, machine.target, real)
    assert (first["taken"], first["memory"], first["disks"], again["taken"]) == (True, True, ("vda",), False)
    listed = machine.host.virsh("snapshot-list", machine.name, "--name").splitlines()
    assert [each.strip() for each in listed if each.strip()] == ["before <update> & more"]
    assert "<memory snapshot='internal'/>" in machine.host.virsh("snapshot-dumpxml", machine.name, listed[0].strip())
    with pytest.raises(FabricError) as told:
        await apply("hypervisor.vm.snapshot", change, machine.target, real, change_id="another")
    assert told.value.code == "TARGET_REFUSED"


@covers("snapshot")
async def test_a_running_machine_is_kept_without_its_memory(add: Callable[..., Machine], real: Ports) -> None:
    machine = await add().up()
    outcome = await _planned_and_applied("snapshot", machine, real)
    assert outcome["memory"] is False
    assert machine.snapshots() == [outcome["snapshot"]]
    assert machine.state() == "running (booted)"
    assert f".{outcome['snapshot']}" in machine.host.virsh("domblklist", machine.name)


@covers("snapshot")
async def test_a_machine_that_is_off_is_kept_inside_its_disk(add: Callable[..., Machine], real: Ports) -> None:
    machine = await add().up()
    await _planned_and_applied("stop", machine, real)
    change = await plan(
        "hypervisor.vm.snapshot", machine.target, real, vm_id=machine.name, label="cold", include_memory=True
    )
    assert change.summary.endswith("which is off: disk `vda`; it is off, so there is no memory to keep.")
    await apply("hypervisor.vm.snapshot", change, machine.target, real)
    assert machine.snapshots() == ["cold"]
    assert "vda" in machine.host.virsh("domblklist", machine.name)
    assert ".cold" not in machine.host.virsh("domblklist", machine.name)
    with pytest.raises(FabricError) as told:
        await plan("hypervisor.vm.snapshot", machine.target, real, vm_id=machine.name, label="cold")
    assert told.value.code == "SNAPSHOT_EXISTS"


async def test_memory_that_no_disk_can_hold_is_refused_as_it_is_planned(
    add: Callable[..., Machine], real: Ports
) -> None:
    machine = await add("raw").up()
    with pytest.raises(FabricError) as told:
        await plan("hypervisor.vm.snapshot", machine.target, real, vm_id=machine.name, include_memory=True)
    assert told.value.code == "TARGET_REFUSED"
    assert "its disk `vda` is raw, and only qcow2 holds it" in told.value.message
    assert machine.snapshots() == []


async def test_whoever_stops_the_machine_meanwhile_makes_every_change_drift(
    add: Callable[..., Machine], real: Ports
) -> None:
    machine = await add().up()
    changes = {
        name: await plan(f"hypervisor.vm.{name}", machine.target, real, vm_id=machine.name)
        for name in ("snapshot", "stop", "shutdown", "reboot")
    }
    machine.host.virsh("destroy", machine.name)
    for name, change in changes.items():
        assert (await drifted(f"hypervisor.vm.{name}", change, machine.target, real))["state"] == "off"
    start = await plan("hypervisor.vm.start", machine.target, real, vm_id=machine.name)
    machine.host.remove(machine.name)
    assert await drifted("hypervisor.vm.start", start, machine.target, real) == {"state": "gone"}


async def test_another_snapshot_meanwhile_makes_a_snapshot_drift(add: Callable[..., Machine], real: Ports) -> None:
    machine = await add().up()
    change = await plan("hypervisor.vm.snapshot", machine.target, real, vm_id=machine.name, label="mine")
    machine.host.virsh("snapshot-create-as", machine.name, "theirs")
    present = await drifted("hypervisor.vm.snapshot", change, machine.target, real)
    assert present["snapshots"] == ["theirs"]


async def test_a_machine_whose_process_is_killed_is_a_device_that_crashed(
    add: Callable[..., Machine], real: Ports
) -> None:
    machine = await add().up()

    def device(target: Target) -> Json:
        return opened(target, real).devices()

    (before,) = [each for each in await device(machine.target) if each.device_id == machine.vm_id]
    machine.host.kill(machine.name)
    await machine.until(lambda: machine.state().startswith("shut off"))
    (after,) = [each for each in await device(machine.target) if each.device_id == machine.vm_id]
    assert (before.online, before.reason) == (True, None)
    assert (after.online, after.reason) == (False, "it crashed: its process ended by itself")
    assert after.facts == before.facts
