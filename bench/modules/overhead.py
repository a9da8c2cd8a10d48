"""What a driver's call costs over the bare client library doing the same, both in turn in one loop: median of each.

The bare call is what an asyncio program has to write by hand: a connection a request for HTTP, a thread of the pool for
a library that blocks, with the connection kept where the driver keeps it.
"""

import asyncio
import statistics
import tempfile
import time
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator, Mapping
from contextlib import AsyncExitStack, asynccontextmanager, contextmanager
from pathlib import Path

import msgspec
import uvloop

from api.cli.demo.vm.host import Host
from bench.modules.farm_process import farm
from bench.modules.ports import bench_ports
from catalog.jsonvalue import Json
from catalog.provider import Ports, Target
from runtime.drivers.driver import Peer
from runtime.drivers.opening import link_of, open_peer

ROUNDS, CALLS, WARM = 10, 40, 20
Once = Callable[[], Awaitable[object]]


class Pair(msgspec.Struct, frozen=True):
    """A driver's call and the bare library's."""

    driver: Once
    bare: Once


def measure(progress: Callable[[str], None]) -> dict[str, float | int | str]:
    """`driver_overhead`: the largest of `overhead_http`, `overhead_netlink`, `overhead_libvirt`."""
    return uvloop.run(_measure(progress))


async def _measure(progress: Callable[[str], None]) -> dict[str, float | int | str]:
    figures: dict[str, float | int | str] = {}
    ports = bench_ports()
    async with AsyncExitStack() as stack:
        for name, opened in (("http", _http), ("netlink", _netlink), ("libvirt", _libvirt)):
            pair = await stack.enter_async_context(opened(ports))
            driver, bare = await _in_turn(pair)
            figures |= {f"overhead_{name}": round(driver / bare, 3), f"{name}_bare_us": round(bare, 1)}
            progress(f"{name}: driver {driver:.0f} µs, bare {bare:.0f} µs")
        await ports.residents.shut()
    overheads = [value for name, value in figures.items() if name.startswith("overhead_")]
    return {"driver_overhead": max(float(each) for each in overheads), **figures}


async def _in_turn(pair: Pair) -> tuple[float, float]:
    for _ in range(WARM):
        await pair.bare()
        await pair.driver()
    took: tuple[list[float], list[float]] = ([], [])
    for _ in range(ROUNDS * CALLS):
        for once, times in zip((pair.driver, pair.bare), took, strict=True):
            began = time.perf_counter()
            await once()
            times.append((time.perf_counter() - began) * 1e6)
    return statistics.median(took[0]), statistics.median(took[1])


def _peer(driver: str, settings: Mapping[str, Json], ports: Ports) -> Callable[[], Peer]:
    """What every call of an operation does first."""
    target = Target(id=driver, organisation_id="o", site_id="s", driver=driver, name=driver, settings=settings)
    loop = asyncio.get_running_loop()
    return lambda: open_peer(link_of(target, ports, loop.time() + 30))


@asynccontextmanager
async def _http(ports: Ports) -> AsyncIterator[Pair]:
    import aiohttp  # noqa: PLC0415 - an extra or slow; loaded where it is measured

    from runtime.drivers.cameras.http import Http  # noqa: PLC0415

    with farm() as url:
        peer = _peer("http", {"address": url, "cameras": {"a": {"path": "/a.jpg"}}}, ports)

        async def driver() -> None:
            camera = peer()
            assert isinstance(camera, Http)
            await camera.snapshot("a")

        patience = aiohttp.ClientTimeout(total=30, connect=5, sock_read=10)

        async def bare() -> None:
            async with aiohttp.ClientSession(timeout=patience) as session, session.get(f"{url}/a.jpg") as response:
                await response.read()

        yield Pair(driver, bare)


@asynccontextmanager
async def _netlink(ports: Ports) -> AsyncIterator[Pair]:
    from pyroute2 import IPRoute  # noqa: PLC0415

    from runtime.drivers.network.netlink import Netlink  # noqa: PLC0415

    peer = _peer("netlink", {}, ports)

    async def driver() -> None:
        network = peer()
        assert isinstance(network, Netlink)
        await network.clients()

    def read() -> None:
        with IPRoute() as kernel:
            [[each.get(name) for name in ("ifname", "index")] for each in kernel.get_links()]
            fields = ("state", "family", "ifindex", "dst", "lladdr", "cacheinfo")
            [[each.get(name) for name in fields] for each in kernel.get_neighbours()]
            [[each.get(name) for name in fields] for each in kernel.fdb("dump")]

    async def bare() -> None:
        await asyncio.to_thread(read)

    yield Pair(driver, bare)


@asynccontextmanager
async def _libvirt(ports: Ports) -> AsyncIterator[Pair]:
    import libvirt  # noqa: PLC0415

    from runtime.drivers.hypervisor.libvirt import Libvirt  # noqa: PLC0415

    with tempfile.TemporaryDirectory(prefix="fabvm-") as folder, _host(Path(folder)) as host:
        name = host.add("bench")
        peer = _peer("libvirt", {"uri": "qemu:///session", "socket": str(host.socket)}, ports)
        connection = libvirt.open(f"qemu+unix:///session?socket={host.socket}")

        async def driver() -> None:
            hypervisor = peer()
            assert isinstance(hypervisor, Libvirt)
            await hypervisor.machine(name)

        def look() -> None:
            domain = connection.lookupByUUIDString(name)
            domain.info()
            domain.ID()
            domain.snapshotListNames()

        async def bare() -> None:
            await asyncio.to_thread(look)

        yield Pair(driver, bare)
        connection.close()


@contextmanager
def _host(folder: Path) -> Iterator[Host]:
    host = Host(folder)
    try:
        host.start()
        yield host
    finally:
        host.stop()
