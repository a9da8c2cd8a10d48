"""Devices through a real server: what happens to them fires Connections, once, also after a restart."""

import time
from collections.abc import Iterator, Sequence
from pathlib import Path

import pytest

from catalog.errors import TargetFailed
from catalog.jsonvalue import Json
from runtime.drivers.driver import Device
from runtime.drivers.link import Link
from tests.api.running import Running, running
from tests.fakes.drivers import FAKE, Login, Script, fake_driver, known

SECRET = "correct-horse"


@pytest.fixture
def script() -> Iterator[Script]:
    """A driver of fakes that has devices."""
    with known(fake_driver(credentials=Login)) as made:
        yield made


class Site:
    """What the controllers have, by address."""

    def __init__(self, script: Script) -> None:
        self.devices: dict[str, bool] = {}
        self.error: str | None = None
        script.devices = self.look

    async def look(self, _link: Link) -> Sequence[Device]:
        """Its devices as they are now."""
        if self.error is not None:
            raise TargetFailed("TARGET_REFUSED", self.error)
        return [
            Device(device_id=name, name=name, kind="camera", online=online, facts={"url": f"rtsp://u:{SECRET}@{name}"})
            for name, online in self.devices.items()
        ]


def add(server: Running, name: str) -> str:
    body = {
        "site_id": server.get("/sites")["items"][0]["id"],
        "name": name,
        "driver": FAKE,
        "settings": {"poll_seconds": 0.05},
        "credentials": {"username": "u", "password": SECRET},
    }
    made = server.call("POST", "/controllers", body)
    assert made.status == 201, made.content
    return str(made.body["id"])


def events(server: Running, count: int, seconds: float = 15.0) -> list[Json]:
    """The devices' events once there are so many, oldest first."""
    until = time.monotonic() + seconds
    while True:
        found = [each for each in server.get("/events?limit=200")["items"] if each["type"].startswith("device.")]
        if len(found) >= count or time.monotonic() > until:
            assert len(found) >= count, found
            return found[::-1]
        time.sleep(0.02)


def quiet(script: Script, looks: int = 4) -> None:
    """Wait until there were so many looks more."""
    seen, until = len(script.links), time.monotonic() + 15
    while len(script.links) < seen + looks:
        assert time.monotonic() < until
        time.sleep(0.01)


def test_a_devices_moves_fire_connections_once_and_a_restart_fires_none(tmp_path: Path, script: Script) -> None:
    site = Site(script)
    site.devices = {f"d{number}": True for number in range(20)}
    source = {
        "name": "moved",
        "source_event": "device.status.changed",
        "steps": [{"operation_id": "probe.echo", "params": {"value": "{{trigger.data.new_status}}"}}],
    }
    with running(tmp_path) as server:
        assert server.call("POST", "/connections", source).status == 201
        controller = add(server, "nvr")
        assert {each["type"] for each in events(server, 20)} == {"device.discovered"}
        site.devices["d7"] = False
        changed = events(server, 21)[20]["payload"]
        assert (changed["device_id"], changed["controller_id"]) == ("d7", controller)
        assert (changed["data"]["old_status"], changed["data"]["new_status"]) == ("online", "offline")
        until = time.monotonic() + 10
        while not (runs := server.get("/runs")["items"]) or runs[0]["state"] != "succeeded":
            assert time.monotonic() < until
            time.sleep(0.02)
    with running(tmp_path) as server:
        quiet(script)
        assert len(events(server, 21)) == 21, "a restart discovers nothing again"
        site.devices["d7"] = True
        assert events(server, 22)[21]["payload"]["data"]["new_status"] == "online"
        quiet(script)
        assert len(server.get("/runs")["items"]) == 2


def test_a_controllers_going_and_coming_is_told_and_no_credential_is_in_any_file(
    tmp_path: Path, script: Script
) -> None:
    site = Site(script)
    site.devices = {"d": True}
    with running(tmp_path) as server:
        controller = add(server, "nvr")
        events(server, 1)
        site.error = f"no such stream: rtsp://u:{SECRET}@d"
        gone = events(server, 2)[1]["payload"]
        assert (gone["device_id"], gone["data"]["kind"], gone["data"]["new_status"]) == (
            controller,
            "controller",
            "offline",
        )
        assert gone["data"]["reason"] == "no such stream: rtsp://u:…@d"
        site.error = None
        assert events(server, 3)[2]["payload"]["data"]["new_status"] == "online"
        for path in ("/events?limit=200", "/controllers", "/audit"):
            assert SECRET.encode() not in server.call("GET", path).content
        kept = [each for each in tmp_path.rglob("*") if each.is_file() and SECRET.encode() in each.read_bytes()]
        assert kept == []


def test_a_removed_controller_is_looked_at_no_more(tmp_path: Path, script: Script) -> None:
    Site(script)
    with running(tmp_path) as server:
        controller = add(server, "brief")
        quiet(script, 2)
        assert server.call("DELETE", f"/controllers/{controller}").status == 204
        time.sleep(0.6)
        seen = len(script.links)
        time.sleep(0.3)
        assert len(script.links) == seen


def test_pollers_that_are_turned_off_look_at_nothing(tmp_path: Path, script: Script) -> None:
    Site(script)
    with running(tmp_path, pollers=False) as server:
        add(server, "unwatched")
        time.sleep(0.4)
    assert script.links == []
