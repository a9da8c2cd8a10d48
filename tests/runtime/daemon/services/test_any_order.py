"""Whatever happens to a service, in whatever order: what holds at every moment, and where it ends."""

import asyncio
import tempfile
from collections.abc import Awaitable, Callable
from pathlib import Path

from hypothesis import given, settings
from hypothesis import strategies as st

from catalog.errors import Conflict, GuestFailed, Invalid, NotFound
from catalog.jsonvalue import Json
from runtime.daemon.services.supervisor import Supervisor
from runtime.wasm.launch import Exit
from tests.fakes.daemon_timers import settle
from tests.runtime.daemon.services.house import House, house

REFUSED = (Conflict, Invalid, NotFound)
SHARED_MEMORY = Path("/dev/shm")
MOST = 4

Step = Callable[[House, Supervisor], Awaitable[object]]


async def _wait(daemon: House, task: "asyncio.Future[object]") -> None:
    """Wait for a wish while time passes, everybody is well, and who was told to stop does."""
    while not task.done():
        await _release(daemon, daemon.services.list()[0])
        await asyncio.sleep(0.0002)
        for watching in daemon.watcher.of.values():
            if not watching.stopped:
                watching.told("healthy")
        await daemon.timers.pass_by(0.5)
    try:
        await task
    except REFUSED:
        return


def _wish(make: Callable[[House], Awaitable[object]]) -> Step:
    async def step(daemon: House, _: Supervisor) -> "asyncio.Future[object]":
        task: asyncio.Future[object] = asyncio.ensure_future(make(daemon))
        until = asyncio.get_running_loop().time() + 0.005
        while not task.done() and asyncio.get_running_loop().time() < until:
            await asyncio.sleep(0.0002)
        return task

    return step


def _crash(number: int) -> Step:
    async def step(daemon: House, _: Supervisor) -> None:
        alive = daemon.launcher.alive
        if alive:
            alive[number % len(alive)].end(Exit(code=134, trap="unreachable"))

    return step


def _turn(number: int, health: str) -> Step:
    async def step(daemon: House, service: Supervisor) -> None:
        watched = [each for each in daemon.watcher.of.values() if not each.stopped]
        if watched:
            watched[number % len(watched)].told(health)  # type: ignore[arg-type]  # the strategy has these words alone

    return step


async def _bad_launch(daemon: House, _: Supervisor) -> None:
    daemon.launcher.failing.append(GuestFailed("RUNTIME_ERROR", "It does not start."))


async def _stubborn(daemon: House, _: Supervisor) -> None:
    for each in daemon.launcher.alive:
        each.stubborn = True


async def _release(daemon: House, _: Supervisor) -> None:
    """What was held up goes on."""
    daemon.launcher.hold.set()
    for each in daemon.launcher.alive:
        each.stubborn = False
        if each.stops:
            each.end(Exit(code=0))


async def _slow_launches(daemon: House, _: Supervisor) -> None:
    daemon.launcher.hold.clear()


def _pass(seconds: float) -> Step:
    async def step(daemon: House, _: Supervisor) -> None:
        await daemon.timers.pass_by(seconds)

    return step


_numbers = st.integers(0, 5)
_steps: st.SearchStrategy[tuple[str, Step]] = st.one_of(
    st.builds(lambda n: (f"crash {n}", _crash(n)), _numbers),
    st.builds(
        lambda n, health: (f"turn {n} {health}", _turn(n, health)), _numbers, st.sampled_from(["healthy", "unhealthy"])
    ),
    st.builds(lambda s: (f"pass {s}", _pass(s)), st.sampled_from([0.1, 1.0, 30.0, 400.0])),
    st.builds(lambda n: (f"scale {n}", _wish(lambda daemon: daemon.services.scale("api", n))), st.integers(1, MOST)),
    st.builds(
        lambda n: (f"patch {n}", _wish(lambda daemon: daemon.services.patch("api", {"environment": {"N": str(n)}}))),
        _numbers,
    ),
    st.sampled_from(
        [
            ("stop", _wish(lambda daemon: daemon.services.stop("api"))),
            ("stop now", _wish(lambda daemon: daemon.services.stop("api", force=True))),
            ("start", _wish(lambda daemon: daemon.services.start("api"))),
            ("restart", _wish(lambda daemon: daemon.services.restart("api", force=True))),
            ("roll", _wish(lambda daemon: daemon.services.restart("api", timeout=0))),
            ("rollback", _wish(lambda daemon: daemon.services.rollback("api"))),
            ("bad launch", _bad_launch),
            ("stubborn", _stubborn),
            ("go on", _release),
            ("slow launches", _slow_launches),
        ]
    ),
)


def _holds(daemon: House, service: Supervisor) -> None:
    """What is true at every moment."""
    alive = daemon.launcher.alive
    assert len(alive) <= MOST
    instances = [each.launch.instance for each in alive]
    assert len(set(instances)) == len(instances)
    seats = {seat.replica for seat in service.route.seats}
    fit = {slot.replica for slot in service.slots if slot.phase == "running" and slot.health == "healthy"}
    assert seats == fit
    assert seats <= set(alive)
    assert all(slot.replica is None or slot.replica in alive for slot in service.slots)
    counts = service.counts
    assert counts.healthy <= counts.running <= len(alive)
    assert (service.state == "running") <= (counts.running > 0)
    if service.state in ("stopped", "failed"):
        assert alive == []


async def _play(folder: Path, steps: list[tuple[str, Step]], *, checked: bool) -> None:
    async with house(folder) as daemon:
        daemon.limits.max_replicas_per_service = MOST
        check: dict[str, Json] = {"health_check": {"type": "http"}} if checked else {}
        service = await daemon.made(replicas=2, restart={"max_attempts": 3, "backoff": "1s"}, **check)
        wishes: list[asyncio.Future[object]] = []
        for _, step in steps:
            wish = await step(daemon, service)
            if isinstance(wish, asyncio.Future):
                wishes.append(wish)
            await settle(150)
            _holds(daemon, service)
        for wish in wishes:
            await _wait(daemon, wish)
        await _heal(daemon, service)
        assert (service.state, service.reason) == ("running", None)
        assert not service.degraded
        assert len(daemon.launcher.alive) == service.counts.desired == service.counts.healthy
        wanted = service.spec.environment
        assert all(each.launch.environment == wanted for each in daemon.launcher.alive)
        await daemon.services.delete("api", force=True)
        assert daemon.launcher.alive == []
        assert daemon.preparer.held == set()
        assert daemon.timers.waiting == 0


async def _heal(daemon: House, service: Supervisor) -> None:
    """Nothing goes wrong any more, and whoever is asked is well."""
    daemon.launcher.failing.clear()
    rests = service.state in ("stopped", "failed")
    work = daemon.services.start("api") if rests else daemon.services.restart("api", timeout=0)
    await _wait(daemon, asyncio.ensure_future(work))
    await _wait(daemon, asyncio.ensure_future(daemon.services.settled("api", 5)))


@settings(max_examples=120, deadline=None)
@given(st.lists(_steps, max_size=14), st.booleans())
def test_a_service_keeps_its_promises_and_comes_back(steps: list[tuple[str, Step]], checked: bool) -> None:
    place = SHARED_MEMORY if SHARED_MEMORY.is_dir() else None
    with tempfile.TemporaryDirectory(prefix="fb", dir=place) as folder:
        asyncio.run(_play(Path(folder), steps, checked=checked))
