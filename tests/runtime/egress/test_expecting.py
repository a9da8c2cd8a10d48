"""A body that waits for the go-ahead: it is never sent to who refuses, and not kept for ever from who says nothing."""

import socket

import pytest

from catalog.provider import Answer, Target
from runtime.egress import expecting
from runtime.egress.client import EgressClient
from runtime.egress.guard import Guard
from tests.modules.peers.hostile_http import hostile

BODY = b"x" * 300_000
DONE = b"HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n"


async def put(port: int, purpose: str = "controller") -> Answer:
    address = f"http://127.0.0.1:{port}"
    target = Target(id="c", organisation_id="o", site_id="s", driver="s3", settings={"address": address})
    client = EgressClient(Guard(["127.0.0.1"]), controllers=Guard(configured=True))
    return await client.send(purpose, "PUT", f"{address}/x", {"Expect": "100-continue"}, BODY, target=target)


class Server:
    """Answers the head of a request with `first`, reads on for so many bytes, then says DONE."""

    def __init__(self, first: bytes, read: int) -> None:
        self._first, self._read = first, read
        self.head = b""
        self.body = b""

    def __call__(self, connection: socket.socket) -> None:
        while b"\r\n\r\n" not in self.head:
            self.head += connection.recv(65536)
        self.head, _, self.body = self.head.partition(b"\r\n\r\n")
        connection.sendall(self._first)
        while len(self.body) < self._read:
            self.body += connection.recv(65536)
        if self._read:
            connection.sendall(DONE)


async def test_who_refuses_is_heard_and_sent_nothing() -> None:
    server = Server(b"HTTP/1.1 501 Not Implemented\r\nContent-Length: 2\r\n\r\nno", read=0)
    with hostile(server) as port:
        answer = await put(port)
    assert (answer.status, answer.body) == (501, b"no")
    assert b"expect: 100-continue" in server.head.lower()
    assert server.body == b""


async def test_who_wants_it_is_sent_it() -> None:
    server = Server(b"HTTP/1.1 100 Continue\r\n\r\n", read=len(BODY))
    with hostile(server) as port:
        assert (await put(port)).status == 200
    assert server.body == BODY


async def test_who_says_nothing_is_sent_it_after_a_while(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(expecting, "GO_AHEAD_SECONDS", 0.05)
    server = Server(b"", read=len(BODY))
    with hostile(server) as port:
        assert (await put(port)).status == 200
    assert server.body == BODY


async def test_only_a_controllers_driver_may_ask_for_it() -> None:
    server = Server(b"", read=len(BODY))
    with hostile(server) as port:
        assert (await put(port, "webhook")).status == 200
    assert b"expect" not in server.head.lower()
