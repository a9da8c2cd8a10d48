"""A reader who always takes his stream up where it ended sees each event once, in order, whatever happens between."""

import asyncio

from hypothesis import given, settings
from hypothesis import strategies as st

from runtime.daemon.events import LAGGED, EventBus, Subscription
from tests.fakes.daemon_clock import DaemonClock
from tests.runtime.daemon.events.reading import read_now

MOVES = st.one_of(
    st.tuples(st.just("publish"), st.integers(1, 6)),
    st.tuples(st.just("read"), st.integers(1, 8)),
    st.tuples(st.just("reconnect"), st.just(0)),
)


class Reader:
    """Reads a bus as an SSE client does: it knows the number of the last event it got."""

    def __init__(self, bus: EventBus) -> None:
        self.bus = bus
        self.seen: list[int] = []
        self.told_of_a_gap_after: list[int] = []
        self.last = 0
        self.stream: Subscription = bus.subscribe(after_seq=0)

    async def read(self, most: int) -> None:
        """Read what there is."""
        for event in await read_now(self.stream, most):
            self.last = event.seq
            if event.type == LAGGED:
                self.told_of_a_gap_after.append(len(self.seen))
            else:
                self.seen.append(event.seq)

    def reconnect(self) -> None:
        """Take the stream up again."""
        self.stream.close()
        self.stream = self.bus.subscribe(after_seq=self.last)


async def _lived(moves: list[tuple[str, int]], buffer: int) -> tuple[Reader, list[int]]:
    bus = EventBus(DaemonClock(), buffer=buffer)
    reader = Reader(bus)
    made: list[int] = []
    for move, count in moves:
        if move == "publish":
            made += [bus.publish("volume.created").seq for _ in range(count)]
        elif move == "read":
            await reader.read(count)
        else:
            reader.reconnect()
    await reader.read(1_000)
    reader.reconnect()
    await reader.read(1_000)
    reader.stream.close()
    return reader, made


@settings(max_examples=200, deadline=None)
@given(st.lists(MOVES, max_size=40))
def test_no_gap_and_no_repetition_within_the_buffer(moves: list[tuple[str, int]]) -> None:
    reader, made = asyncio.run(_lived(moves, 1_000))
    assert reader.seen == made
    assert reader.told_of_a_gap_after == []


@settings(max_examples=200, deadline=None)
@given(st.lists(MOVES, max_size=40), st.integers(1, 4))
def test_beyond_the_buffer_every_gap_is_told_where_it_is(moves: list[tuple[str, int]], buffer: int) -> None:
    reader, made = asyncio.run(_lived(moves, buffer))
    assert reader.seen == sorted(set(reader.seen))
    assert set(reader.seen) <= set(made)
    expected = 0
    for at, seq in enumerate(reader.seen):
        if seq != made[expected]:
            assert at in reader.told_of_a_gap_after, "nobody misses anything without a word"
        expected = made.index(seq) + 1
    if made and not reader.told_of_a_gap_after:
        assert reader.seen == made
