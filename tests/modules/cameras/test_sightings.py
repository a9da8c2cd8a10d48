"""What cameras see becomes events with the very picture that showed it."""

import asyncio
import hashlib
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import cv2
import numpy
import psutil
import pytest

from catalog.jsonvalue import Json
from runtime.drivers.cameras import decoders
from runtime.pollers import sightings
from runtime.pollers.sightings import Sightings
from tests.modules.cameras.calling import CONTROLLER, Caller
from tests.modules.cameras.following import following
from tests.modules.peers.gst_rtsp import PASSWORD, USER, GstRtsp, gst_rtsp
from tests.modules.peers.http_camera import http_camera
from tests.modules.peers.pictures import moving, still

STREET = (Path(__file__).parent / "people" / "street.jpg").read_bytes()
LOGIN = {"username": USER, "password": PASSWORD}
Record = Callable[[str, object], None]


@pytest.fixture(scope="module")
def peer() -> Iterator[GstRtsp]:
    with gst_rtsp("digest") as found:
        yield found


def http_caller(url: str, **watching: Json) -> Caller:
    porch = {"path": "/a.jpg", "name": "Porch", "frames_per_second": 10, **watching}
    return Caller("http", {"address": url, "cameras": {"porch": porch}})


def rtsp_caller(peer: GstRtsp, **cameras: Json) -> Caller:
    return Caller("rtsp", {"address": peer.address, "cameras": cameras}, LOGIN)


@pytest.mark.covers("cameras.event.motion", driver="rtsp", peer="gst-rtsp-server")
async def test_what_moves_in_a_stream_is_told_with_its_picture(peer: GstRtsp, record_property: Record) -> None:
    record_property("peer_version", peer.version)
    caller = rtsp_caller(peer, porch={"path": "/ball", "name": "Porch", "motion": True, "min_interval_seconds": 1})
    async with following(caller) as followed:
        began = time.time()
        found = await followed.wait_for("cameras.event.motion")
    assert found.artifact is not None
    content = caller.artifacts.held[found.artifact.token]
    picture = cv2.imdecode(numpy.frombuffer(content, numpy.uint8), cv2.IMREAD_GRAYSCALE)
    assert picture is not None
    assert picture.shape == (240, 320)
    assert picture.max() > 235
    payload = dict(found.payload)
    assert 0.5 <= payload.pop("confidence") <= 1
    assert payload.pop("occurred_at").startswith(time.strftime("%Y-", time.gmtime(began)))
    assert payload == {
        "controller_id": CONTROLLER,
        "device_id": "porch",
        "camera_id": "porch",
        "camera_name": "Porch",
        "site_id": "house",
        "zone": None,
    }


@pytest.mark.covers("cameras.event.motion", driver="http", peer="an HTTP camera of the tests")
async def test_what_moves_in_pictures_is_told_with_exactly_that_picture(record_property: Record) -> None:
    with http_camera("MD5", [still(), still(), *moving()]) as camera:
        record_property("peer_version", camera.version)
        caller = Caller(
            "http",
            {"address": camera.url, "cameras": {"porch": {"path": "/a.jpg", "motion": True, "frames_per_second": 10}}},
            {"username": USER, "password": "päss:word"},
        )
        async with following(caller) as followed:
            found = await followed.wait_for("cameras.event.motion")
    assert found.artifact is not None
    assert found.artifact.sha256 == hashlib.sha256(moving()[0]).hexdigest()
    assert found.payload["camera_name"] == "porch"


@pytest.mark.covers("cameras.event.person", driver="rtsp", peer="gst-rtsp-server")
async def test_a_person_in_a_stream_is_told(peer: GstRtsp, record_property: Record) -> None:
    record_property("peer_version", peer.version)
    caller = rtsp_caller(
        peer,
        porch={"path": "/street", "person": True, "zones": {"sky": [0, 0, 1, 0.1], "road": [0, 0.1, 1, 1]}},
        gate={"path": "/ball", "person": True, "motion": True},
    )
    async with following(caller) as followed:
        found = await followed.wait_for("cameras.event.person")
        await followed.wait_for("cameras.event.motion", "gate")
    assert (found.payload["zone"], found.payload["confidence"] > 0.5) == ("road", True)
    assert {each.type for each in followed.happenings if each.payload["camera_id"] == "gate"} == {
        "cameras.event.motion"
    }, "a ball is no person"


@pytest.mark.covers("cameras.event.person", driver="http", peer="an HTTP camera of the tests")
async def test_a_person_in_a_picture_is_told_with_exactly_that_picture(record_property: Record) -> None:
    with http_camera(pictures=[STREET]) as camera:
        record_property("peer_version", camera.version)
        async with following(http_caller(camera.url, person=True)) as followed:
            found = await followed.wait_for("cameras.event.person")
    assert found.artifact is not None
    assert found.artifact.sha256 == hashlib.sha256(STREET).hexdigest()


async def nothing_is_told(pictures: list[bytes], zones: Json) -> None:
    with http_camera(pictures=pictures) as camera:
        async with following(http_caller(camera.url, motion=True, zones=zones, sensitivity=80)) as followed:
            async with asyncio.timeout(10):
                while camera.sent < 14:
                    await asyncio.sleep(0.02)
        assert followed.happenings == []


async def test_nothing_is_told_where_nothing_moves_or_only_outside_the_zones_or_only_the_light() -> None:
    bright = cv2.imencode(".jpg", numpy.full((240, 320), 220, numpy.uint8))[1]
    async with asyncio.TaskGroup() as group:
        group.create_task(nothing_is_told([still()], {}))
        group.create_task(nothing_is_told([*moving()], {"sky": [0, 0, 1, 0.2]}))
        group.create_task(nothing_is_told([still(), bytes(bright)], {}))


async def test_one_kind_is_told_once_in_its_interval() -> None:
    with http_camera(pictures=moving()) as camera:
        async with following(http_caller(camera.url, motion=True, min_interval_seconds=60)) as followed:
            await followed.wait_for("cameras.event.motion")
            sent = camera.sent
            async with asyncio.timeout(10):
                while camera.sent < sent + 8:
                    await asyncio.sleep(0.02)
        assert len(followed.happenings) == 1


async def test_a_camera_that_goes_is_watched_again_when_it_comes_and_is_in_no_others_way(
    peer: GstRtsp, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(sightings, "REST_SECONDS", 0.02)
    with http_camera(pictures=moving()) as camera:
        camera.gone.add("/a.jpg")
        settings = {
            "porch": {"path": "/a.jpg", "motion": True, "frames_per_second": 10},
            "gate": {"path": "/b.jpg", "motion": True, "frames_per_second": 10},
        }
        async with following(Caller("http", {"address": camera.url, "cameras": settings})) as followed:
            await followed.wait_for("cameras.event.motion", "gate")
            camera.gone.clear()
            await followed.wait_for("cameras.event.motion", "porch")


async def test_whoever_stops_watching_leaves_no_process_behind(peer: GstRtsp) -> None:
    caller = rtsp_caller(peer, porch={"path": "/ball", "motion": True})
    async with following(caller) as followed:
        await followed.wait_for("cameras.event.motion")
        (eye,) = [each for each in psutil.Process().children() if "runtime.drivers.cameras.eye" in each.cmdline()]
        assert PASSWORD not in " ".join(eye.cmdline())
    await asyncio.to_thread(eye.wait, 5)


async def test_without_its_libraries_watching_says_which_extra_brings_them(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    def lacking(*names: str) -> None:
        raise ModuleNotFoundError("No module named 'cv2'", name="cv2")

    monkeypatch.setattr(decoders, "need", lacking)
    async with following(http_caller("http://127.0.0.1:9", motion=True)):
        async with asyncio.timeout(5):
            while "DRIVER_MISSING" not in (said := capsys.readouterr().out):
                await asyncio.sleep(0.01)
    assert "camera_unwatched" in said


def test_nobody_is_watched_who_is_not_asked_for() -> None:
    assert not Sightings().wanted(http_caller("http://127.0.0.1:9").target)
    assert not Sightings().wanted(Caller("http", {"cameras": {"porch": {"motion": True}}}).target)
    assert not Sightings().wanted(Caller("local", {}).target)


def test_a_library_that_is_not_there_is_named() -> None:
    decoders.need("asyncio")
    with pytest.raises(ModuleNotFoundError) as missing:
        decoders.need("asyncio", "no_such_library")
    assert missing.value.name == "no_such_library"
