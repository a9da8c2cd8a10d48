"""Outbox: every event reaches its receiver at least once, through restarts and while the receiver is away."""

import asyncio
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager, suppress
from pathlib import Path

import pytest

from catalog.errors import Unavailable
from runtime.daemon.events import DaemonEvent, EventBus, Outbox
from runtime.daemon.events import outbox as outbox_module
from runtime.state import StateStore
from runtime.state.store import _Write
from tests.fakes.daemon_clock import DaemonClock


class Receiver:
    """Takes events, unless it is away."""

    def __init__(self) -> None:
        self.taken: list[int] = []
        self.away = False
        self.came = asyncio.Event()

    async def __call__(self, events: Sequence[DaemonEvent]) -> None:
        self.came.set()
        if self.away:
            raise Unavailable("AWAY", "The receiver is away.")
        self.taken += [each.seq for each in events]

    async def has(self, count: int) -> None:
        """Wait until it has so many."""
        async with asyncio.timeout(5):
            while len(self.taken) < count:
                await asyncio.sleep(0.005)


@asynccontextmanager
async def living(path: Path, receiver: Receiver) -> AsyncIterator[tuple[EventBus, Outbox, StateStore]]:
    state = StateStore(path)
    await state.open()
    bus = EventBus(DaemonClock(), state=state)
    await bus.open()
    outbox = Outbox(state, bus)
    outbox.open()
    task = asyncio.create_task(outbox.run(receiver))
    try:
        yield bus, outbox, state
    finally:
        task.cancel()
        with suppress(asyncio.CancelledError):
            await task
        await outbox.save()
        await bus.close()
        await state.close()


async def test_events_are_delivered_in_order_and_then_forgotten(tmp_path: Path) -> None:
    receiver = Receiver()
    async with living(tmp_path / "state.db", receiver) as (bus, outbox, state):
        made = [bus.publish("volume.created").seq for _ in range(250)]
        await receiver.has(250)
        await outbox.save()
        assert receiver.taken == made
        assert state.load("outbox") == []


async def test_what_was_not_taken_is_delivered_after_a_restart(tmp_path: Path) -> None:
    receiver = Receiver()
    receiver.away = True
    async with living(tmp_path / "state.db", receiver) as (bus, outbox, state):
        made = [bus.publish("volume.created").seq for _ in range(3)]
        await receiver.came.wait()
        await outbox.save()
        assert len(state.load("outbox")) == 3, "it is on the disk while nobody takes it"
    receiver.away = False
    async with living(tmp_path / "state.db", receiver) as (bus, _, _):
        await receiver.has(3)
        made.append(bus.publish("volume.created").seq)
        await receiver.has(4)
    assert receiver.taken == made


async def test_a_receiver_who_comes_back_gets_what_waited(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(outbox_module, "PAUSE_FIRST", 0.01)
    receiver = Receiver()
    receiver.away = True
    async with living(tmp_path / "state.db", receiver) as (bus, _, _):
        made = [bus.publish("volume.created").seq for _ in range(3)]
        await receiver.came.wait()
        receiver.away = False
        await receiver.has(3)
        assert receiver.taken == made


async def test_it_is_bounded_and_drops_the_oldest(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(outbox_module, "MOST", 5)
    receiver = Receiver()
    receiver.away = True
    async with living(tmp_path / "state.db", receiver) as (bus, outbox, _):
        made = [bus.publish("volume.created").seq for _ in range(8)]
        assert outbox.dropped == 3
    receiver.away = False
    async with living(tmp_path / "state.db", receiver):
        await receiver.has(5)
    assert receiver.taken == made[3:]


async def test_nothing_that_follows_an_event_is_kept_without_it(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """So what a kill -9 leaves of a service's end never lacks the word of it."""
    receiver = Receiver()
    receiver.away = True
    kept: list[str] = []
    async with living(tmp_path / "state.db", receiver) as (bus, _, state):
        commit = state._commit

        def noting(batch: list[_Write]) -> None:
            commit(batch)
            kept.extend(kind for each in batch for kind, _, _ in each.documents)

        monkeypatch.setattr(state, "_commit", noting)
        bus.publish("service.failed", service_id="s")
        await state.put("service", "s", b"its state afterwards")
        assert kept.index("outbox") < kept.index("service")


async def test_an_event_is_on_the_disk_before_it_is_sent(tmp_path: Path) -> None:
    receiver = Receiver()
    async with living(tmp_path / "state.db", receiver) as (bus, _, state):
        with state._use:  # the disk is slow
            bus.publish("service.failed", service_id="s")
            with pytest.raises(TimeoutError):
                async with asyncio.timeout(0.1):
                    await receiver.came.wait()
        await receiver.has(1)


async def test_a_state_that_takes_nothing_keeps_no_event_from_its_receiver(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def full(_batch: object) -> None:
        raise Unavailable("STATE_FULL", "The disk that holds the daemon's state is full.")

    receiver = Receiver()
    async with living(tmp_path / "state.db", receiver) as (bus, _, state):
        with monkeypatch.context() as patched:
            patched.setattr(state, "_commit", full)
            made = bus.publish("service.failed", service_id="s").seq
            await receiver.has(1)
        assert receiver.taken == [made]
