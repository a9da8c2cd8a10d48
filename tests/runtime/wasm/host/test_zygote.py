"""The zygote and its workers as processes: who starts whom, and who outlives nobody."""

import asyncio
import os
import resource
import signal
import subprocess
import sys
import time
from contextlib import suppress
from pathlib import Path

import pytest

from catalog.errors import Unavailable
from runtime.wasm.launch import Abi, Launch
from tests.runtime.wasm.lab import PATIENCE, Lab, ask, begin, processes_of
from tests.runtime.wasm.modules_in_wat import REACTOR, SLEEP, SPIN

pytestmark = pytest.mark.asyncio(loop_scope="module")


async def until_gone(pids: set[int], seconds: float) -> None:
    async with asyncio.timeout(seconds):
        while any(is_running(pid) for pid in pids):
            await asyncio.sleep(0.005)


def parent_of(pid: int) -> int:
    return int(Path(f"/proc/{pid}/stat").read_text(encoding="ascii").rpartition(")")[2].split()[1])


def is_running(pid: int) -> bool:
    with suppress(OSError):
        return Path(f"/proc/{pid}/stat").read_text(encoding="ascii").rpartition(")")[2].split()[0] != "Z"
    return False


async def test_the_daemon_has_one_child_and_workers_are_the_zygotes(lab: Lab) -> None:
    replicas = [await lab.start(REACTOR) for _ in range(3)]
    (zygote,) = {parent_of(each.pid) for each in replicas}
    assert zygote in processes_of(os.getpid())
    assert all(os.getpgid(each.pid) == each.pid for each in replicas), "each is a process group"
    for each in replicas:
        await each.stop(1)


async def test_when_the_zygote_dies_its_workers_do_and_the_next_launch_starts_another(lab: Lab) -> None:
    replica = await lab.start(REACTOR)
    zygote = parent_of(replica.pid)
    looping, behind = begin(replica, b"l"), begin(replica, b"e")
    os.kill(zygote, signal.SIGKILL)
    assert (await replica.ended()).trap == "ZYGOTE_DOWN"
    assert getattr(await looping, "code", None) == "GUEST_GONE"
    assert getattr(await behind, "code", None) == "GUEST_NOT_BEGUN"
    await until_gone({zygote, replica.pid}, 2)
    again = await lab.start(REACTOR)
    assert await ask(again, b"again") == b"again"
    await again.stop(1)


async def test_a_launch_that_is_cancelled_leaves_no_worker(lab: Lab) -> None:
    (await lab.start(REACTOR)).kill()
    module = REACTOR.replace(
        '(func (export "fabric_free")', '(func $i (loop $l (br $l))) (start $i) (func (export "fabric_free")'
    )
    await lab.compile(module)
    before = set(processes_of(os.getpid()))
    launching = asyncio.ensure_future(lab.start(module))
    await asyncio.sleep(0.1)
    launching.cancel()
    with suppress(asyncio.CancelledError):
        await launching
    await until_gone(set(processes_of(os.getpid())) - before, PATIENCE)


DAEMON = """
import asyncio, os, sys
from pathlib import Path
from samples.services.hostile.modules import compile_bomb
from tests.runtime.wasm.lab import Lab, processes_of
from catalog.errors import Unavailable
from runtime.wasm.launch import Abi
from tests.runtime.wasm.modules_in_wat import REACTOR, SLEEP, SPIN

async def main():
    lab = Lab(Path(sys.argv[1]))
    await lab.start(SPIN, Abi.COMMAND)
    await lab.start(SLEEP, Abi.COMMAND)
    stopped = await lab.start(REACTOR, cpu=0.1)
    stopped.submit(b"l", print)
    compiling = asyncio.ensure_future(lab.compile(compile_bomb()))
    while len(processes_of(os.getpid())) < 5:
        await asyncio.sleep(0.01)
    print("started", flush=True)
    await asyncio.sleep(60)

asyncio.run(main())
"""


@pytest.mark.promise("G5", count=20)
async def test_a_daemon_that_is_killed_leaves_nobody(lab: Lab) -> None:
    """Guests that spin, sleep and stand still for their CPU share: twenty daemons."""
    for module in (SPIN, SLEEP, REACTOR):
        await lab.compile(module)
    for round_ in range(20):
        daemon = await asyncio.to_thread(start_daemon, lab.folder)
        assert daemon.stdout is not None
        line = await asyncio.to_thread(daemon.stdout.readline)
        assert line == b"started\n", f"round {round_}"
        family = set(processes_of(daemon.pid))
        assert len(family) == 5, "a zygote, three workers and a compilation"
        daemon.kill()
        began = time.perf_counter()
        await until_gone(family, 2)
        assert time.perf_counter() - began < 2
        daemon.stdout.close()
        await asyncio.to_thread(daemon.wait)


def start_daemon(folder: Path) -> subprocess.Popen[bytes]:
    root = Path(__file__).parents[4]
    return subprocess.Popen([sys.executable, "-c", DAEMON, str(folder)], stdout=subprocess.PIPE, cwd=root)


async def test_idle_workers_cost_nothing(lab: Lab) -> None:
    replicas = [await lab.start(REACTOR) for _ in range(10)]
    for each in replicas:
        await ask(each, b"e")
    await asyncio.sleep(0.05)
    before = [each.usage().cpu_ns for each in replicas]
    ours = time.process_time()
    await asyncio.sleep(0.5)
    assert [each.usage().cpu_ns for each in replicas] == before
    assert time.process_time() - ours < 0.01
    for each in replicas:
        await each.stop(1)


async def test_without_descriptors_nothing_is_launched_and_nothing_leaks(lab: Lab) -> None:
    replica = await lab.start(REACTOR)
    launch = Launch(service="s", instance="i", abi=Abi.REACTOR, compiled=(await lab.compile(REACTOR)).path)
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    before = open_files()
    family = set(processes_of(os.getpid()))
    free = [number for number in range(soft) if number not in before]
    for spare in range(10):
        resource.setrlimit(resource.RLIMIT_NOFILE, (free[spare], hard))
        try:
            with pytest.raises(Unavailable) as caught:
                await lab.launcher.launch(launch, output=lambda stream, piece: None, outgoing=None, timeout=5)
        finally:
            resource.setrlimit(resource.RLIMIT_NOFILE, (soft, hard))
        assert caught.value.code == "ZYGOTE_DOWN"
        await asyncio.sleep(0.01)
        assert open_files() == before, f"with {spare}"
    await until_gone(set(processes_of(os.getpid())) - family, PATIENCE)
    assert await ask(replica, b"e") == b"e"
    await replica.stop(1)


def open_files() -> set[int]:
    """All but the one by which we look."""
    return {int(each.name) for each in Path("/proc/self/fd").iterdir() if each.exists()}
