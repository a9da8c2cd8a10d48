"""Whatever stands where libvirtd should costs its own call, in its time and with a code."""

import asyncio
import os
import signal
import tempfile
import threading
import time
from collections.abc import Iterator
from pathlib import Path

import psutil
import pytest

from api.cli.demo.vm.host import Host
from catalog.errors import FabricError, TargetTimeout
from catalog.provider import Ports, Target
from tests.modules.asking import ask, controller, opened
from tests.modules.hypervisor.changing import apply, plan
from tests.modules.peers import hostile_socket
from tests.modules.peers.hostile_socket import Behaviour, gate, standing

OPERATION = "hypervisor.vm.list"


@pytest.fixture
def place() -> Iterator[Path]:
    """A socket's path, which has to be short."""
    with tempfile.TemporaryDirectory(prefix="fab-") as folder:
        yield Path(folder) / "s"


def _at(place: Path, seconds: float = 1.0) -> Target:
    settings = {"uri": "qemu:///system", "socket": str(place), "timeout_seconds": seconds}
    return controller("libvirt", settings, {"username": "ada", "password": "correct-horse"})


async def _refusal(target: Target, real: Ports) -> tuple[FabricError, float]:
    began = time.monotonic()
    with pytest.raises(FabricError) as told:
        await ask(OPERATION, target, real)
    assert "`peer`" in told.value.message
    assert "correct-horse" not in f"{told.value.message} {told.value.hint}"
    return told.value, time.monotonic() - began


@pytest.mark.parametrize(
    ("behaviour", "code"),
    [
        (hostile_socket.hangs_up, "TARGET_UNREACHABLE"),
        (hostile_socket.lies_about_its_length, "TARGET_UNREACHABLE"),
        (hostile_socket.talks_something_else, "TARGET_UNREACHABLE"),
        (hostile_socket.never_ends, "TARGET_UNREACHABLE"),
    ],
    ids=lambda given: getattr(given, "__name__", ""),
)
async def test_nonsense_is_refused_at_once(place: Path, real: Ports, behaviour: Behaviour, code: str) -> None:
    before = psutil.Process().memory_info().rss
    async with standing(place, behaviour):
        error, seconds = await _refusal(_at(place, 5.0), real)
    assert error.code == code
    assert seconds < 4
    assert psutil.Process().memory_info().rss - before < 64 * 1024 * 1024


async def test_where_nobody_is_the_socket_is_named(place: Path, real: Ports) -> None:
    error, _ = await _refusal(_at(place), real)
    assert (error.code, error.hint) == ("TARGET_UNREACHABLE", "Is libvirtd running there, and does it listen?")
    assert str(place) in error.message
    (check,) = await opened(_at(place), real).check()
    assert (check.ok, check.code) == (False, "TARGET_UNREACHABLE")


async def test_one_that_hangs_costs_each_call_its_own_time_and_one_thread(place: Path, real: Ports) -> None:
    threads = threading.active_count()
    async with standing(place, hostile_socket.hangs):
        began = time.monotonic()
        errors = await asyncio.gather(*(_refusal(_at(place, 0.3), real) for _ in range(8)))
        assert {error.code for error, _ in errors} == {"TARGET_TIMEOUT"}
        assert time.monotonic() - began < 2
        assert threading.active_count() <= threads + 1
        other = await ask(OPERATION, controller("libvirt", {"uri": "test:///default"}), real)
        assert other["total"] == 1
    # It hung up now: the thread is free, and the next call finds that nobody is there.
    async with asyncio.timeout(5):
        while (await _refusal(_at(place, 0.3), real))[0].code != "TARGET_UNREACHABLE":
            await asyncio.sleep(0.05)


@pytest.mark.xdist_group("libvirtd")
async def test_a_libvirtd_that_stops_answering_is_waited_for_no_longer_than_allowed(host: Host, real: Ports) -> None:
    target = _at(host.socket, 0.5)
    target = controller("libvirt", {**target.settings, "uri": "qemu:///session"})
    await ask(OPERATION, target, real)
    assert host.pid is not None
    os.kill(host.pid, signal.SIGSTOP)
    try:
        codes = [(await _refusal(target, real))[0].code for _ in range(5)]
    finally:
        os.kill(host.pid, signal.SIGCONT)
    assert codes == ["TARGET_TIMEOUT"] * 4 + ["TARGET_BUSY"]
    async with asyncio.timeout(5):
        while not await _works(target, real):
            await asyncio.sleep(0.05)


async def _works(target: Target, real: Ports) -> bool:
    try:
        await ask(OPERATION, target, real)
    except FabricError as error:
        assert error.code in ("TARGET_BUSY", "TARGET_TIMEOUT")
        return False
    return True


@pytest.mark.xdist_group("libvirtd")
async def test_a_connection_that_was_cut_is_opened_anew_once(host: Host, place: Path, real: Ports) -> None:
    target = controller("libvirt", {"uri": "qemu:///session", "socket": str(place)})
    async with gate(place, host.socket) as way:
        await ask(OPERATION, target, real)
        await ask(OPERATION, target, real)
        assert way.passed == 1
        way.cut()
        await ask(OPERATION, target, real)
        assert way.passed == 2


@pytest.mark.xdist_group("libvirtd")
async def test_a_write_finds_the_connection_cut_before_it_begins_and_is_done_once(
    host: Host, place: Path, real: Ports
) -> None:
    host.add("gated")
    target = controller("libvirt", {"uri": "qemu:///session", "socket": str(place)})
    async with gate(place, host.socket) as way:
        change = await plan("hypervisor.vm.stop", target, real, vm_id="gated")
        way.cut()
        outcome = await apply("hypervisor.vm.stop", change, target, real)
    assert (outcome["state"], way.passed) == ("off", 2)


@pytest.mark.xdist_group("libvirtd")
async def test_a_write_whose_answer_is_lost_is_not_done_again_and_its_end_is_not_known(
    host: Host, place: Path, real: Ports
) -> None:
    host.add("cut")
    target = controller("libvirt", {"uri": "qemu:///session", "socket": str(place)})
    async with gate(place, host.socket) as way:
        change = await plan("hypervisor.vm.stop", target, real, vm_id="cut")
        # The machine is found, and that it was powered off is never heard of.
        way.answers = 1
        applying = asyncio.create_task(apply("hypervisor.vm.stop", change, target, real))
        async with asyncio.timeout(10):
            while host.virsh("domstate", "cut").strip() != "shut off":
                await asyncio.sleep(0.05)
        way.cut()
        with pytest.raises(TargetTimeout) as told:
            await applying
    assert (told.value.code, way.passed) == ("TARGET_TIMEOUT", 1)
    assert "hung up before it answered" in told.value.message


@pytest.mark.xdist_group("libvirtd")
async def test_a_snapshot_may_last_longer_than_other_calls(host: Host, place: Path, real: Ports) -> None:
    host.add("slow")
    settings = {"uri": "qemu:///session", "socket": str(place), "timeout_seconds": 0.5}
    patient, hasty = (controller("libvirt", {**settings, "snapshot_seconds": each}) for each in (5.0, 0.5))
    async with gate(place, host.socket) as way:
        for target in (hasty, patient):
            label = f"within-{target.settings['snapshot_seconds']}"
            change = await plan("hypervisor.vm.snapshot", target, real, vm_id="slow", label=label, include_memory=True)
            way.delay = 0.3
            # Three answers: the machine, that it has no such snapshot, its description. Each comes late.
            if target is hasty:
                with pytest.raises(TargetTimeout):
                    await apply("hypervisor.vm.snapshot", change, target, real)
            else:
                assert (await apply("hypervisor.vm.snapshot", change, target, real))["taken"] is True
            way.delay = 0.0
    host.kill("slow")
