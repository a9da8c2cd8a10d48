"""Services with real guests: what they are given, how they end, what they cost."""

import asyncio
import os
from collections.abc import AsyncIterator

import psutil
import pytest

from catalog.errors import Forbidden
from catalog.jsonvalue import Json
from runtime.daemon.reading import read_service
from runtime.daemon.spec import VolumeSpec
from runtime.wasm.messages import GuestAnswer, decode_answer, encode_request
from tests.runtime.daemon.house import GUESTS, House, house, short_folder


@pytest.fixture
async def daemon() -> AsyncIterator[House]:
    with short_folder() as folder:
        async with house(folder) as made:
            yield made


async def ask(daemon: House, name: str, path: str, body: bytes = b"", method: bytes = b"GET") -> GuestAnswer:
    """One request through the router."""
    answered: asyncio.Future[bytes] = asyncio.get_running_loop().create_future()

    def done(answer: bytes | Exception) -> None:
        if isinstance(answer, bytes):
            answered.set_result(answer)
        else:
            answered.set_exception(answer)

    service = daemon.daemon.services.get(name)
    daemon.daemon.router.forward(service.id, encode_request(method, path.encode(), [], body), done)
    return decode_answer(await answered)


async def test_a_guest_has_its_environment_its_files_and_its_volumes_and_nothing_else(daemon: House) -> None:
    (daemon.folder / "motd").mkdir()
    (daemon.folder / "motd" / "greeting.txt").write_text("good morning")
    await daemon.daemon.volumes.create(VolumeSpec(name="data", size=1 << 20))
    await daemon.service("hello", environment={"LEVEL": "debug"}, volumes=["data:/data"])
    assert (await ask(daemon, "hello", "/env")).body == b'{"LEVEL": "debug"}\n'
    assert (await ask(daemon, "hello", "/file?name=a.txt", b"kept", b"POST")).status == 200
    assert (await ask(daemon, "hello", "/file?name=a.txt")).body == b"kept"
    assert (await ask(daemon, "hello", "/file?name=../a.txt")).status in (403, 404)
    await daemon.service("reader", files={str(daemon.folder / "motd"): "/data"})
    assert (await ask(daemon, "reader", "/file?name=greeting.txt")).body == b"good morning"
    assert (await ask(daemon, "reader", "/file?name=new", b"x", b"POST")).status == 403
    await daemon.service("none")
    assert (await ask(daemon, "none", "/file?name=a.txt")).status in (403, 404)
    assert (await ask(daemon, "none", "/env")).body == b"{}\n"


async def test_what_a_manifest_does_not_grant_is_refused_or_left_out_and_said(daemon: House) -> None:
    await daemon.daemon.volumes.create(VolumeSpec(name="data", size=1 << 20))
    with pytest.raises(Forbidden, match="no capability for `/else`"):
        await daemon.service("hello", volumes=["data:/else"])
    await daemon.service("greeter", "greeter", environment={"NAME": "x"})
    delivered = daemon.daemon.services.get("greeter").prepared
    assert delivered is not None
    if not delivered.launch.environment:
        assert any("`NAME`" in line for line in daemon.log("greeter"))
    await daemon.service("open", "greeter", environment={"NAME": "x"}, no_capabilities=True, volumes=["data:/else"])
    freed = daemon.daemon.services.get("open").prepared
    assert freed is not None
    assert freed.launch.environment == {"NAME": "x"}
    assert [each.guest for each in freed.launch.mounts if each.writable] == ["/else"]


async def test_a_worker_that_is_killed_comes_back_and_its_requests_go_elsewhere(daemon: House) -> None:
    service = await daemon.service("hello", replicas=2, restart={"backoff": "100ms"})
    pids = [each.pid for each in service.instances]
    asked = [asyncio.create_task(ask(daemon, "hello", "/sleep?ms=20")) for _ in range(16)]
    await asyncio.sleep(0.03)
    os.kill(pids[0] or 0, 9)
    answers = await asyncio.gather(*asked, return_exceptions=True)
    assert sum(isinstance(each, Exception) for each in answers) <= 1  # the one it was at
    await daemon.settled("hello")
    assert [each.restarts for each in service.instances] == [1, 0]
    last = service.instances[0].last_exit
    assert last is not None
    assert last.code == -9
    assert "service.stopped" in daemon.events()


async def test_a_command_runs_to_its_end_and_what_it_printed_is_kept(daemon: House) -> None:
    image = await daemon.module("once")
    service = await daemon.daemon.services.run_module(image, args=["hello"])
    await service.until(lambda: service.record.completed)
    assert (service.state, service.instances[0].state) == ("stopped", "completed")
    assert "argument 1: hello" in daemon.log(service.id)
    assert "once has started" in daemon.log(service.id)


async def test_a_command_that_fails_has_used_up_its_attempts(daemon: House) -> None:
    image = await daemon.module("once")
    spec = {"restart": {"policy": "on-failure", "max_attempts": 2, "backoff": "20ms"}}
    found = daemon.daemon.services.get(await _create(daemon, image, ["exit", "7"], spec))
    await found.until(lambda: found.state == "failed")
    last = found.instances[0].last_exit
    assert last is not None
    assert last.code == 7
    assert daemon.events().count("service.stopped") == 3
    assert daemon.events()[-1] == "service.failed"


async def _create(daemon: House, image: str, args: list[str], fields: dict[str, Json]) -> str:
    document: dict[str, Json] = {"name": "job", "image": image, "args": args, **fields}
    return (await daemon.daemon.services.create(read_service(document))).id


async def test_a_health_check_by_command_and_over_http_finds_the_guest_well(daemon: House) -> None:
    service = await daemon.service("hello", health_check={"http": {"path": "/health", "interval": "1s"}})
    assert service.health == "healthy"
    assert daemon.daemon.health.history(service.id)[-1].status == "healthy"
    assert service.route.meter.sums().requests == 0
    image = await daemon.module("once")
    check = {"type": "exec", "command": ["selftest"], "interval": "1s"}
    job = await _create(daemon, image, ["stay", "50"], {"health_check": check})
    assert (await daemon.settled(job)).health == "healthy"
    assert daemon.daemon.health.history(job)[0].detail is None


async def test_a_guest_that_is_not_well_is_restarted(daemon: House) -> None:
    image = await daemon.module("hello")
    check = {"type": "http", "path": "/nowhere", "interval": "100ms", "retries": 2}
    spec = read_service(
        {"name": "ill", "image": image, "health_check": check, "restart": {"max_attempts": 1, "backoff": "10ms"}}
    )
    service = await daemon.daemon.services.create(spec)
    await daemon.daemon.services.settled(service.id, 10)
    assert service.state == "failed"
    assert service.reason is not None
    assert "its health check fails" in service.reason


async def test_what_a_service_uses_is_told(daemon: House) -> None:
    service = await daemon.service("hello", resources={"memory": "64Mi", "cpu": 1.0})
    for _ in range(5):
        await ask(daemon, "hello", "/bytes?n=1000")
    await ask(daemon, "hello", "/grow?mb=8")
    await ask(daemon, "hello", "/spin?ms=200")
    await ask(daemon, "hello", "/nowhere")
    stats = daemon.daemon.services.stats("hello")
    assert stats.requests == 8
    assert stats.by_class == {"2xx": 7, "4xx": 1}
    assert stats.tx_bytes > 5000
    assert stats.rx_bytes > 8 * 10
    assert stats.memory_usage > 8 << 20
    assert stats.memory_limit == 64 << 20
    assert 0 < stats.memory_percentage < 100
    assert stats.cpu_usage > 0
    assert (stats.in_flight, stats.queued, stats.replicas.running) == (0, 0, 1)
    assert service.totals.now([slot.replica for slot in service.slots if slot.replica]).cpu_ns > 10e6


async def test_the_memory_limit_holds(daemon: House) -> None:
    await daemon.service("hello", resources={"memory": "8Mi"})
    answer = await ask(daemon, "hello", "/grow?mb=64")
    assert answer.status == 507
    assert daemon.daemon.services.stats("hello").memory_usage <= 8 << 20


async def test_idle_services_cost_nothing(daemon: House) -> None:
    image = await daemon.module("greeter")
    names = [f"s{number}" for number in range(40)]
    for name in names:
        await daemon.daemon.services.create(
            read_service({"name": name, "image": image, "resources": {"memory": "16Mi"}, "health_check": None})
        )
    for name in names:
        await daemon.settled(name)
    await asyncio.sleep(0.3)
    before = os.times()
    await asyncio.sleep(2.0)
    after = os.times()
    assert (after.user - before.user) + (after.system - before.system) < 0.04


async def test_everything_comes_back_after_the_daemon_was_stopped() -> None:
    with short_folder() as folder:
        async with house(folder) as daemon:
            await daemon.daemon.volumes.create(VolumeSpec(name="data", size=1 << 20))
            await daemon.service("hello", volumes=["data:/data"], replicas=2)
            await ask(daemon, "hello", "/file?name=a.txt", b"kept", b"POST")
            first = {slot.replica.pid for slot in daemon.daemon.services.get("hello").slots if slot.replica}
        assert not any(psutil.pid_exists(pid) for pid in first)
        async with house(folder) as daemon:
            service = await daemon.settled("hello")
            assert service.counts.healthy == 2
            assert (await ask(daemon, "hello", "/file?name=a.txt")).body == b"kept"
            assert any("takes the service up" in line for line in daemon.log("hello"))


def zygotes() -> set[psutil.Process]:
    """Those of this process: other daemons of the same test run have theirs."""
    return {each for each in psutil.Process().children() if "zygote" in " ".join(each.cmdline())}


async def test_all_come_back_when_the_process_that_forks_workers_is_killed(daemon: House) -> None:
    names = ("a", "b", "c")
    others = zygotes()
    for name in names:
        await daemon.service(name, restart={"backoff": "50ms"})
    [zygote] = zygotes() - others
    zygote.kill()
    for name in names:
        service = daemon.daemon.services.get(name)
        await service.until(lambda service=service: service.instances[0].restarts > 0)  # type: ignore[misc]  # bound now
        await daemon.settled(name)
        assert (await ask(daemon, name, "/")).status == 200


async def test_a_guest_that_never_gets_ready_does_not_hold_up_its_deletion(daemon: House) -> None:
    wasm = GUESTS / "hostile" / "start-loop.wasm"
    info = await asyncio.to_thread(daemon.daemon.modules.add, wasm, "start-loop:1.0.0")
    spec = read_service({"name": "stuck", "image": info.reference, "type": "http"})
    service = await daemon.daemon.services.create(spec)
    await service.until(lambda: service.prepared is not None)
    await asyncio.sleep(0.2)
    assert service.state == "starting"
    async with asyncio.timeout(2):
        await daemon.daemon.services.delete("stuck")
    assert daemon.daemon.services.find("stuck") is None
