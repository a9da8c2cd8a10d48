"""The process that decodes: what it may use, and what becomes of it when it is sent what nobody should send."""

import asyncio
import socket
import struct
import sys
import threading

import psutil
import pytest

from runtime.drivers.cameras.eye.framing import LENGTHS, MAX_HEADER, framed, lengths_of
from runtime.drivers.cameras.eye.job import Attention, Job, Told, Unseen
from runtime.drivers.cameras.eyes import Eye
from runtime.drivers.cameras.limits import MAX_JPEG
from runtime.pollers import sightings
from tests.modules.cameras.calling import Caller
from tests.modules.cameras.following import following
from tests.modules.peers.hostile_http import hangs, hostile
from tests.modules.peers.http_camera import http_camera
from tests.modules.peers.pictures import moving, still

ALL = Attention(motion=True, person=True, sensitivity=50, zones={}, min_interval_seconds=1, frames_per_second=10)


def resized(picture: bytes, width: int, height: int) -> bytes:
    """The same JPEG, lying about its size."""
    place = picture.index(b"\xff\xc0")
    return picture[: place + 5] + struct.pack(">HH", height, width) + picture[place + 9 :]


async def shown(*pictures: bytes) -> list[Told]:
    """What an eye says of these pictures, until it has seen them all."""
    eye = Eye(warm=False)
    try:
        await eye.give(Job(kind="watch", attention=ALL))
        said: list[Told] = []
        for picture in pictures:
            await eye.give({}, picture)
            async with asyncio.timeout(20):
                while (told := (await eye.told())[0]).kind != "looked":
                    said.append(told)
        return said
    finally:
        eye.end()


async def test_it_tells_of_what_moves_and_of_nothing_else() -> None:
    assert [each.kind for each in await shown(still(), still(), moving()[4])] == ["motion"]


@pytest.mark.parametrize(
    "picture",
    [
        b"",
        b"\xff\xd8\xff\xd9",
        b"no picture at all",
        still()[:-200] + b"\xff\xd9" * 3,
        resized(still(), 16384, 16384),
        resized(still(), 16384, 1),
        resized(still(), 1, 16384),
    ],
    ids=["empty", "bare", "text", "cut", "huge", "flat", "thin"],
)
async def test_whatever_picture_comes_it_is_looked_at_or_the_reason_is_a_word_of_ours(picture: bytes) -> None:
    try:
        await shown(still(), picture, picture)
    except Unseen as unseen:
        assert unseen.reason in ("broken", "bug")


async def test_it_cannot_take_more_memory_than_it_may() -> None:
    eye = Eye(warm=True)
    try:
        await eye.give(Job(kind="watch", attention=ALL))
        await eye.give({}, still())
        await eye.told()
        soft, hard = psutil.Process(eye.pid).rlimit(psutil.RLIMIT_AS)
        assert soft == hard == 2 << 30
        assert psutil.Process(eye.pid).memory_info().vms < soft
    finally:
        eye.end()


async def test_one_that_is_killed_is_a_stream_that_cannot_be_decoded() -> None:
    eye = Eye(warm=False)
    try:
        await eye.give(Job(kind="watch", attention=ALL))
        psutil.Process(eye.pid).kill()
        with pytest.raises(Unseen) as unseen:
            await eye.told()
        assert unseen.value.reason == "broken"
    finally:
        eye.end()


@pytest.mark.parametrize("lengths", [(MAX_HEADER + 1, 0), (2, MAX_JPEG + 1), (1 << 31, 1 << 31)])
def test_what_it_says_is_bounded(lengths: tuple[int, int]) -> None:
    with pytest.raises(ValueError, match="too long"):
        lengths_of(LENGTHS.pack(*lengths))
    assert lengths_of(LENGTHS.pack(MAX_HEADER, MAX_JPEG)) == (MAX_HEADER, MAX_JPEG)


async def test_what_it_says_is_read_strictly() -> None:
    eye = Eye(warm=False)
    try:
        await eye.give(Job(kind="watch", attention=ALL))
        reader = asyncio.StreamReader()
        reader.feed_data(framed(b'{"kind": "secrets"}'))
        eye._reader = reader  # as if the process had been taken over
        with pytest.raises(Unseen) as unseen:
            await eye.told()
        assert unseen.value.reason == "broken"
    finally:
        eye.end()


async def test_it_ends_with_whoever_started_it() -> None:
    script = """
import asyncio, sys
from runtime.drivers.cameras.eye.job import Job, Source
from runtime.drivers.cameras.eyes import Eye
async def main():
    eye = Eye(warm=False)
    where = {"scheme": "rtsp", "host": "127.0.0.1", "port": int(sys.argv[1]), "path": "/"}
    await eye.give(Job(kind="still", source=Source(**where, addresses=("127.0.0.1",))))
    print(eye.pid, flush=True)
    await asyncio.sleep(60)
asyncio.run(main())
"""
    reached = threading.Event()

    def behave(connection: socket.socket) -> None:
        reached.set()
        hangs(connection)

    with hostile(behave) as port:
        parent = await asyncio.create_subprocess_exec(
            sys.executable, "-c", script, str(port), stdout=asyncio.subprocess.PIPE
        )
        assert parent.stdout is not None
        eye = psutil.Process(int(await parent.stdout.readline()))
        # It is in the middle of its work, and waits for the camera.
        assert await asyncio.to_thread(reached.wait, 10)
        parent.kill()
        await parent.wait()
        assert await asyncio.to_thread(psutil.wait_procs, [eye], 5) == ([eye], [])


async def test_a_camera_whose_pictures_kill_is_watched_again(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sightings, "REST_SECONDS", 0.02)
    pictures = [still(), resized(still(), 16384, 16384), still()[:-200] + b"\xff\xd9", *moving()]
    with http_camera(pictures=pictures) as camera:
        watched = {"porch": {"path": "/a.jpg", "motion": True, "frames_per_second": 10}}
        async with following(Caller("http", {"address": camera.url, "cameras": watched})) as followed:
            await followed.wait_for("cameras.event.motion")
