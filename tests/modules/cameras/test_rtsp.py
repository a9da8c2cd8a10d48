"""The driver `rtsp` at GStreamer's RTSP server."""

import sys
from collections.abc import Callable, Iterator

import cv2
import numpy
import pytest

from catalog.errors import FabricError, Invalid
from runtime.drivers.cameras import decoders
from runtime.drivers.opening import check_controller
from tests.modules.cameras.calling import Caller
from tests.modules.peers.gst_rtsp import PASSWORD, USER, GstRtsp, gst_rtsp

LOGIN = {"username": USER, "password": PASSWORD}


@pytest.fixture(scope="module", params=["none", "basic", "digest"])
def peer(request: pytest.FixtureRequest) -> Iterator[GstRtsp]:
    with gst_rtsp(request.param) as found:
        yield found


@pytest.fixture(scope="module")
def guarded() -> Iterator[GstRtsp]:
    with gst_rtsp("digest") as found:
        yield found


def caller(peer: GstRtsp, credentials: dict[str, str] = LOGIN, **cameras: str) -> Caller:
    paths = cameras or {"porch": "/ball", "gate": "/ball264"}
    settings = {"address": peer.address, "cameras": {name: {"path": path} for name, path in paths.items()}}
    return Caller("rtsp", settings, credentials)


@pytest.mark.covers("cameras.snapshot", driver="rtsp", peer="gst-rtsp-server")
@pytest.mark.parametrize("camera", ["porch", "gate"])
async def test_a_picture_is_taken_from_a_stream_whatever_its_codec_and_login(
    peer: GstRtsp, camera: str, record_property: Callable[[str, object], None]
) -> None:
    record_property("peer_version", peer.version)
    found = caller(peer)
    taken = await found.ask("cameras.snapshot", camera_id=camera)
    content = found.artifacts.held[taken["artifact"]["token"]]
    picture = cv2.imdecode(numpy.frombuffer(content, numpy.uint8), cv2.IMREAD_GRAYSCALE)
    assert picture is not None
    assert picture.shape == (240, 320)
    assert picture.min() < 20
    assert picture.max() > 235  # a white ball on black


@pytest.mark.covers("cameras.list", driver="rtsp", peer="gst-rtsp-server")
async def test_cameras_without_their_stream_are_offline(
    guarded: GstRtsp, record_property: Callable[[str, object], None]
) -> None:
    record_property("peer_version", guarded.version)
    found = await caller(guarded, porch="/ball", cellar="/nowhere").ask("cameras.list")
    cellar, porch = found["cameras"]
    assert (porch["camera_id"], porch["online"]) == ("porch", True)
    assert (cellar["camera_id"], cellar["online"]) == ("cellar", False)
    assert "no stream at the path of `cellar`" in cellar["reason"]


@pytest.mark.parametrize(
    ("credentials", "told"), [({}, "a user name and a password"), ({**LOGIN, "password": "x"}, "the credentials")]
)
async def test_a_wrong_login_is_said_to_be_wrong(guarded: GstRtsp, credentials: dict[str, str], told: str) -> None:
    with pytest.raises(FabricError) as refused:
        await caller(guarded, credentials).ask("cameras.snapshot", camera_id="porch")
    assert refused.value.code == "TARGET_AUTH_FAILED"
    assert told in refused.value.message


async def test_sound_is_no_picture(guarded: GstRtsp) -> None:
    with pytest.raises(FabricError) as refused:
        await caller(guarded, porch="/tone").ask("cameras.snapshot", camera_id="porch")
    assert (refused.value.code, "no video" in refused.value.message) == ("TARGET_REFUSED", True)


@pytest.mark.parametrize(
    ("address", "told"),
    [
        ("http://10.0.0.1", "neither rtsp nor rtsps"),
        ("rtsp://", "names no host"),
        ("rtsp://viewer:secret@10.0.0.1", "holds a user name"),
        ("rtsp://10.0.0.1:99999", "port"),
    ],
)
def test_an_address_that_cannot_work_is_refused_when_it_is_written(address: str, told: str) -> None:
    with pytest.raises(Invalid) as refused:
        check_controller("rtsp", {"address": address, "cameras": {"a": {"path": "/"}}}, {})
    assert told in refused.value.message
    assert "secret" not in refused.value.message


async def test_without_its_library_opening_says_which_extra_brings_it(
    guarded: GstRtsp, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(decoders, "find_spec", lambda name: None)
    monkeypatch.delitem(sys.modules, "runtime.drivers.cameras.rtsp", raising=False)
    with pytest.raises(FabricError) as refused:
        await caller(guarded).ask("cameras.snapshot", camera_id="porch")
    assert refused.value.code == "DRIVER_MISSING"
    assert "fabricksd[rtsp]" in (refused.value.hint or "")
