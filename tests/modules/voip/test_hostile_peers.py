"""Peers of telephones that hang, reset, babble or lie: each costs its own call, in its time, with a code."""

import asyncio
import contextlib
import socket
import ssl
import time
from collections.abc import AsyncIterator, Callable
from pathlib import Path

import msgspec
import pytest

from catalog.errors import FabricError
from catalog.provider import Target
from tests.modules.asking import ask, controller, opened, ports
from tests.modules.peers.certificate_files import self_signed
from tests.modules.peers.hostile_http import Behaviour, floods, hangs, hostile, resets, says

OPERATION = "voip.phone.live_status"
SECRET = {"username": "fred", "password": "s3cret-word"}
OK = b"HTTP/1.1 200 OK\r\nContent-Type: application/json\r\n"


async def _fails(target: Target, seconds: float = 3.0) -> FabricError:
    began = time.monotonic()
    async with ports() as real:
        with pytest.raises(FabricError) as told:
            await ask(OPERATION, target, real, phone_id="bob")
        with contextlib.suppress(FabricError):
            await opened(target, real).devices()
        checks = await opened(target, real).check()
    assert not all(each.ok for each in checks)
    assert time.monotonic() - began < 3 * seconds + 1
    assert "`peer`" in told.value.message
    assert SECRET["password"] not in f"{told.value.message} {told.value.hint} {checks}"
    return told.value


def _json(body: bytes, length: int | None = None) -> Behaviour:
    return says(OK + f"Content-Length: {len(body) if length is None else length}\r\n\r\n".encode() + body)


RPC = {
    "hangs": (hangs, "TARGET_TIMEOUT"),
    "resets": (resets, None),
    "no JSON": (_json(b"<html>hello</html>"), "TARGET_REFUSED"),
    "JSON of another shape": (_json(b'{"jsonrpc": "2.0", "id": 1, "result": [[[]]]}'), "TARGET_REFUSED"),
    "neither result nor error": (_json(b'{"jsonrpc": "2.0", "id": 1}'), "TARGET_REFUSED"),
    "nested without end": (_json(b'{"result":' + b"[" * 100_000), "TARGET_REFUSED"),
    "no UTF-8": (_json(b'{"error": {"code": 1, "message": "\xff"}}'), "TARGET_REFUSED"),
    "a number out of bounds": (_json(b'{"result": {"AoR": "x", "Contacts": 1e999}}'), "TARGET_REFUSED"),
    "a length that is a lie": (_json(b'{"result":', length=100), None),
    "an answer without end": (floods(OK + b"\r\n"), "TARGET_REFUSED"),
    "a message with a screen in it": (
        _json(b'{"error": {"code": 500, "message": "\\u001b[2J' + b"x" * 5000 + b'"}}'),
        "TARGET_REFUSED",
    ),
}


@pytest.mark.parametrize(("behaviour", "code"), RPC.values(), ids=RPC.keys())
async def test_what_plays_kamailio_costs_its_own_call(behaviour: Behaviour, code: str | None) -> None:
    with hostile(behaviour) as port:
        settings = {
            "address": f"http://127.0.0.1:{port}/RPC",
            "timeout_seconds": 3 if code == "TARGET_REFUSED" else 0.3,
        }
        error = await _fails(controller("kamailio", settings, SECRET))
    assert error.code == code or (code is None and error.code in {"TARGET_UNREACHABLE", "TARGET_REFUSED"})
    assert len(error.message) < 400
    assert error.message.isprintable()


async def test_an_answer_without_end_is_said_to_be_one() -> None:
    with hostile(floods(OK + b"\r\n")) as port:
        error = await _fails(controller("kamailio", {"address": f"http://127.0.0.1:{port}/RPC"}, SECRET), seconds=10)
    assert "has no end" in error.message


@pytest.mark.parametrize(
    ("expires", "registered"), [(60, True), ("permanent", True), (0, False), (-3, False), ("expired", False)]
)
async def test_a_contact_that_has_run_out_is_none(expires: int | str, registered: bool) -> None:
    contacts = [{"Contact": {"Address": "sip:bob@10.0.0.9", "Expires": expires, "Received": "sip:192.0.2.7:5062"}}]
    answer = {"jsonrpc": "2.0", "id": 1, "result": {"AoR": "bob", "Contacts": contacts}}
    calls = {"jsonrpc": "2.0", "id": 1, "result": []}
    told = [msgspec.json.encode(answer), msgspec.json.encode(calls)]

    def behave(connection: socket.socket) -> None:
        body = told.pop(0)
        says(OK + f"Content-Length: {len(body)}\r\n\r\n".encode() + body)(connection)

    with hostile(behave) as port:
        async with ports() as real:
            target = controller("kamailio", {"address": f"http://127.0.0.1:{port}/RPC"})
            status = await ask(OPERATION, target, real, phone_id="bob")
    assert (status["registered"], status["address"]) == (registered, "192.0.2.7" if registered else None)


TCP = {
    "hangs": (hangs, "TARGET_TIMEOUT"),
    "resets": (resets, "TARGET_UNREACHABLE"),
    "hangs up": (says(b""), "TARGET_UNREACHABLE"),
    "text": (says(b"220 mail.example.com ESMTP\r\n\r\n"), "TARGET_REFUSED"),
    "a head without end": (floods(b"SIP/2.0 200 OK\r\nA: "), "TARGET_REFUSED"),
    "a body without end": (says(b"SIP/2.0 200 OK\r\nContent-Length: 999999999\r\n\r\n"), "TARGET_REFUSED"),
    "half a body": (says(b"SIP/2.0 200 OK\r\nContent-Length: 10\r\n\r\nabc"), "TARGET_UNREACHABLE"),
    "keep-alives without end": (floods(b"", size=0), "TARGET_UNREACHABLE"),
    "another's answer": (
        says(b"SIP/2.0 200 OK\r\nCall-ID: x\r\nCSeq: 1 OPTIONS\r\nVia: SIP/2.0/TCP h;branch=z\r\n\r\n"),
        "TARGET_UNREACHABLE",
    ),
}


@pytest.mark.parametrize(("behaviour", "code"), TCP.values(), ids=TCP.keys())
async def test_what_plays_a_proxy_over_tcp_costs_its_own_call(behaviour: Behaviour, code: str) -> None:
    with hostile(behaviour) as port:
        settings = {"address": "127.0.0.1", "port": port, "transport": "tcp", "timeout_seconds": 0.5}
        error = await _fails(controller("sip", settings, SECRET))
    assert error.code == code


async def test_keep_alives_without_end_are_left_in_time() -> None:
    def babble(connection: socket.socket) -> None:
        while True:
            connection.sendall(b"\r\n" * 4096)

    with hostile(babble) as port:
        settings = {"address": "127.0.0.1", "port": port, "transport": "tcp", "timeout_seconds": 0.3}
        error = await _fails(controller("sip", settings, SECRET))
    assert error.code == "TARGET_TIMEOUT"


class _Udp(asyncio.DatagramProtocol):
    def __init__(self, answers: Callable[[bytes], list[bytes]]) -> None:
        self._answers = answers
        self.asked: list[bytes] = []

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._transport = transport

    def datagram_received(self, data: bytes, addr: tuple[str | object, int]) -> None:
        self.asked.append(data)
        for each in self._answers(data):
            self._transport.sendto(each, addr)  # type: ignore[attr-defined] # asyncio's own transport has it


@contextlib.asynccontextmanager
async def _udp(answers: Callable[[bytes], list[bytes]]) -> AsyncIterator[tuple[_Udp, int]]:
    loop = asyncio.get_running_loop()
    transport, peer = await loop.create_datagram_endpoint(lambda: _Udp(answers), local_addr=("127.0.0.1", 0))
    try:
        yield peer, transport.get_extra_info("sockname")[1]
    finally:
        transport.close()


def _reply(request: bytes, status: str = "200 OK", **changed: str) -> bytes:
    lines = request.decode().split("\r\n")
    named = {line.partition(":")[0]: line.partition(":")[2].strip() for line in lines[1:] if ":" in line}
    kept = {name: changed.get(name.replace("-", "_"), named[name]) for name in ("Via", "Call-ID", "CSeq")}
    return ("\r\n".join([f"SIP/2.0 {status}", *(f"{name}: {kept[name]}" for name in kept)]) + "\r\n\r\n").encode()


BABBLE: dict[str, Callable[[bytes], list[bytes]]] = {
    "nothing": lambda _: [],
    "garbage": lambda _: [b"\x00" * 60_000, b"", b"\xff\xff", b"SIP/2.0 200 OK\r\n\r\n"],
    "its own question": lambda request: [request],
    "a flood": lambda _: [b"SIP/2.0 100 Trying\r\n\r\n"] * 200,
    "trying for ever": lambda request: [_reply(request, "100 Trying")] * 3,
    "another call's": lambda request: [_reply(request, Call_ID="1")],
    "another branch's": lambda request: [_reply(request, Via="SIP/2.0/UDP h;branch=z9hG4bK1")],
}


@pytest.mark.parametrize("answers", BABBLE.values(), ids=BABBLE.keys())
async def test_what_babbles_over_udp_is_as_good_as_silent(answers: Callable[[bytes], list[bytes]]) -> None:
    async with _udp(answers) as (_, port):
        settings = {"address": "127.0.0.1", "port": port, "timeout_seconds": 0.3}
        error = await _fails(controller("sip", settings, SECRET))
    assert error.code == "TARGET_TIMEOUT"


async def test_a_datagram_that_is_lost_is_sent_again_and_babble_before_the_answer_is_left_out() -> None:
    lost: list[bytes] = []

    def answers(request: bytes) -> list[bytes]:
        lost.append(request)
        return [b"\x00", _reply(request, "180 Ringing"), _reply(request)] if len(lost) > 1 else []

    async with _udp(answers) as (_, port), ports() as real:
        target = controller("sip", {"address": "127.0.0.1", "port": port})
        assert (await ask(OPERATION, target, real, phone_id="bob"))["state"] == "idle"
    assert lost[0] == lost[1]


@pytest.mark.parametrize(
    ("status", "code"),
    [
        ("404 Not Found", "TARGET_NOT_FOUND"),
        ("403 Forbidden", "TARGET_AUTH_FAILED"),
        ("401 Unauthorized", "TARGET_AUTH_FAILED"),
        ("407 Proxy Authentication Required", "TARGET_AUTH_FAILED"),
        ("302 Moved", "TARGET_REFUSED"),
        ("503 Service Unavailable", "TARGET_REFUSED"),
        ("500 " + "x" * 400, "TARGET_REFUSED"),
    ],
)
async def test_what_a_proxy_answers_becomes_a_code(status: str, code: str) -> None:
    async with _udp(lambda request: [_reply(request, status)]) as (_, port), ports() as real:
        with pytest.raises(FabricError) as told:
            await ask(OPERATION, controller("sip", {"address": "127.0.0.1", "port": port}), real, phone_id="bob")
    assert told.value.code == code
    assert len(told.value.message) < 300


async def test_basic_authentication_is_never_given_to_a_sip_peer() -> None:
    def wants(request: bytes) -> list[bytes]:
        return [
            _reply(request, "401 Unauthorized").replace(b"\r\n\r\n", b'\r\nWWW-Authenticate: Basic realm="x"\r\n\r\n')
        ]

    async with _udp(wants) as (peer, port), ports() as real:
        with pytest.raises(FabricError) as told:
            await ask(
                OPERATION, controller("sip", {"address": "127.0.0.1", "port": port}, SECRET), real, phone_id="bob"
            )
    assert told.value.code == "TARGET_AUTH_FAILED"
    assert not any(b"Authorization" in each for each in peer.asked)


async def test_an_expired_certificate_is_refused(tmp_path: Path) -> None:
    both, certificate = self_signed(days=-1)
    pem, ca_file = tmp_path / "key.pem", tmp_path / "ca.pem"
    pem.write_text(both)
    ca_file.write_text(certificate)
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(pem)

    async def serve(_reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        writer.close()

    server = await asyncio.start_server(serve, "127.0.0.1", 0, ssl=context)
    async with server:
        port = server.sockets[0].getsockname()[1]
        told = [
            await _fails(controller(driver, {**settings, "ca_file": str(ca_file)}, SECRET))
            for driver, settings in (
                ("sip", {"address": "127.0.0.1", "port": port, "transport": "tls"}),
                ("kamailio", {"address": f"https://127.0.0.1:{port}/RPC"}),
            )
        ]
    for error in told:
        assert error.code == "TARGET_UNREACHABLE"
        assert "certificate" in f"{error.message} {error.hint}"
