"""A camera that means harm costs its own call, in its time, with a code."""

import asyncio
import resource
import time
from pathlib import Path

import pytest

from catalog.errors import FabricError
from catalog.jsonvalue import Json
from tests.fakes.certificates import authority_pem, serving
from tests.modules.cameras.calling import Caller
from tests.modules.peers.hostile_http import Behaviour, floods, hangs, hostile, resets, says
from tests.modules.peers.http_camera import http_camera
from tests.modules.peers.pictures import still

HEAD = b"HTTP/1.1 200 OK\r\nContent-Type: image/jpeg\r\n"


def whole(body: bytes) -> Behaviour:
    return says(HEAD + b"Content-Length: %d\r\n\r\n" % len(body) + body)


def caller(port: int, seconds: float = 0.5) -> Caller:
    cameras = {"porch": {"path": "/snap.jpg"}}
    return Caller("http", {"address": f"http://127.0.0.1:{port}", "cameras": cameras, "timeout_seconds": seconds})


@pytest.mark.parametrize(
    ("behave", "code", "told"),
    [
        (hangs, "TARGET_TIMEOUT", "has not answered for a picture of `porch` within 0."),
        (resets, "TARGET_REFUSED", "hung up"),
        (says(HEAD + b"Content-Length: 900000\r\n\r\n" + still()), "TARGET_REFUSED", "hung up"),
        (floods(HEAD + b"\r\n"), "TARGET_REFUSED", "larger than"),
        (floods(b""), "TARGET_REFUSED", "not HTTP"),
        (says(b"220 mail ESMTP\r\n\r\n"), "TARGET_REFUSED", "not HTTP"),
        (says(b"RTSP/1.0 200 OK\r\n\r\n"), "TARGET_REFUSED", "no JPEG"),
        (whole(b""), "TARGET_REFUSED", "no JPEG"),
        (whole(b"<html>hello</html>"), "TARGET_REFUSED", "no JPEG"),
        (whole(still()[:-300]), "TARGET_REFUSED", "breaks off"),
        (whole(b"\xff\xd8\xff\xd9"), "TARGET_REFUSED", "no usable size"),
        (whole(b"\xff\xd8\xff" + b"\xfe\x00\x02\xff" * 500_000 + b"\xff\xd9"), "TARGET_REFUSED", "no usable size"),
        (whole(b"\xff\xd8\xff\xc0\x00\x0b\x08\xff\xff\xff\xff\x01\x11\x00\xff\xd9"), "TARGET_REFUSED", "usable size"),
        (says(b"HTTP/1.1 302 Found\r\nLocation: http://127.0.0.1:1/\r\n\r\n"), "TARGET_REFUSED", "answers 302"),
        (says(b"HTTP/1.1 500 No\r\nContent-Length: 0\r\n\r\n"), "TARGET_REFUSED", "answers 500"),
    ],
)
async def test_what_it_does_costs_one_call(behave: Behaviour, code: str, told: str) -> None:
    with hostile(behave) as port:
        began = time.monotonic()
        with pytest.raises(FabricError) as refused:
            await caller(port, 0.5 if behave is hangs else 5).ask("cameras.snapshot", camera_id="porch")
        assert time.monotonic() - began < 3
    assert refused.value.code == code
    assert told in refused.value.message
    assert "`porch`" in refused.value.message


async def test_an_endless_answer_is_not_kept() -> None:
    before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    with hostile(floods(HEAD + b"\r\n")) as port, pytest.raises(FabricError):
        await caller(port, 10).ask("cameras.snapshot", camera_id="porch")
    assert resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before < 64 * 1024


async def test_a_camera_that_hangs_is_in_nobody_elses_way() -> None:
    with hostile(hangs) as port, http_camera() as good:
        hanging = asyncio.create_task(caller(port, 5).ask("cameras.snapshot", camera_id="porch"))
        other = caller(int(good.url.rpartition(":")[2]), 5)
        began = time.monotonic()
        for _ in range(20):
            await other.ask("cameras.snapshot", camera_id="porch")
        assert time.monotonic() - began < 2
        assert not hanging.done()
        hanging.cancel()
        await asyncio.wait([hanging])


@pytest.mark.parametrize(("expired", "known"), [(False, True), (True, True), (False, False)])
async def test_a_certificate_is_looked_at(expired: bool, known: bool, tmp_path: Path) -> None:
    authority = tmp_path / "authority.pem"
    authority.write_bytes(authority_pem())
    trust: dict[str, Json] = {"ca_file": str(authority)} if known else {}
    with http_camera(tls=serving("127.0.0.1", expired=expired)) as camera:
        found = Caller("http", {"address": camera.url, "cameras": {"porch": {"path": "/a.jpg"}}, **trust})
        if known and not expired:
            assert (await found.ask("cameras.snapshot", camera_id="porch"))["artifact"]["size"] > 1000
            return
        with pytest.raises(FabricError) as refused:
            await found.ask("cameras.snapshot", camera_id="porch")
    assert refused.value.code == "TARGET_UNREACHABLE"
    assert "certificate" in refused.value.message
    assert "ca_file" in (refused.value.hint or "")
