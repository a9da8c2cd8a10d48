"""`fabric volume` and `fabric events`, against a daemon on its socket."""

import json
import os
import signal
import subprocess
import sys
from collections.abc import Iterator

import pytest

from tests.api.daemon.hosted import Hosted, hosted, short_folder
from tests.cli.commanding import Fabric


@pytest.fixture(scope="module")
def daemon() -> Iterator[Hosted]:
    with short_folder() as folder, hosted(folder) as started:
        yield started


@pytest.fixture
def fabric(fabric: Fabric, daemon: Hosted, monkeypatch: pytest.MonkeyPatch) -> Fabric:
    monkeypatch.setenv("FABRICKS_SOCKET", str(daemon.socket))
    return fabric


def test_a_volume_is_made_shown_copied_brought_back_and_removed(fabric: Fabric) -> None:
    made = fabric("volume", "create", "orders", "--size", "5Mi", "--backup", "0 3 * * *", "--retention", "7d")
    assert (made.code, made.out) == (0, "")
    assert "Volume `orders` (volume-" in made.err
    assert fabric("volume", "ls").out.split()[6:11:2] == ["orders", "5Mi", "0"]
    shown = fabric("volume", "show", "orders", "--json").json
    assert (shown["size"], shown["backups"]["retention"], shown["access_mode"]) == ("5Mi", "7d", "read-write-once")
    assert "next_backup: " in fabric("volume", "show", "orders").out
    copied = fabric("volume", "backup", "orders", "--json").json
    assert fabric("volume", "backups", "orders", "--json").json == [copied]
    assert "orders-" in fabric("volume", "backups", "orders").out
    assert fabric("volume", "verify", "orders").err == f"Backup `{copied['name']}` is what was written.\n"
    back = fabric("volume", "restore", "orders", copied["name"], "--yes")
    assert (back.code, copied["name"] in back.err) == (0, True)
    assert fabric("volume", "restore", "orders").code == 2, "nobody can be asked"
    assert fabric("volume", "rm", "orders", "--yes").code == 0
    assert fabric("volume", "ls").err == "There are no volumes.\n"


def test_a_volume_that_there_is_not_and_one_that_cannot_be_are_refused(fabric: Fabric) -> None:
    refused = fabric("volume", "show", "nothing")
    assert refused.code != 0
    assert "`nothing`" in refused.err
    refused = fabric("volume", "create", "x", "--size", "many")
    assert refused.code != 0
    assert "`size` must be a size over zero" in refused.err
    assert "key" in fabric("volume", "create", "x", "--size", "1Mi", "--encrypted").err


def test_events_are_shown_the_newest_last(fabric: Fabric) -> None:
    fabric("volume", "create", "one", "--size", "1Mi")
    fabric("volume", "create", "two", "--size", "1Mi")
    found = fabric("events", "--types", "volume.created", "--limit", "2", "--json").json
    assert [each["data"]["name"] for each in found] == ["one", "two"]
    lines = fabric("events", "--limit", "2").out.splitlines()
    assert [line.split()[1] for line in lines] == ["volume.created"] * 2
    assert "name=one" in lines[0]
    assert fabric("events", "--types", "service.failed").err == "There are no events.\n"
    refused = fabric("events", "--types", "volume.maed")
    assert refused.code != 0
    assert "volume.created" in refused.err


def test_events_are_followed_as_they_happen(daemon: Hosted) -> None:
    words = ["events", "-f", "--json", "--types", "volume.created", "--since", "2020-01-01T00:00:00Z"]
    program = "import sys; from api.cli.main import run; sys.argv[0] = 'fabric'; run()"
    daemon.data("POST", "/volumes", {"name": "before", "size": "1Mi"}, status=201)
    with subprocess.Popen(
        [sys.executable, "-c", program, *words],
        stdout=subprocess.PIPE,
        env={**os.environ, "FABRICKS_SOCKET": str(daemon.socket)},
    ) as following:
        try:
            assert following.stdout is not None
            lines = (json.loads(line) for line in following.stdout)
            assert next(each for each in lines if each["name"] == "before")["type"] == "volume.created"
            daemon.data("POST", "/volumes", {"name": "after", "size": "1Mi"}, status=201)
            assert next(lines)["name"] == "after"
        finally:
            following.send_signal(signal.SIGINT)
        assert following.wait(10) != 0
