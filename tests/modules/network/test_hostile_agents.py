"""SNMP agents that lie, loop, babble or say nothing: each costs its own call, in its time, with a code."""

import asyncio
import time
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from typing import cast

import pytest
from pysnmp.hlapi.v1arch.dispatch import decoder, encoder
from pysnmp.proto.api import v2c

from catalog.errors import FabricError
from runtime.drivers.network import snmp_walk
from tests.modules.asking import ask, controller, opened, ports

OPERATION = "network.client.list"
Row = tuple[tuple[int, ...], int]
Rows = Callable[[tuple[int, ...]], list[Row]]


class Agent(asyncio.DatagramProtocol):
    """Answers each request with the rows that `rows` gives for its object, or with raw bytes."""

    def __init__(self, rows: Rows | None = None, raw: Callable[[bytes], list[bytes]] | None = None) -> None:
        self._rows, self._raw = rows, raw
        self.port = 0
        self.asked = 0

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        # asyncio's own transport is none of its DatagramTransport's subclasses.
        self._transport = cast(asyncio.DatagramTransport, transport)
        self.port = transport.get_extra_info("sockname")[1]

    def datagram_received(self, data: bytes, addr: tuple[str | object, int]) -> None:
        self.asked += 1
        answers = self._raw(data) if self._raw is not None else [self._answer(data)]
        for each in answers:
            self._transport.sendto(each, addr)

    def _answer(self, data: bytes) -> bytes:
        assert self._rows is not None
        message, _ = decoder.decode(data, asn1Spec=v2c.Message())
        pdu = v2c.apiMessage.get_pdu(message)
        ((oid, _),) = v2c.apiPDU.get_varbinds(pdu)
        answer = v2c.apiMessage.get_response(message)
        rows = [(row, v2c.Integer(value)) for row, value in self._rows(tuple(oid))]
        v2c.apiPDU.set_varbinds(v2c.apiMessage.get_pdu(answer), rows)
        return bytes(encoder.encode(answer))


@asynccontextmanager
async def listening(agent: Agent) -> AsyncIterator[Agent]:
    transport, _ = await asyncio.get_running_loop().create_datagram_endpoint(lambda: agent, local_addr=("127.0.0.1", 0))
    try:
        yield agent
    finally:
        transport.close()


async def _fails(agent: Agent, seconds: float = 5.0) -> FabricError:
    settings = {"address": "127.0.0.1", "port": agent.port, "timeout_seconds": seconds}
    began = time.monotonic()
    async with listening(agent), ports() as real:
        settings["port"] = agent.port
        with pytest.raises(FabricError) as told:
            await ask(OPERATION, controller("snmp", settings, {"community": "c0mmunity"}), real)
    assert time.monotonic() - began < seconds + 2
    assert "`peer`" in told.value.message
    assert "c0mmunity" not in f"{told.value.message} {told.value.hint}"
    return told.value


async def test_a_table_that_goes_round_in_circles_is_cut() -> None:
    error = await _fails(Agent(lambda oid: [((*oid, 1), 1), ((*oid, 2), 1), ((*oid, 1), 1)]))
    assert error.code == "TARGET_REFUSED"
    assert "in circles" in error.message


async def test_an_agent_that_answers_with_what_was_asked_is_cut() -> None:
    error = await _fails(Agent(lambda oid: [(oid, 1)]))
    assert (error.code, "in circles" in error.message) == ("TARGET_REFUSED", True)


async def test_a_table_without_end_is_cut(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(snmp_walk, "MAX_ROWS", 1000)

    # Each answer has 200 rows: an agent may tell more than it is asked for.
    def more(oid: tuple[int, ...]) -> list[Row]:
        base, last = (oid[:-1], oid[-1]) if oid[-1] > 1000 else (oid, 1000)
        return [((*base, last + each), 1) for each in range(1, 201)]

    agent = Agent(more)
    error = await _fails(agent)
    assert error.code == "TARGET_REFUSED"
    assert "more than 1000 rows" in error.message
    assert agent.asked == 6


async def test_an_agent_whose_answers_would_be_too_big_is_asked_for_less() -> None:
    asked: list[int] = []

    def answer(data: bytes) -> list[bytes]:
        message, _ = decoder.decode(data, asn1Spec=v2c.Message())
        asked.append(int(v2c.apiBulkPDU.get_max_repetitions(v2c.apiMessage.get_pdu(message))))
        told = v2c.apiMessage.get_response(message)
        pdu = v2c.apiMessage.get_pdu(told)
        if asked[-1] > 5:
            v2c.apiPDU.set_error_status(pdu, 1)
        else:
            v2c.apiPDU.set_varbinds(pdu, [((2, 5), v2c.Integer(1))])
        return [bytes(encoder.encode(told))]

    async with listening(Agent(raw=answer)) as agent, ports() as real:
        settings = {"address": "127.0.0.1", "port": agent.port}
        assert (await ask(OPERATION, controller("snmp", settings, {"community": "c0mmunity"}), real))["total"] == 0
    assert asked[:4] == [25, 12, 6, 3]
    assert set(asked[4:]) == {3}


async def test_an_agent_that_says_nothing_is_left_in_time() -> None:
    error = await _fails(Agent(raw=lambda _: []), seconds=0.5)
    assert error.code == "TARGET_TIMEOUT"
    assert error.hint is not None
    assert "community" in error.hint


def _nested(depth: int) -> bytes:
    inner = b""
    for _ in range(depth):
        length = len(inner)
        inner = b"\x30" + (bytes([length]) if length < 128 else b"\x82" + length.to_bytes(2, "big")) + inner
    return inner


GARBAGE = {
    "nothing": b"",
    "text": b"HTTP/1.1 200 OK\r\n\r\n" * 50,
    "a length that is a lie": b"\x30\x84\x7f\xff\xff\xff\x02\x01\x01",
    "nested without end": _nested(15_000),
    "an endless length": b"\x30\x80" * 2000,
    "half a message": bytes.fromhex("302d020101040a"),
    "SNMP v9": bytes.fromhex("300b020109040163a003020100"),
    "SNMP v3 without parts": bytes.fromhex("3005020103040163"),
    "a request instead": bytes.fromhex("3026020101040963306d6d756e697479a016020400000001020100020100300830060602")
    + b"*" * 4,
    "the largest datagram": b"\x30\x82\xff\xe0" + b"\x05\x00" * 32_000,
}  # fmt: skip


@pytest.mark.parametrize("garbage", GARBAGE.values(), ids=GARBAGE.keys())
async def test_garbage_is_as_good_as_nothing(garbage: bytes) -> None:
    raised: list[object] = []
    asyncio.get_running_loop().set_exception_handler(lambda _, context: raised.append(context))
    error = await _fails(Agent(raw=lambda _: [garbage]), seconds=0.5)
    assert error.code in {"TARGET_TIMEOUT", "TARGET_UNREACHABLE"}
    assert raised == []


async def test_a_silent_agent_does_not_delay_another(agent_of_one: Agent) -> None:
    silent = Agent(raw=lambda _: [])
    async with listening(silent), listening(agent_of_one), ports() as real:
        slow = asyncio.create_task(
            opened(
                controller(
                    "snmp",
                    {"address": "127.0.0.1", "port": silent.port, "timeout_seconds": 3},
                    {"community": "c0mmunity"},
                ),
                real,
            ).devices()
        )
        await asyncio.sleep(0)
        began = time.monotonic()
        settings = {"address": "127.0.0.1", "port": agent_of_one.port}
        for _ in range(5):
            await ask(OPERATION, controller("snmp", settings, {"community": "c0mmunity"}), real)
        assert time.monotonic() - began < 2.5
        assert not slow.done()
        slow.cancel()
        await asyncio.wait([slow])


@pytest.fixture
def agent_of_one() -> Agent:
    """An agent whose tables are all empty."""
    return Agent(lambda oid: [((2, 5), 1)])
