"""The driver `eve`: alerts in a log of Suricata's, found whatever is done to the log meanwhile."""

import asyncio
import gzip
import os
import random
from collections.abc import Callable
from datetime import timedelta
from pathlib import Path

import pytest

from catalog.errors import FabricError
from catalog.jsonvalue import Json
from catalog.provider import Ports, Target
from runtime.drivers.firewall import watched_log
from tests.modules.asking import ask, controller, opened
from tests.modules.peers.eve_log import BEGAN, EveLog, alert, stats

COVERS = pytest.mark.covers("firewall.search_alerts", driver="eve", peer="Suricata's EVE format")
OPERATION = "firewall.search_alerts"
KEPT = {"keep_days": 3650}
"""The log's alerts are as old as they are."""


def at(eve: EveLog, **settings: Json) -> Target:
    return controller("eve", {"file": str(eve.path), **KEPT, **settings})


async def numbers(target: Target, ports: Ports, **params: Json) -> list[int]:
    """The alerts that are found, by their numbers in the order they were logged."""
    found = await ask(OPERATION, target, ports, limit=1000, **params)
    assert found["complete"]
    assert found["total"] >= len(found["alerts"])
    return [int(each["signature"].rpartition("no")[2]) for each in reversed(found["alerts"])]


async def bad_lines(target: Target, ports: Ports) -> str:
    checks = await opened(target, ports).check()
    assert checks[0].ok
    return checks[0].detail.partition("; ")[2]


@COVERS
async def test_an_alert_is_shown_as_suricata_told_it(
    eve: EveLog, homed: Ports, record_property: Callable[[str, object], None]
) -> None:
    record_property("peer_version", eve.version)
    eve.write(stats(0), alert(7, severity=1), alert(8, src_ip="2001:db8::1", src_port=53, action="blocked"))
    found = await ask(OPERATION, at(eve), homed)
    second, first = found["alerts"]
    assert first == {
        "id": "1",
        "at": "2026-05-01T12:00:07.000000Z",
        "severity": "critical",
        "signature": "ET SCAN Suspicious inbound to PostgreSQL port 5432 no7",
        "source": "192.0.2.7:40007",
        "destination": "10.0.0.5:5432",
        "protocol": "TCP",
        "category": "Potentially Bad Traffic",
        "action": "allowed",
    }
    assert (second["source"], second["action"], second["severity"]) == ("[2001:db8::1]:53", "blocked", "high")
    assert (found["total"], found["complete"]) == (2, True)


@COVERS
async def test_alerts_are_found_by_words_severity_and_time(
    eve: EveLog, homed: Ports, record_property: Callable[[str, object], None]
) -> None:
    record_property("peer_version", eve.version)
    for number, severity in enumerate((1, 2, 3, 4, 255, 0)):
        eve.write(alert(number, severity))
    eve.write(alert(6, signature='odd "quoted" NEAR(x) * no6', src_ip="10.9.8.7"))
    target = at(eve)
    for words, wanted in (
        ("postgresql scan", [0, 1, 2, 3, 4, 5]),
        ("POSTGRESQL odd", []),
        ("10.9.8.7", [6]),
        ("0.9.8.7", []),
        ("192.0.2.3", [3]),
        ('"quoted" NEAR(x)', [6]),
        ("* -- ' \"", [0, 1, 2, 3, 4, 5, 6]),
        ("2000002", [2]),
        ("bad traffic eth0", [0, 1, 2, 3, 4, 5, 6]),
        ("postgres", []),
    ):
        assert await numbers(target, homed, query=words) == wanted, words
    severities = {"critical": [0, 5], "high": [1, 6], "medium": [2], "low": [3, 4]}
    for word, wanted in severities.items():
        assert await numbers(target, homed, severity=word) == wanted
    after = (BEGAN + timedelta(seconds=3)).isoformat()
    assert await numbers(target, homed, since=after) == [4, 5, 6]
    assert await numbers(target, homed, since=after, query="quoted") == [6]
    limited = await ask(OPERATION, target, homed, limit=2)
    assert (len(limited["alerts"]), limited["total"]) == (2, 7)


@pytest.mark.parametrize("since", ["yesterday", "2026-05-01T12:00:00", 7])
async def test_a_time_without_a_zone_is_refused(eve: EveLog, homed: Ports, since: Json) -> None:
    with pytest.raises((FabricError, ValueError)):
        await ask(OPERATION, at(eve), homed, since=since)


async def test_what_came_is_found_at_once_and_half_a_line_when_it_is_whole(eve: EveLog, homed: Ports) -> None:
    target, line = at(eve), alert(2)
    eve.alerts([1])
    assert await numbers(target, homed) == [1]
    eve.write(line[:40])
    assert await numbers(target, homed) == [1]
    eve.write(line[40:-1])
    assert await numbers(target, homed) == [1]
    eve.write(line[-1:], alert(3))
    assert await numbers(target, homed) == [1, 2, 3]
    assert await bad_lines(target, homed) == ""


async def test_lines_that_cannot_be_read_are_counted_and_cost_nothing_else(eve: EveLog, homed: Ports) -> None:
    bad = [
        b"no json\n",
        b'{"timestamp": "2026-05-01T12:00:00", "event_type": "alert"}\n',
        b'{"timestamp": "yesterday", "event_type": "alert", "alert": {"signature": "x", "severity": 1}}\n',
        b'{"timestamp": 7, "event_type": "alert"}\n',
        b"\xff\xfe\x00\n",
        b"[]\n",
        b'{"event_type": "alert", "timestamp": "2026-05-01T12:00:00+0000", "alert": {"signature": "' + b"x" * 3_000_000,
        b"\n",
        b"\x00" * 5000 + b"\n",
    ]
    eve.write(alert(1), *bad, b"\n", b"\r\n", alert(2))
    target = at(eve)
    assert await numbers(target, homed) == [1, 2]
    assert await bad_lines(target, homed) == "8 lines were unreadable, 0 rotations lost"
    assert await numbers(target, homed) == [1, 2]


@pytest.mark.parametrize("rotate", [EveLog.rename, EveLog.copy_and_truncate])
async def test_a_rotation_loses_nothing_and_repeats_nothing(
    eve: EveLog, homed: Ports, rotate: Callable[[EveLog, str], None]
) -> None:
    target = at(eve)
    eve.alerts(range(3))
    assert await numbers(target, homed) == [0, 1, 2]
    eve.alerts(range(3, 6))
    rotate(eve, ".1")
    eve.alerts(range(6, 8))
    assert await numbers(target, homed) == list(range(8))
    eve.alerts([8])
    rotate(eve, ".2026-05-02")
    rotate(eve, ".2026-05-03")
    eve.alerts([9])
    assert await numbers(target, homed) == list(range(10))
    assert await bad_lines(target, homed) == ""


async def test_two_rotations_while_nobody_read_are_read_in_their_order(eve: EveLog, homed: Ports) -> None:
    target = at(eve)
    eve.alerts(range(3))
    assert await numbers(target, homed) == [0, 1, 2]
    for number, suffix in ((3, ".1"), (4, ".2"), (5, ".3")):
        eve.alerts([number])
        eve.rename(suffix)
        file = eve.path.with_name(eve.path.name + suffix)
        os.utime(file, (number, number))
    eve.alerts([6])
    assert await numbers(target, homed) == list(range(7))


async def test_what_was_compressed_before_it_was_read_is_left_out_and_counted(eve: EveLog, homed: Ports) -> None:
    target = at(eve)
    eve.alerts(range(3))
    assert await numbers(target, homed) == [0, 1, 2]
    eve.alerts([3])
    old = gzip.compress(eve.path.read_bytes())
    eve.path.unlink()
    eve.path.with_name("eve.json.1.gz").write_bytes(old)
    eve.alerts([4])
    assert await numbers(target, homed) == [0, 1, 2, 4]
    assert await bad_lines(target, homed) == "0 lines were unreadable, 1 rotations lost"


async def test_between_two_renames_what_was_read_is_found_and_said_to_be_incomplete(eve: EveLog, homed: Ports) -> None:
    target = at(eve)
    eve.alerts([1])
    assert await numbers(target, homed) == [1]
    eve.path.rename(f"{eve.path}.1")
    found = await ask(OPERATION, target, homed)
    assert (found["total"], found["complete"]) == (1, False)


async def test_random_writing_rotating_and_reading_finds_every_alert_once_in_order(eve: EveLog, homed: Ports) -> None:
    dice = random.Random(11)
    target = at(eve)
    logged = 0
    rotations = 0
    half = b""
    for number in range(300):
        step = dice.choice(["write", "write", "half", "read", "rename", "truncate", "stats"])
        if step == "write":
            count = dice.randint(1, 5)
            eve.write(half, *(alert(each) for each in range(logged, logged + count)))
            logged, half = logged + count, b""
        elif step == "half" and not half:
            line = alert(logged)
            cut = dice.randrange(1, len(line))
            eve.write(line[:cut])
            half, logged = line[cut:], logged + 1
        elif step == "stats" and not half:
            eve.write(stats(1000 + number))
        elif step == "read":
            await ask(OPERATION, target, homed, limit=1)
        elif step in ("rename", "truncate") and not half and eve.path.stat().st_size:
            rotations += 1
            (EveLog.rename if step == "rename" else EveLog.copy_and_truncate)(eve, f".{rotations}")
    eve.write(half)
    assert logged > 200
    assert rotations > 20
    assert await numbers(target, homed) == list(range(logged))


async def test_many_who_read_at_once_find_each_alert_once(eve: EveLog, homed: Ports) -> None:
    target = at(eve)
    eve.alerts(range(600))
    found = await asyncio.gather(*(numbers(target, homed) for _ in range(4)))
    assert found == [list(range(600))] * 4


async def test_no_more_is_kept_than_the_settings_say(eve: EveLog, homed: Ports) -> None:
    target = at(eve, keep_rows=100)
    eve.alerts(range(950))
    assert await numbers(target, homed) == list(range(850, 950))
    assert await numbers(target, homed, query="no3") == []
    assert await numbers(target, homed, query="no900") == [900]
    eve.alerts(range(950, 960))
    assert await numbers(target, homed) == list(range(860, 960))
    old = at(eve, keep_days=1)
    eve.alerts([960])
    assert await numbers(old, homed) == []


async def test_a_search_in_a_log_too_long_for_its_time_says_so_and_goes_on_the_next_time(
    eve: EveLog, homed: Ports, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(watched_log, "SPARED", 1.0)
    eve.alerts(range(3000))
    totals = []
    complete = False
    while not complete:
        found = await ask(OPERATION, at(eve), homed, limit=1)
        totals.append(found["total"])
        complete = found["complete"]
    assert 0 < totals[1] < 3000
    assert totals == sorted(totals)
    assert totals[-1] == 3000


async def test_an_index_that_is_damaged_is_made_anew_from_the_log(eve: EveLog, homed: Ports) -> None:
    target = at(eve)
    eve.alerts([1, 2])
    assert await numbers(target, homed) == [1, 2]
    assert homed.home is not None
    (index,) = (homed.home / "alerts").glob("*.sqlite")
    index.write_bytes(b"something else than a database " * 400)
    assert await numbers(target, homed) == [1, 2]


@pytest.mark.parametrize(
    ("file", "code"),
    [("/nowhere/eve.json", "TARGET_NOT_FOUND"), ("/dev/zero", "TARGET_REFUSED"), ("/etc", "TARGET_REFUSED")],
)
async def test_a_log_that_is_none_is_said_to_be_none(homed: Ports, file: str, code: str) -> None:
    target = controller("eve", {"file": file})
    with pytest.raises(FabricError) as refused:
        await ask(OPERATION, target, homed)
    assert refused.value.code == code
    assert "Controller `peer`" in refused.value.message
    assert [(each.ok, each.code) for each in await opened(target, homed).check()] == [(False, code)]


async def test_a_pipe_in_the_place_of_a_log_keeps_nobody_waiting(tmp_path: Path, homed: Ports) -> None:
    os.mkfifo(tmp_path / "eve.json")
    os.mkfifo(tmp_path / "eve.json.1")
    with pytest.raises(FabricError) as refused:
        await ask(OPERATION, controller("eve", {"file": str(tmp_path / "eve.json")}), homed)
    assert refused.value.code == "TARGET_REFUSED"


async def test_what_stands_in_a_pid_file_that_is_none_is_never_said(eve: EveLog, homed: Ports, tmp_path: Path) -> None:
    eve.write(stats(0))
    secret = tmp_path / "token"
    for content in (b"canary-token", b"\xff\xfecanary"):
        secret.write_bytes(content)
        works = (await opened(at(eve, pid_file=str(secret)), homed).check())[1]
        assert not works.ok
        assert works.detail == "its `pid_file` holds no process id"


async def test_a_pid_file_without_an_end_is_not_read(eve: EveLog, homed: Ports) -> None:
    eve.write(stats(0))
    works = (await opened(at(eve, pid_file="/dev/null"), homed).check())[1]
    assert "cannot be read" in works.detail
