"""A gateway at a whole server: what it logged while the server was away fires a Connection, and alerts are found."""

import time
from pathlib import Path

from catalog.jsonvalue import Json
from tests.api.running import Running, running
from tests.modules.peers.eve_log import EveLog

SOURCE: Json = {
    "name": "meanwhile",
    "source_event": "gateway.sync.completed",
    "steps": [
        {
            "operation_id": "firewall.search_alerts",
            "params": {"controller_id": "{{trigger.controller_id}}", "severity": "critical"},
        },
        {"operation_id": "fabric.log", "params": {"message": "{{trigger.changed}} of {{trigger.gateway_name}}"}},
    ],
}


def runs(server: Running, count: int) -> list[Json]:
    until = time.monotonic() + 10
    while True:
        found: list[Json] = server.get("/runs")["items"]
        ended = [each for each in found if each["state"] == "succeeded"]
        if len(ended) >= count:
            return ended
        assert time.monotonic() < until, found
        time.sleep(0.05)


def test_what_was_logged_while_the_server_was_away_fires_a_connection(tmp_path: Path) -> None:
    eve = EveLog(tmp_path / "eve.json")
    with running(tmp_path / "data") as server:
        assert server.call("POST", "/connections", SOURCE).status == 201
        edge = server.controller("edge", driver="eve", settings={"file": str(eve.path), "keep_days": 3650})
        eve.alerts(range(3), severity=1)
        asked = {"params": {"controller_id": edge}}
        until = time.monotonic() + 10
        while (found := server.call("POST", "/operations/firewall.search_alerts/invoke", asked)).status != 200:
            assert time.monotonic() < until, found.content
        output = found.body["output"]
        assert (output["total"], output["complete"]) == (3, True)
        runs(server, 1)
    eve.alerts(range(3, 5), severity=1)
    with running(tmp_path / "data") as server:
        latest = runs(server, 2)[0]
        search, log = server.get(f"/runs/{latest['id']}")["steps"]
        assert (search["output"]["total"], search["output"]["complete"]) == (5, True)
        assert log["params"]["message"] == "2 of edge"
    assert [each.name for each in (tmp_path / "data/drivers/alerts").glob("*.sqlite")] == [f"{edge}.sqlite"]
