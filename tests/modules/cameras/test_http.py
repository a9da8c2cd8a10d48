"""The driver `http` at a camera that serves real JPEGs."""

import hashlib
from collections.abc import Callable

import cv2
import numpy
import pytest
import requests
from requests.auth import HTTPDigestAuth

from catalog.errors import FabricError, Invalid
from runtime.drivers.opening import check_controller
from tests.modules.cameras.calling import Caller
from tests.modules.peers.http_camera import PASSWORD, USER, HttpCamera, http_camera

LOGIN = {"username": USER, "password": PASSWORD}
WAYS = ["none", "basic", "MD5", "SHA-256", "MD5-sess"]


def caller(camera: HttpCamera, credentials: dict[str, str] = LOGIN) -> Caller:
    cameras = {"porch": {"path": "/snap.jpg?channel=1", "name": "Porch"}, "gate": {"path": "/gate.jpg"}}
    return Caller("http", {"address": camera.url, "cameras": cameras, "timeout_seconds": 5}, credentials)


@pytest.mark.covers("cameras.snapshot", driver="http", peer="an HTTP camera of the tests")
@pytest.mark.parametrize("wants", WAYS)
async def test_a_picture_is_taken_whatever_login_the_camera_wants(
    wants: str, record_property: Callable[[str, object], None]
) -> None:
    with http_camera(wants) as camera:
        record_property("peer_version", camera.version)
        found = caller(camera)
        first = await found.ask("cameras.snapshot", camera_id="porch")
        second = await found.ask("cameras.snapshot", camera_id="porch")
        for index, each in enumerate((first, second)):
            content = found.artifacts.held[each["artifact"]["token"]]
            assert content == camera.pictures[index]
            assert each["artifact"]["media_type"] == "image/jpeg"
            assert each["artifact"]["sha256"] == hashlib.sha256(content).hexdigest()
            picture = cv2.imdecode(numpy.frombuffer(content, numpy.uint8), cv2.IMREAD_COLOR)
            assert picture is not None
            assert picture.shape == (240, 320, 3)
        # What the camera asked for is known the second time.
        refusals = 0 if wants == "none" else 1
        assert [status for _, status in camera.requests] == [*[401] * refusals, 200, 200]


@pytest.mark.covers("cameras.list", driver="http", peer="an HTTP camera of the tests")
async def test_cameras_are_listed_with_those_that_are_away(record_property: Callable[[str, object], None]) -> None:
    with http_camera() as camera:
        record_property("peer_version", camera.version)
        camera.gone.add("/gate.jpg")
        found = await caller(camera, {}).ask("cameras.list")
        assert found["truncated"] is False
        gate, porch = found["cameras"]
        assert porch == {
            **dict.fromkeys(("reason", "model")),
            "camera_id": "porch",
            "name": "Porch",
            "online": True,
            "width": 320,
            "height": 240,
        }
        assert (gate["camera_id"], gate["name"], gate["online"]) == ("gate", "gate", False)
        assert "no picture at the path of `gate`" in gate["reason"]
        assert (await caller(camera, {}).ask("cameras.list", limit=1))["truncated"] is True


@pytest.mark.parametrize("credentials", [{}, {"username": USER, "password": "wrong"}])
@pytest.mark.parametrize("wants", ["basic", "MD5"])
async def test_a_wrong_login_is_said_to_be_wrong(wants: str, credentials: dict[str, str]) -> None:
    with http_camera(wants) as camera:
        with pytest.raises(FabricError) as refused:
            await caller(camera, credentials).ask("cameras.snapshot", camera_id="porch")
        assert refused.value.code == "TARGET_AUTH_FAILED"
        assert "`porch`" in refused.value.message
        assert {status for _, status in camera.requests} == {401}
        assert len(camera.requests) <= 2


async def test_a_stale_challenge_is_asked_for_anew() -> None:
    with http_camera("MD5") as camera:
        found = caller(camera)
        await found.ask("cameras.snapshot", camera_id="porch")
        camera.nonces.clear()
        await found.ask("cameras.snapshot", camera_id="porch")
        assert [status for _, status in camera.requests] == [401, 200, 401, 200]


async def test_a_camera_that_is_not_there_is_named_with_those_that_are() -> None:
    with http_camera() as camera, pytest.raises(FabricError) as refused:
        await caller(camera, {}).ask("cameras.snapshot", camera_id="porhc")
    assert refused.value.code == "TARGET_NOT_FOUND"
    assert "no camera `porhc`" in refused.value.message
    assert "`gate`, `porch`" in (refused.value.hint or "")


async def test_testing_a_controller_takes_a_picture_of_each_camera() -> None:
    with http_camera() as camera:
        camera.gone.add("/gate.jpg")
        porch, gate = await caller(camera, {}).open().check()
    assert (porch.ok, porch.name, porch.detail) == (True, "take a picture of `porch`", "width 320, height 240")
    assert (gate.ok, gate.code) == (False, "TARGET_NOT_FOUND")


async def test_where_no_camera_answers_it_is_the_controller_that_is_away() -> None:
    with http_camera() as camera:
        away = caller(camera, {})
    with pytest.raises(FabricError) as refused:
        await away.open().devices()
    assert refused.value.code == "TARGET_UNREACHABLE"


@pytest.mark.parametrize("wants", ["MD5", "SHA-256", "MD5-sess"])
def test_the_camera_of_the_tests_asks_as_other_clients_understand_it(wants: str) -> None:
    with http_camera(wants) as camera:
        url = f"{camera.url}/snap.jpg"
        if wants != "MD5-sess":  # requests does not know it
            given = requests.get(url, auth=HTTPDigestAuth(USER, PASSWORD), timeout=5)
            assert given.status_code == 200
        assert requests.get(url, auth=HTTPDigestAuth(USER, "wrong"), timeout=5).status_code == 401


@pytest.mark.parametrize(
    ("settings", "told"),
    [
        ({"address": "ftp://x", "cameras": {"a": {"path": "/"}}}, "neither http nor https"),
        ({"address": "http://x"}, "cameras"),
        ({"address": "http://x", "cameras": {"a": {"path": "snap.jpg"}}}, "settings.cameras"),
        ({"address": "http://x", "cameras": {"a": {"path": "/", "zones": {"door": [1, 0, 1, 1]}}}}, "`door` is empty"),
        ({"address": "http://x", "cameras": {"a": {"path": "/", "sensitivity": 0}}}, "sensitivity"),
    ],
)
def test_settings_that_cannot_work_are_refused_when_they_are_written(settings: dict[str, object], told: str) -> None:
    with pytest.raises(Invalid) as refused:
        check_controller("http", settings, {})
    assert refused.value.code == "CONTROLLER_SETTINGS"
    assert told in refused.value.message
