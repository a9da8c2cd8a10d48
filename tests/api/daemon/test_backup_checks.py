"""Backups are read again by a real daemon; one that is damaged is told of once."""

import time
from pathlib import Path

import pytest

from catalog.daemons import DRIVER, LOCAL_DAEMON
from catalog.jsonvalue import Json
from runtime.pollers import backups
from runtime.pollers.backups import BackupPoll
from tests.api.daemon.hosted import Hosted
from tests.api.daemon.operating import LOCAL
from tests.fakes.ports import FakePorts
from tests.modules.asking import controller
from tests.modules.looking import Looks, Told


def made(daemon: Hosted, volume: str, count: int = 1) -> list[Json]:
    """A volume's backups; the volume is made if need be."""
    if volume not in [each["name"] for each in daemon.get("/volumes")["volumes"]]:
        daemon.data("POST", "/volumes", {"name": volume, "size": "1Mi"}, status=201)
    return [daemon.data("POST", f"/volumes/{volume}/backup", {}, status=201)["backup"] for _ in range(count)]


def damage(backup: Json) -> None:
    """One bit."""
    path = Path(backup["path"])
    content = bytearray(path.read_bytes())
    content[len(content) // 2] ^= 1
    path.write_bytes(content)


class Looking:
    """The watch at the daemon of this process, on its own loop."""

    def __init__(self, daemon: Hosted) -> None:
        self._daemon = daemon
        self._looks = Looks(BackupPoll(), LOCAL, FakePorts(daemon=daemon.hosting.inside).call("x").ports)

    def once(self) -> Told:
        return self._daemon.run(self._looks.once())


def about(told: Told, volume: str) -> list[Json]:
    assert {kind for kind, _ in told} <= {"backup.validation.failed"}
    return [payload for _, payload in told if payload["job_name"] == volume]


def test_a_backup_is_verified_on_request(daemon: Hosted) -> None:
    first, second = made(daemon, "asked", 2)
    good = daemon.data("POST", "/volumes/asked/verify", {})
    assert (good["backup"], good["verified"], good["reason"]) == (second["name"], True, None)
    damage(first)
    bad = daemon.data("POST", "/volumes/asked/verify", {"backup": first["name"]})
    assert (bad["backup"], bad["verified"]) == (first["name"], False)
    assert "SHA-256 differs" in bad["reason"]
    Path(first["path"]).unlink()
    assert not daemon.data("POST", "/volumes/asked/verify", {"backup": first["name"]})["verified"]
    refused = daemon.error("POST", "/volumes/asked/verify", {"backup": "none"}, status=404)
    assert refused["code"] == "BACKUP_NOT_FOUND"


def test_a_backup_that_is_damaged_when_it_is_made_is_told_of_once(daemon: Hosted) -> None:
    first, second = made(daemon, "fresh", 2)
    damage(second)
    looks = Looking(daemon)
    (payload,) = about(looks.once(), "fresh")
    assert (payload["backup_id"], payload["site_id"]) == (second["name"], "site-1")
    assert payload["controller_id"] == LOCAL_DAEMON
    assert "SHA-256 differs" in payload["reason"]
    assert about(looks.once(), "fresh") == []
    (third,) = made(daemon, "fresh")
    damage(third)
    (payload,) = about(looks.once(), "fresh")
    assert payload["backup_id"] == third["name"]
    assert first["name"] not in str(payload)


def test_a_backup_that_rots_later_is_found_when_it_is_read_again(
    daemon: Hosted, monkeypatch: pytest.MonkeyPatch
) -> None:
    (backup,) = made(daemon, "old")
    looks = Looking(daemon)
    assert about(looks.once(), "old") == []
    damage(backup)
    assert about(looks.once(), "old") == [], "it was read a moment ago"
    later = time.time() + backups.AGAIN_AFTER + 1
    monkeypatch.setattr("tests.modules.looking.time.time", lambda: later)
    (payload,) = about(looks.once(), "old")
    assert payload["backup_id"] == backup["name"]
    much_later = later + backups.AGAIN_AFTER + 1
    monkeypatch.setattr("tests.modules.looking.time.time", lambda: much_later)
    assert about(looks.once(), "old") == [], "it still is what it was told to be"


def test_what_is_not_read_in_one_look_is_read_in_the_next(daemon: Hosted, monkeypatch: pytest.MonkeyPatch) -> None:
    (backup,) = made(daemon, "late")
    damage(backup)
    monkeypatch.setattr(backups, "READS_FOR", -1.0)
    looks = Looking(daemon)
    assert looks.once() == []
    monkeypatch.setattr(backups, "READS_FOR", 60.0)
    assert len(about(looks.once(), "late")) == 1


async def test_a_process_without_a_daemon_has_nothing_to_verify() -> None:
    assert LOCAL.id == LOCAL_DAEMON
    assert await Looks(BackupPoll(), LOCAL, FakePorts().call("x").ports).once() == []


@pytest.mark.parametrize(
    ("driver", "settings", "every"),
    [(DRIVER, {}, 60.0), (DRIVER, {"poll_seconds": 5}, 5.0), (DRIVER, {"poll_seconds": 0}, None), ("local", {}, None)],
)
def test_only_daemons_are_asked(driver: str, settings: dict[str, Json], every: float | None) -> None:
    rhythm = BackupPoll().rhythm(controller(driver, settings))
    assert (None if rhythm is None else rhythm.every) == every
