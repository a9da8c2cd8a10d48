"""A stream that means harm costs its own call, in its time, with a code; and the process that decodes it, no more."""

import asyncio
import resource
import socket
import threading
import time
from collections.abc import Callable

import psutil
import pytest

from catalog.errors import FabricError
from tests.modules.cameras.calling import Caller
from tests.modules.peers.hostile_http import Behaviour, floods, hangs, hostile, resets, says

SDP = b"v=0\r\no=- 1 1 IN IP4 127.0.0.1\r\ns=x\r\nt=0 0\r\nm=video 0 RTP/AVP 96\r\na=rtpmap:96 H264/90000\r\n"
SDP += b"a=control:stream=0\r\n"
SECRET = "the camera's password"


def reply(first: bytes, *headers: bytes, body: bytes = b"") -> bytes:
    lines = [b"RTSP/1.0 " + first, b"CSeq: 1", *headers, b"Content-Length: %d" % len(body), b"", body]
    return b"\r\n".join(lines)


def caller(port: int, seconds: float = 5) -> Caller:
    settings = {"address": f"rtsp://127.0.0.1:{port}", "cameras": {"porch": {"path": "/a"}}, "timeout_seconds": seconds}
    return Caller("rtsp", settings, {"username": "viewer", "password": SECRET})


def plays(media: Callable[[socket.socket], None], also: bytes = b"", sdp: bytes = SDP) -> Behaviour:
    """Answers a player as it should, with `also` in each reply, and then sends what `media` sends."""

    def behave(connection: socket.socket) -> None:
        asked = number = b""
        for line in connection.makefile("rb"):
            if line.lower().startswith(b"cseq:"):
                number = line.split()[1]
            elif line == b"\r\n":
                head = b"RTSP/1.0 200 OK\r\nCSeq: " + number + b"\r\nSession: 1\r\n" + also
                if asked == b"DESCRIBE":
                    connection.sendall(head + b"Content-Type: application/sdp\r\nContent-Length: %d\r\n\r\n" % len(sdp))
                    connection.sendall(sdp)
                else:
                    connection.sendall(head + b"Transport: RTP/AVP/TCP;unicast;interleaved=0-1\r\n\r\n")
                if asked == b"PLAY":
                    media(connection)
                    return
            elif b" rtsp://" in line:
                asked = line.partition(b" ")[0]

    return behave


def rubbish(connection: socket.socket) -> None:
    """Packets that look like RTP and hold no video."""
    for sequence in range(3000):
        body = b"\x80\xe0" + sequence.to_bytes(2, "big") + bytes(8) + b"\x65" + bytes(range(256)) * 4
        connection.sendall(b"$\x00" + len(body).to_bytes(2, "big") + body)


ANSWERS: list[tuple[Behaviour, str, str]] = [
    (hangs, "TARGET_TIMEOUT", "`porch` within"),
    (resets, "TARGET_REFUSED", "hung up"),
    (says(b"HTTP/1.1 200 OK\r\n\r\n"), "TARGET_REFUSED", "not RTSP"),
    (says(b"RTSP/1.0 200 OK\r\nContent-Length: 9000000000\r\n\r\n"), "TARGET_REFUSED", "not RTSP"),
    (says(b"RTSP/1.0 200 OK\r\nContent-Length: 500\r\n\r\nv=0\r\n"), "TARGET_REFUSED", "hung up"),
    (says(b"RTSP/1.0 200 OK\r\n" + b"a: b\r\n" * 100), "TARGET_REFUSED", "not RTSP"),
    (floods(b"RTSP/1.0 200 OK\r\nX: "), "TARGET_REFUSED", "not RTSP"),
    (floods(b""), "TARGET_REFUSED", "not RTSP"),
    (says(reply(b"200 OK", body=b"hello")), "TARGET_REFUSED", "no video"),
    (says(reply(b"500 No")), "TARGET_REFUSED", "answers 500"),
    (says(reply(b"302 Moved", b"Location: rtsp://127.0.0.1:1/")), "TARGET_REFUSED", "another place"),
    (says(reply(b"403 No")), "TARGET_AUTH_FAILED", "may not see `porch`"),
    (says(reply(b"404 No")), "TARGET_NOT_FOUND", "no stream"),
    (says(reply(b"401 No")), "TARGET_AUTH_FAILED", "does not take the credentials"),
    (says(reply(b"401 No", b'WWW-Authenticate: Digest realm="a", nonce="n"')), "TARGET_AUTH_FAILED", "not take"),
]
"""What one says to the first question, and what is told of it."""


@pytest.mark.parametrize(
    ("behave", "code", "told"),
    [
        *ANSWERS,
        (plays(rubbish), "TARGET_REFUSED", "`porch`"),
        (plays(lambda _: None), "TARGET_REFUSED", "`porch`"),
        (plays(hangs), "TARGET_TIMEOUT", "`porch`"),
    ],
)
async def test_what_it_does_costs_one_call(behave: Behaviour, code: str, told: str) -> None:
    with hostile(behave) as port:
        began = time.monotonic()
        with pytest.raises(FabricError) as refused:
            await caller(port, 0.8 if code == "TARGET_TIMEOUT" else 6).ask("cameras.snapshot", camera_id="porch")
        assert time.monotonic() - began < 6
    assert refused.value.code == code
    assert told in refused.value.message


@pytest.mark.parametrize(("behave", "code", "told"), ANSWERS)
async def test_it_is_told_of_in_the_same_words_when_it_is_only_looked_for(
    behave: Behaviour, code: str, told: str
) -> None:
    with hostile(behave) as port, pytest.raises(FabricError) as refused:
        await caller(port, 0.5 if code == "TARGET_TIMEOUT" else 6).open().devices()
    assert refused.value.code == code
    assert told in refused.value.message


async def test_nobody_follows_a_camera_to_another_place() -> None:
    came = threading.Event()

    def note(connection: socket.socket) -> None:
        came.set()

    with hostile(note) as elsewhere:
        moved = b"Location: rtsp://127.0.0.1:%d/a" % elsewhere
        with hostile(says(reply(b"302 Moved", moved))) as port, pytest.raises(FabricError) as refused:
            await caller(port).ask("cameras.snapshot", camera_id="porch")
        assert "another place" in refused.value.message
        # The same while FFmpeg itself is asking: its own DESCRIBE is the second.
        asked = threading.Semaphore(1)

        def turns(connection: socket.socket) -> None:
            while connection.recv(65536):
                first = asked.acquire(blocking=False)
                connection.sendall(reply(b"200 OK", body=SDP) if first else reply(b"302 Moved", moved))

        with hostile(turns) as port, pytest.raises(FabricError) as refused:
            await caller(port).ask("cameras.snapshot", camera_id="porch")
        assert refused.value.code == "TARGET_REFUSED"
    assert not came.is_set()


async def test_other_places_that_a_stream_names_are_not_gone_to_either() -> None:
    came = threading.Event()
    with hostile(lambda _: came.set()) as elsewhere:
        place = b"rtsp://127.0.0.1:%d/x" % elsewhere
        there = b"c=IN IP4 127.0.0.1\r\nm=video %d RTP/AVP 96" % elsewhere
        sdp = SDP.replace(b"m=video 0 RTP/AVP 96", there).replace(b"stream=0", place)
        also = b"Content-Base: " + place + b"\r\nLocation: " + place + b"\r\nRTP-Info: url=" + place + b"\r\n"
        with hostile(plays(rubbish, also, sdp)) as port, pytest.raises(FabricError):
            await caller(port, 3).ask("cameras.snapshot", camera_id="porch")
    assert not came.is_set()


def eyes() -> list[psutil.Process]:
    return [each for each in psutil.Process().children() if "runtime.drivers.cameras.eye" in each.cmdline()]


async def test_a_caller_who_leaves_leaves_no_process_and_no_secret_behind() -> None:
    reached = threading.Event()

    def behave(connection: socket.socket) -> None:
        connection.recv(1)
        reached.set()
        hangs(connection)

    with hostile(behave) as port:
        asking = asyncio.create_task(caller(port, 30).ask("cameras.snapshot", camera_id="porch"))
        await asyncio.to_thread(reached.wait, 10)
        (eye,) = eyes()
        assert SECRET not in " ".join(eye.cmdline())
        assert set(eye.environ()) <= {"PATH", "LANG", "SSL_CERT_FILE", "SSL_CERT_DIR", "LC_CTYPE"}
        bounds = {
            name: eye.rlimit(getattr(psutil, f"RLIMIT_{name}")) for name in ("AS", "CPU", "FSIZE", "CORE", "NOFILE")
        }
        assert bounds == {"AS": (2 << 30,) * 2, "CPU": (3600,) * 2, "FSIZE": (0, 0), "CORE": (0, 0), "NOFILE": (64, 64)}
        asking.cancel()
        await asyncio.wait([asking])
        await asyncio.to_thread(eye.wait, 5)


async def test_more_calls_than_a_camera_answers_are_not_begun() -> None:
    with hostile(hangs) as port:
        found = caller(port, 2)
        calls = [asyncio.create_task(found.ask("cameras.snapshot", camera_id="porch")) for _ in range(6)]
        await asyncio.wait(calls, timeout=1.5)
        refused = [each for each in calls if each.done()]
        assert [getattr(each.exception(), "code", "") for each in refused] == ["TARGET_BUSY"] * 2
        for each in calls:
            each.cancel()
        await asyncio.wait(calls)


async def test_what_it_sends_stays_out_of_the_server() -> None:
    before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    with hostile(plays(floods(b""))) as port, pytest.raises(FabricError):
        await caller(port, 2).ask("cameras.snapshot", camera_id="porch")
    assert resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before < 32 * 1024
