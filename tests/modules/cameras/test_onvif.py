"""The driver `onvif` at IPyCam's device service, whose stream is GStreamer's."""

import socket
from collections.abc import Callable, Iterator

import cv2
import numpy
import pytest

from catalog.errors import FabricError
from catalog.jsonvalue import Json
from runtime.drivers.cameras.soap.envelope import request
from tests.modules.cameras.calling import Caller
from tests.modules.cameras.following import following
from tests.modules.peers.gst_rtsp import GstRtsp, gst_rtsp
from tests.modules.peers.hostile_http import hostile
from tests.modules.peers.onvif_camera import PASSWORD, USER, IpyCam, ipycam

LOGIN = {"username": USER, "password": PASSWORD}
Record = Callable[[str, object], None]


@pytest.fixture(scope="module")
def stream() -> Iterator[GstRtsp]:
    with gst_rtsp("digest") as found:
        yield found


@pytest.fixture(scope="module")
def peer(stream: GstRtsp) -> Iterator[IpyCam]:
    # 192.0.2.7 is nobody's: whoever went where the device says would find nothing.
    with ipycam(stream.port, calls_itself="192.0.2.7") as found:
        yield found


def caller(peer: IpyCam, credentials: dict[str, str] = LOGIN, **settings: Json) -> Caller:
    return Caller("onvif", {"address": peer.address, **settings}, credentials)


@pytest.mark.covers("cameras.snapshot", driver="onvif", peer="IPyCam")
async def test_a_picture_is_taken_at_the_address_whatever_the_device_calls_itself(
    peer: IpyCam, record_property: Record
) -> None:
    record_property("peer_version", peer.version)
    found = caller(peer)
    for _ in range(2):
        taken = await found.ask("cameras.snapshot", camera_id="VS_1")
        content = found.artifacts.held[taken["artifact"]["token"]]
        picture = cv2.imdecode(numpy.frombuffer(content, numpy.uint8), cv2.IMREAD_GRAYSCALE)
        assert picture is not None
        assert picture.shape == (240, 320)


@pytest.mark.covers("cameras.list", driver="onvif", peer="IPyCam")
async def test_video_sources_are_the_cameras(peer: IpyCam, record_property: Record) -> None:
    record_property("peer_version", peer.version)
    found = await caller(peer, cameras={"VS_1": {"name": "Porch"}}).ask("cameras.list")
    assert found["cameras"] == [
        {
            "camera_id": "VS_1",
            "name": "Porch",
            "online": True,
            "reason": None,
            "width": 320,
            "height": 240,
            "model": "VirtualCam-1",
        }
    ]


@pytest.mark.covers("cameras.event.motion", driver="onvif", peer="IPyCam")
async def test_what_moves_is_seen_through_the_stream_that_the_device_names(
    peer: IpyCam, record_property: Record
) -> None:
    record_property("peer_version", peer.version)
    async with following(caller(peer, cameras={"VS_1": {"motion": True}})) as followed:
        found = await followed.wait_for("cameras.event.motion", "VS_1")
    assert found.artifact is not None


async def test_a_device_whose_pictures_are_not_where_it_says_is_looked_at_through_its_stream(stream: GstRtsp) -> None:
    with ipycam(stream.port, pictures_at="gone.jpg") as peer:
        found = caller(peer)
        taken = await found.ask("cameras.snapshot", camera_id="VS_1")
        assert taken["artifact"]["size"] > 500
        (camera,) = await found.open().devices()
        assert camera.online


async def test_a_device_is_asked_by_its_own_clock() -> None:
    asked: list[bytes] = []
    there = "<tt:Date><tt:Year>2020</tt:Year><tt:Month>2</tt:Month><tt:Day>3</tt:Day></tt:Date>"
    moment = "<tt:Time><tt:Hour>4</tt:Hour><tt:Minute>5</tt:Minute><tt:Second>6</tt:Second></tt:Time>"
    utc = f"<tt:UTCDateTime>{moment}{there}</tt:UTCDateTime>"
    clock = f"<tds:R><tds:SystemDateAndTime>{utc}</tds:SystemDateAndTime></tds:R>"

    def behave(connection: socket.socket) -> None:
        content = b""
        while b"</s:Envelope>" not in content:
            content += connection.recv(65536)
        asked.append(content)
        body = request(clock if b"GetSystemDateAndTime" in content else "<tds:R/>")
        connection.sendall(b"HTTP/1.1 200 OK\r\nContent-Length: %d\r\n\r\n" % len(body) + body)

    with hostile(behave) as port:
        found = Caller("onvif", {"address": f"http://127.0.0.1:{port}"}, LOGIN)
        assert await found.open().devices() == []
    assert b"Security" not in asked[0], "what time it is may be asked by everybody"
    assert all(b">2020-02-03T04:05:0" in each for each in asked[1:])
    assert len(asked) == 4


async def test_a_device_that_lets_everybody_look_needs_no_login() -> None:
    with ipycam(open_to_all=True) as peer:
        assert len((await caller(peer, {}).ask("cameras.snapshot", camera_id="VS_1"))["artifact"]["sha256"]) == 64


@pytest.mark.parametrize("credentials", [{}, {**LOGIN, "password": "wrong"}])
async def test_a_wrong_login_is_said_to_be_wrong(peer: IpyCam, credentials: dict[str, str]) -> None:
    found = caller(peer, credentials)
    with pytest.raises(FabricError) as refused:
        await found.ask("cameras.snapshot", camera_id="VS_1")
    assert refused.value.code == "TARGET_AUTH_FAILED"
    (check,) = await found.open().check()
    assert (check.ok, check.code) == (False, "TARGET_AUTH_FAILED")


async def test_testing_the_controller_says_who_it_is_and_what_it_shows(peer: IpyCam) -> None:
    device, picture = await caller(peer).open().check()
    assert (device.ok, device.name) == (True, "ask the device")
    assert "model VirtualCam-1" in device.detail
    assert (picture.ok, picture.name, picture.detail) == (True, "take a picture of `VS_1`", "width 320, height 240")


async def test_a_camera_that_is_not_there_is_named_with_those_that_are(peer: IpyCam) -> None:
    with pytest.raises(FabricError) as refused:
        await caller(peer).ask("cameras.snapshot", camera_id="VS_2")
    assert refused.value.code == "TARGET_NOT_FOUND"
    assert "`VS_1`" in (refused.value.hint or "")


async def test_a_path_that_is_no_device_service_is_said_to_be_none(peer: IpyCam) -> None:
    with pytest.raises(FabricError) as refused:
        await caller(peer, device_path="/nowhere").ask("cameras.list")
    assert refused.value.code in ("TARGET_REFUSED", "TARGET_AUTH_FAILED")
