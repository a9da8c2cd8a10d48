"""Cameras come and go, and pictures are kept now and then."""

import asyncio
import hashlib
import time
from collections.abc import Callable

import msgspec
import pytest

from catalog.errors import FabricError
from catalog.jsonvalue import Json
from runtime.pollers.camera_snapshots import CameraSnapshots
from runtime.pollers.devices import DevicePoll
from runtime.pollers.watch import Poll, Seen, Watched
from tests.modules.cameras.calling import Caller
from tests.modules.looking import Looks, Told
from tests.modules.peers.http_camera import http_camera

Record = Callable[[str, object], None]


def caller(url: str, **porch: Json) -> Caller:
    cameras = {"porch": {"path": "/porch.jpg", "name": "Porch", **porch}, "gate": {"path": "/gate.jpg"}}
    return Caller("http", {"address": url, "cameras": cameras, "timeout_seconds": 2})


def statuses(told: Told) -> list[tuple[str, str, str | None]]:
    return [
        (kind, payload["camera_name"], payload["reason"]) for kind, payload in told if kind.startswith("camera.status")
    ]


async def failed(poll: Poll, looks: Looks, found: Caller, failures: int) -> Seen | None:
    watched = Watched(
        target=found.target, ports=found.ports, memory=looks.memory, now=time.time(), deadline=0, failures=failures
    )
    with pytest.raises(FabricError) as raised:
        await looks.once()
    return await poll.failed(watched, raised.value)


@pytest.mark.covers("camera.status.offline", driver="http", peer="an HTTP camera of the tests")
@pytest.mark.covers("camera.status.online", driver="http", peer="an HTTP camera of the tests")
async def test_a_camera_goes_and_comes(record_property: Record) -> None:
    with http_camera() as camera:
        record_property("peer_version", camera.version)
        found = caller(camera.url)
        looks = Looks(DevicePoll(), found.target, found.ports)
        assert [kind for kind, _ in await looks.once()] == ["device.discovered"] * 2, "nothing has come or gone yet"
        assert await looks.once() == []
        camera.gone.add("/porch.jpg")
        ((kind, name, reason),) = statuses(await looks.once())
        assert (kind, name) == ("camera.status.offline", "Porch")
        assert reason is not None
        assert "no picture" in reason
        camera.gone.clear()
        assert statuses(await looks.once()) == [("camera.status.online", "Porch", None)]


async def test_cameras_go_and_come_with_their_controller_and_those_that_stay_away_are_told_once() -> None:
    poll = DevicePoll()
    with http_camera() as camera:
        found = caller(camera.url)
        looks = Looks(poll, found.target, found.ports)
        await looks.once()
        camera.wants = "basic"  # and nobody has a login: none of them answers
        assert await failed(poll, looks, found, 1) is None, "one look that failed is no event"
        seen = await failed(poll, looks, found, 2)
        assert seen is not None
        told = [(each.type, each.payload.get("camera_name")) for each in seen.happenings]
        assert told == [
            ("device.status.changed", None),
            ("camera.status.offline", "Porch"),
            ("camera.status.offline", "gate"),
        ]
        looks.memory = msgspec.json.decode(msgspec.json.encode(seen.memory))
        camera.wants = "none"
        camera.gone.add("/gate.jpg")
        assert statuses(await looks.once()) == [("camera.status.online", "Porch", None)]
        camera.gone.clear()
        assert statuses(await looks.once()) == [("camera.status.online", "gate", None)]


@pytest.mark.covers("camera.snapshot.captured", driver="http", peer="an HTTP camera of the tests")
async def test_a_picture_is_kept_when_it_is_due_and_only_then(record_property: Record) -> None:
    with http_camera() as camera:
        record_property("peer_version", camera.version)
        found = caller(camera.url, snapshot_every=30)
        poll = CameraSnapshots()
        rhythm = poll.rhythm(found.target)
        assert rhythm is not None
        assert rhythm.every == 30
        looks = Looks(poll, found.target, found.ports)
        ((kind, payload),) = await looks.once()
        assert (kind, payload["camera_id"], payload["camera_name"]) == ("camera.snapshot.captured", "porch", "Porch")
        (content,) = found.artifacts.held.values()
        assert hashlib.sha256(content).digest() == hashlib.sha256(camera.pictures[0]).digest()
        assert await looks.once() == [], "it is not due yet, nor is it after a restart"
        looks.memory["porch"] -= 30
        assert [kind for kind, _ in await looks.once()] == ["camera.snapshot.captured"]


async def test_a_camera_that_gives_no_picture_keeps_no_other_from_it() -> None:
    with http_camera() as camera:
        found = caller(camera.url, snapshot_every=30)
        cameras: Json = {**found.target.settings["cameras"], "gate": {"path": "/gate.jpg", "snapshot_every": 60}}
        target = msgspec.structs.replace(found.target, settings={**found.target.settings, "cameras": cameras})
        camera.gone.add("/porch.jpg")
        looks = Looks(CameraSnapshots(), target, found.ports)
        ((_, payload),) = await looks.once()
        assert payload["camera_id"] == "gate"
        with pytest.raises(FabricError) as raised:
            await looks.once()
        assert raised.value.code == "TARGET_NOT_FOUND"
    assert CameraSnapshots().rhythm(caller("http://127.0.0.1:9").target) is None
    await asyncio.sleep(0)
