"""What guests ask for: other services, the world behind the guard, and nothing that they were not granted."""

import asyncio
import json
import shutil
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from aiohttp import web

from runtime.daemon.reading import read_service
from runtime.daemon.spec import NetworkSpec
from runtime.daemon.traffic.outgoing import HOPS_MOST
from runtime.wasm.messages import decode_answer, encode_request
from runtime.wasm.modules.building import build
from tests.runtime.daemon.house import GUESTS, House, Reply, fetch, free_port, house, short_folder


async def _call(daemon: House, url: str, *, of: str = "caller") -> Reply:
    """Have a calling guest ask for a URL."""
    port = daemon.daemon.services.get(of).spec.ports[0].host
    return await fetch(port, f"/call?url={url}")


@asynccontextmanager
async def _outside() -> AsyncIterator[tuple[int, list[web.BaseRequest]]]:
    """A server on this machine, which the guard has to be told of."""
    seen: list[web.BaseRequest] = []

    async def answer(request: web.BaseRequest) -> web.Response:
        seen.append(request)
        if request.path == "/large":
            return web.Response(body=bytes(3 << 20))
        return web.Response(text="from outside", headers={"X-Seen": "1"})

    runner = web.ServerRunner(web.Server(answer))
    await runner.setup()
    port = free_port()
    await web.TCPSite(runner, "127.0.0.1", port).start()
    try:
        yield port, seen
    finally:
        await runner.cleanup()


async def test_a_service_asks_another_by_its_name(daemon: House) -> None:
    await daemon.service("caller", "caller", ports=[free_port()])
    target = await daemon.service("hello", ports=[free_port()])
    reply = await _call(daemon, "http://hello/request?a=b")
    assert reply.json["status"] == 200
    told = json.loads(reply.json["body"])
    assert (told["path"], told["query"]) == ("/request", "a=b")
    assert told["headers"] == {"host": "hello", "x-fabric-from": "caller", "x-fabric-hops": "1"}
    assert (await _call(daemon, "http://hello:8080/")).json["status"] == 200
    assert target.route.meter.sums().requests == 2
    stats = daemon.daemon.services.stats("caller")
    assert stats.tx_bytes > 0


async def test_networks_decide_who_asks_whom(daemon: House) -> None:
    await daemon.daemon.networks.create(NetworkSpec(name="vault", internal=True))
    await daemon.service("caller", "caller", ports=[free_port()])
    await daemon.service("hello", networks=["vault"])
    refused = (await _call(daemon, "http://hello/")).json
    assert (refused["status"], refused["body"]) == (0, "FORBIDDEN")
    await daemon.daemon.services.patch("caller", {"networks": ["default", "vault"]})
    assert (await _call(daemon, "http://hello/")).json["status"] == 200


async def test_a_service_that_is_stopped_or_unknown_is_no_answer(daemon: House) -> None:
    await daemon.service("caller", "caller", ports=[free_port()])
    await daemon.service("hello")
    await daemon.daemon.services.stop("hello")
    assert (await _call(daemon, "http://hello/")).json["body"] == "SERVICE_NOT_RUNNING"
    assert (await _call(daemon, "http://nobody/")).json["body"] == "SSRF_SINGLE_LABEL"
    assert (await _call(daemon, "file:///etc/passwd")).json["body"] == "URL_SCHEME"


async def test_services_that_ask_each_other_in_a_ring_are_stopped(daemon: House) -> None:
    """Every hop is another request to the one service, which has replicas enough for all of them."""
    service = await daemon.service("caller", "caller", ports=[free_port()], replicas=10)
    assert (await _call(daemon, "http://caller/call?url=" * 7 + "http://caller/health")).json["status"] == 200
    before = service.route.meter.sums().requests
    reply = await _call(daemon, "http://caller/call?url=" * 20 + "http://caller/health")
    assert b"TOO_MANY_HOPS" in reply.body
    assert service.route.meter.sums().requests - before == 1 + HOPS_MOST


async def test_the_world_is_behind_the_guard() -> None:
    with short_folder() as folder:
        async with house(folder) as daemon, _outside() as (port, seen):
            await daemon.service("caller", "caller", ports=[free_port()])
            assert (await _call(daemon, f"http://127.0.0.1:{port}/")).json["body"] == "SSRF_LOOPBACK"
            assert seen == []
    with short_folder() as folder:
        async with house(folder, allowed=("127.0.0.1",)) as daemon, _outside() as (port, seen):
            await daemon.service("caller", "caller", ports=[free_port()])
            reply = (await _call(daemon, f"http://127.0.0.1:{port}/x")).json
            assert (reply["status"], reply["body"]) == (200, "from outside")
            await daemon.daemon.services.patch("caller", {"egress_locked": True})
            assert (await _call(daemon, f"http://127.0.0.1:{port}/y")).json["body"] == "FORBIDDEN"
            await daemon.daemon.services.patch("caller", {"egress_locked": None, "networks": []})
            assert (await _call_inside(daemon, f"http://127.0.0.1:{port}/z")) == "FORBIDDEN"
            assert [each.path for each in seen] == ["/x"]


async def _call_inside(daemon: House, url: str) -> str:
    """As `_call`, for a service that the outside does not reach."""
    answered: asyncio.Future[bytes | Exception] = asyncio.get_running_loop().create_future()
    service = daemon.daemon.services.get("caller")
    service.route.forward(encode_request(b"GET", f"/call?url={url}".encode(), [], b""), answered.set_result)
    answer = await answered
    assert isinstance(answer, bytes)
    return str(json.loads(decode_answer(answer).body)["body"])


async def test_a_module_without_the_capability_does_not_start_and_says_why(daemon: House) -> None:
    image = await daemon.module("caller")
    stored = daemon.daemon.modules.read(image)
    assert stored.fabrickfile.capabilities.network.allow_all_outbound
    service = await daemon.daemon.services.create(read_service({"name": "mute", "image": await _without(daemon)}))
    await daemon.daemon.services.settled(service.id, 10)
    assert service.state == "failed"
    assert "lets it connect to nobody" in str(service.reason)


async def _without(daemon: House) -> str:
    """The calling guest, stored without its capability."""
    folder = daemon.folder / "mute"
    shutil.copytree(GUESTS / "caller", folder)
    text = (folder / "Fabrickfile").read_text()
    (folder / "Fabrickfile").write_text(text.replace("allow_all_outbound = true", "allow_all_outbound = false"))
    return (await build(folder, daemon.daemon.modules, tag="mute:1.0.0", run_build=False)).reference
