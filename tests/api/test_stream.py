"""Server-sent events of runs and changes."""

import json
import socket
import time
from collections.abc import Iterator

import msgspec
import pytest

from api.hardening import Limits
from catalog.jsonvalue import Json
from tests.api.running import PREFIX, Running, running
from tests.api.test_routes import problem
from tests.api.wire import open_socket, read_all


class Message(msgspec.Struct):
    """One server-sent event."""

    id: int
    event: str
    data: Json


class Stream:
    """An open stream, read message by message."""

    def __init__(self, server: Running, last: int | None = None, token: str = "") -> None:
        self.socket = open_socket(server)
        seen = b"" if last is None else b"Last-Event-ID: %d\r\n" % last
        self.socket.sendall(
            b"GET " + PREFIX.encode() + b"/stream HTTP/1.1\r\nHost: x\r\n" + seen
            + b"Authorization: Bearer " + (token or server.admin).encode() + b"\r\n\r\n"
        )  # fmt: skip
        self.file = self.socket.makefile("rb")
        self.head = b"".join(iter(self.file.readline, b"\r\n"))
        self.blocks = self._blocks()

    def _blocks(self) -> Iterator[list[str]]:
        """Blocks of lines, as they come."""
        block: list[str] = []
        while size := int(self.file.readline() or b"0", 16):
            for line in self.file.read(size + 2)[:-2].decode().splitlines():
                if line:
                    block.append(line)
                else:
                    yield block
                    block = []

    def messages(self, count: int) -> list[Message]:
        """The next so many messages, comments left out."""
        found: list[Message] = []
        for block in self.blocks:
            fields = dict(line.split(": ", 1) for line in block if not line.startswith((":", "retry")))
            if fields:
                found.append(Message(int(fields["id"]), fields["event"], json.loads(fields["data"])))
            if len(found) == count:
                return found
        raise AssertionError(f"the stream ended after {len(found)} of {count}")

    def close(self) -> None:
        """Hang up."""
        self.file.close()
        self.socket.close()


def runs(server: Running, count: int) -> list[str]:
    """Make so many runs end; their ids, oldest first."""
    application = server.server.application
    actor, _ = server.actor(server.admin)

    async def make() -> list[str]:
        made = []
        for _ in range(count):
            source = {
                "name": f"s-{application.clock.new_id()}",
                "source_event": "probe.thing.happened",
                "steps": [{"operation_id": "fabric.log", "params": {"message": "x"}}],
            }
            stored = await application.authoring.create(actor, msgspec.json.encode(source))
            run = await application.trials.test(actor, stored.id, {})
            await application.authoring.delete(actor, stored.id)
            made.append(run.id)
        return made

    return server.run(make())


def test_a_stream_tells_what_happens_from_now_on(server: Running) -> None:
    runs(server, 1)
    stream = Stream(server)
    assert b" 200 " in stream.head
    assert b"text/event-stream" in stream.head
    time.sleep(0.2)
    made = runs(server, 2)
    messages = [each for each in stream.messages(2) if each.event == "run"]
    stream.close()
    assert [each.data["id"] for each in messages if each.data["state"] == "succeeded"][:1] == made[:1]
    assert all(each.data.keys() == {"kind", "id", "state", "time"} for each in messages)


def test_a_reader_who_comes_back_misses_nothing_and_hears_nothing_twice(server: Running) -> None:
    stream = Stream(server)
    time.sleep(0.2)
    made = runs(server, 3)
    heard = stream.messages(3)
    stream.close()
    made += runs(server, 5)
    again = Stream(server, last=heard[1].id)
    heard = heard[:2] + again.messages(3)
    again.close()
    third = Stream(server, last=heard[-1].id)
    made += runs(server, 1)
    while made[-1] not in [each.data["id"] for each in heard if each.data["state"] == "succeeded"]:
        heard += third.messages(1)
    third.close()
    assert [each.id for each in heard] == sorted({each.id for each in heard})
    assert [each.data["id"] for each in heard if each.data["state"] == "succeeded"] == made


def test_zero_is_all_that_is_kept(server: Running) -> None:
    made = runs(server, 1)
    stream = Stream(server, last=0)
    while made[0] != stream.messages(1)[0].data["id"]:
        pass
    stream.close()


def test_a_last_id_of_somebody_elses_making_is_refused(server: Running) -> None:
    assert problem(server.call("GET", "/stream", Last_Event_ID="-1"), 400)["code"] == "LAST_EVENT_ID"
    assert problem(server.call("GET", "/stream?last_event_id=x"), 400)["code"] == "QUERY_INVALID"


@pytest.fixture(scope="module")
def lively(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Running]:
    """A server whose heartbeats come soon and whose streams are few."""
    limits = Limits(heartbeat_seconds=0.3, streams=3, request_seconds=1.5)
    with running(tmp_path_factory.mktemp("lively"), limits=limits) as made:
        yield made


def test_a_heartbeat_keeps_a_quiet_stream_open_past_every_deadline(lively: Running) -> None:
    stream = Stream(lively)
    began, beats = time.monotonic(), 0
    for block in stream.blocks:
        beats += block == [": still here"]
        if time.monotonic() - began > 2.5:
            break
    stream.close()
    assert beats >= 5


def test_a_stream_ends_when_its_credential_no_longer_counts(lively: Running) -> None:
    made = lively.call("POST", "/keys", {"name": "listener", "kind": "token"})
    stream = Stream(lively, token=made.body["text"])
    lively.call("DELETE", f"/keys/{made.body['id']}")
    began = time.monotonic()
    assert all(block[0].startswith(":") for block in stream.blocks)
    assert time.monotonic() - began < 2
    stream.close()


def test_a_revoked_reader_is_told_nothing_more_however_much_happens(server: Running) -> None:
    made = server.call("POST", "/keys", {"name": "revoked-listener", "kind": "token"})
    stream = Stream(server, token=made.body["text"])
    time.sleep(0.2)
    server.call("DELETE", f"/keys/{made.body['id']}")
    runs(server, 1)
    assert all(block[0].startswith(":") for block in stream.blocks)
    stream.close()


def test_streams_are_few_and_one_more_is_told_to_come_back(lively: Running) -> None:
    time.sleep(0.5)
    streams = [Stream(lively) for _ in range(3)]
    refused = lively.call("GET", "/stream")
    assert problem(refused, 429)["code"] == "STREAM_LIMIT"
    assert int(refused.headers["retry-after"]) >= 1
    for each in streams:
        each.close()
    time.sleep(0.5)
    stream = Stream(lively)
    assert b" 200 " in stream.head
    stream.close()


def test_a_reader_who_hangs_up_leaves_nothing_behind(lively: Running) -> None:
    for _ in range(10):
        stream = Stream(lively)
        stream.socket.shutdown(socket.SHUT_RDWR)
        stream.close()
        time.sleep(0.05)
    time.sleep(0.5)
    assert lively.server.serving is not None
    assert lively.server.serving.streams == 0


def test_a_stop_ends_the_streams_at_once(tmp_path_factory: pytest.TempPathFactory) -> None:
    with running(tmp_path_factory.mktemp("stopping")) as server:
        stream = Stream(server)
        began = time.monotonic()
        server.run(server.server.stop())
        assert time.monotonic() - began < 2
        read_all(stream.socket)
        stream.close()


def test_moves_of_changes_are_told_too(server: Running) -> None:
    target = server.controller("streamed")
    stream = Stream(server)
    time.sleep(0.2)
    staged = server.call("POST", "/operations/probe.set/invoke", {"params": {"controller_id": target, "value": 1}})
    change = server.get(f"/changes/{staged.body['change_id']}")
    server.call("POST", f"/changes/{change['id']}/reject", {})
    heard = [each.data for each in stream.messages(2)]
    stream.close()
    assert [(each["kind"], each["id"], each["state"]) for each in heard] == [
        ("change", change["id"], "pending"),
        ("change", change["id"], "rejected"),
    ]
