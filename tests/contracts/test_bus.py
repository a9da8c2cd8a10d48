"""Bus: what every Bus promises."""

import asyncio
from collections.abc import Callable

import pytest

from catalog.jsonvalue import Json
from engine.buses.memory import MemoryBus
from engine.ports import Bus

BUSES: dict[str, Callable[[], Bus]] = {"memory": MemoryBus}
"""Every Bus. Redis joins here."""


@pytest.fixture(params=sorted(BUSES))
def bus(request: pytest.FixtureRequest) -> Bus:
    """A bus of each kind."""
    return BUSES[request.param]()


async def _heard(box: list[Json], count: int) -> list[Json]:
    async with asyncio.timeout(5.0):
        while len(box) < count:
            await asyncio.sleep(0.005)
    return box


async def test_every_subscriber_of_a_topic_hears_every_message_in_order(bus: Bus) -> None:
    first: list[Json] = []
    second: list[Json] = []
    other: list[Json] = []
    bus.subscribe("t", first.append)
    bus.subscribe("t", second.append)
    bus.subscribe("u", other.append)
    messages: list[Json] = [{"n": number} for number in range(5)]
    for message in messages:
        bus.publish("t", message)
    assert await _heard(first, 5) == messages
    assert await _heard(second, 5) == messages
    assert other == []


async def test_who_has_left_hears_nothing_and_may_leave_again(bus: Bus) -> None:
    gone: list[Json] = []
    stays: list[Json] = []
    leave = bus.subscribe("t", gone.append)
    bus.subscribe("t", stays.append)
    leave()
    leave()
    bus.publish("t", 1)
    assert await _heard(stays, 1) == [1]
    assert gone == []


async def test_the_same_listener_twice_leaves_one_place_at_a_time(bus: Bus) -> None:
    heard: list[Json] = []
    leave = bus.subscribe("t", heard.append)
    bus.subscribe("t", heard.append)
    leave()
    leave()
    bus.publish("t", "x")
    assert await _heard(heard, 1) == ["x"]


async def test_a_message_without_subscribers_is_no_error(bus: Bus) -> None:
    bus.publish("t", None)


async def test_a_listener_may_subscribe_and_leave_while_it_is_told(bus: Bus) -> None:
    heard: list[Json] = []
    leaves: list[Callable[[], None]] = []

    def once(message: Json) -> None:
        heard.append(message)
        leaves.pop()()
        bus.subscribe("t", heard.append)

    leaves.append(bus.subscribe("t", once))
    bus.publish("t", 1)
    await _heard(heard, 1)
    bus.publish("t", 2)
    assert await _heard(heard, 2) == [1, 2]
