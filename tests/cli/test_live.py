"""The command line against a running server: from a folder of Connections to an applied change."""

import asyncio
import http.server
import threading
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from api.cli import server as server_module
from catalog.jsonvalue import Json
from tests.api.running import Running
from tests.cli.commanding import Fabric
from tests.engine.house import current


class Shop(http.server.BaseHTTPRequestHandler):
    """Takes whatever comes."""

    def do_POST(self) -> None:
        """Say 200; on `/slow/…` after a while."""
        self.rfile.read(int(self.headers["Content-Length"]))
        if self.path.startswith("/slow"):
            time.sleep(1.0)
        self.send_response(200)
        self.send_header("Content-Length", "0")
        self.end_headers()

    def log_message(self, format: str, *args: object) -> None:
        """Say nothing."""


@pytest.fixture
def shop() -> Iterator[str]:
    server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Shop)
    thread = threading.Thread(target=server.serve_forever, daemon=True)
    thread.start()
    yield f"http://127.0.0.1:{server.server_port}"
    server.shutdown()
    server.server_close()
    thread.join()


def connection(name: str, controller: str, shop: str) -> str:
    return f"""\
name: {name}
source_event: ingest.external
conditions:
  - {{field: trigger.name, operator: eq, value: {name}}}
steps:
  - {{id: text, operation_id: storage.text_blob, params: {{content: "{{{{trigger.payload}}}}"}}}}
  - {{id: keep, operation_id: storage.store_blob, params: {{controller_id: {controller}, path: {name}.json}}}}
  - {{id: tell, operation_id: fabric.webhook, params: {{url: "{shop}/hook"}}}}
"""


@pytest.fixture
def controller(live: Fabric, tmp_path: Path) -> str:
    """A storage that is a folder of this test's own."""
    store = tmp_path / "store"
    store.mkdir()
    said = live(
        "controllers", "add", store.parent.name, "--site", "default", "--setting", f"directory={store}", "--json"
    )
    assert said.code == 0, said.err
    return str(said.json["id"])


def fired(live: Fabric, name: str, *more: str) -> Json:
    """The latest run of a Connection that has just been set off."""
    for _ in range(200):
        runs = live("runs", "ls", "-c", name, "--limit", 1, *more, "--json").json
        if runs:
            return runs[0]
        time.sleep(0.02)
    raise AssertionError(f"`{name}` does not fire")


def test_a_folder_becomes_connections_and_an_event_becomes_a_file(
    live: Fabric, controller: str, shop: str, tmp_path: Path
) -> None:
    folder = tmp_path / "connections"
    folder.mkdir()
    (folder / "order.yaml").write_text(connection("whole-way", controller, shop))
    assert live("diff", "-f", folder, "--exit-code").code == 1
    assert live("sync", "-f", folder, "--yes").code == 0
    assert live("diff", "-f", folder, "--exit-code").code == 0

    accepted = live("ingest", "whole-way", "-p", '{"n": 1}', "--json").json
    run = live("runs", "show", fired(live, "whole-way")["id"], "--follow", "--json").json
    assert (run["state"], run["event"]["id"]) == ("succeeded", accepted["event_id"])
    shown = live("runs", "show", run["id"])
    assert "waits as change" in shown.out

    (change,) = [
        each for each in live("changes", "ls", "--state", "pending", "--json").json if each["run_id"] == run["id"]
    ]
    assert live("changes", "apply", change["id"]).code == 2
    applied = live("changes", "apply", change["id"], "--yes")
    assert applied.code == 0
    assert '~ kind: "absent" → "file"' in applied.out
    assert (tmp_path / "store" / "whole-way.json").read_text() == '{"n":1}'
    again = live("changes", "apply", change["id"], "--yes")
    assert (again.code, "CHANGE_STATE" in again.err) == (3, True)
    assert live("audit", "verify").code == 0


def test_sync_asks_changes_and_prunes(live: Fabric, controller: str, shop: str, tmp_path: Path) -> None:
    folder = tmp_path / "connections"
    folder.mkdir()
    file = folder / "a.yaml"
    file.write_text(connection("synced-a", controller, shop))
    (folder / "b.yaml").write_text(connection("synced-b", controller, shop))
    nobody = live("sync", "-f", folder)
    assert (nobody.code, "--yes" in nobody.err) == (2, True)
    assert live("sync", "-f", folder, "--yes").code == 0

    file.write_text(file.read_text() + "cooldown_seconds: 9\n")
    (folder / "b.yaml").unlink()
    planned = live("diff", "-f", folder, "--prune", "--json").json
    told = {each["name"]: (each["action"], each["difference"]) for each in planned}
    assert told["synced-a"] == ("change", ["+ cooldown_seconds: 9"])
    assert told["synced-b"] == ("delete", [])
    kept = live("diff", "-f", folder, "--json").json
    assert {each["name"] for each in kept} == {"synced-a"}
    assert live("sync", "-f", folder, "--yes").code == 0
    assert live("connections", "show", "synced-a", "--json").json["cooldown_seconds"] == 9
    assert live("connections", "show", "synced-b").code == 0


def test_nothing_is_changed_while_one_file_has_an_error(
    live: Fabric, controller: str, shop: str, tmp_path: Path
) -> None:
    (tmp_path / "good.yaml").write_text(connection("never-stored", controller, shop))
    (tmp_path / "bad.yaml").write_text(connection("bad", "00000000-0000-4000-8000-000000000000", shop))
    said = live("sync", "-f", tmp_path, "--yes")
    assert (said.code, "CROSS_TENANT_TARGET" in said.out) == (1, True)
    assert live("connections", "show", "never-stored").code == 3


def test_one_name_in_two_files_is_refused(live: Fabric, controller: str, shop: str, tmp_path: Path) -> None:
    for name in ("a.yaml", "b.yaml"):
        (tmp_path / name).write_text(connection("twice", controller, shop))
    said = live("diff", "-f", tmp_path)
    assert (said.code, "SYNC_DUPLICATE" in said.err) == (1, True)


def test_a_connection_is_tried_switched_and_removed(live: Fabric, controller: str, shop: str, tmp_path: Path) -> None:
    (tmp_path / "x.yaml").write_text(connection("tried", controller, shop))
    assert live("sync", "-f", tmp_path, "--yes").code == 0
    tried = live("test", "tried", "--payload", "-", stdin='{"name": "other", "payload": 5}')
    assert tried.code == 0
    assert "condition trigger.name eq  holds: no" in tried.out
    assert live("runs", "ls", "-c", "tried", "--json").json[0]["origin"] == "test"
    replayed = live("runs", "replay", live("runs", "ls", "-c", "tried", "--json").json[0]["id"], "--json")
    assert replayed.json["origin"] == "replay:1"
    assert live("connections", "disable", "tried").code == 0
    assert live("test", "tried", "-p", "{}").code == 3
    assert live("connections", "enable", "tried", "--json").json["enabled"] is True
    assert live("connections", "rm", "tried", "--yes", "--json").code == 0
    gone = live("connections", "show", "tried")
    assert (gone.code, "CONNECTION_NOT_FOUND" in gone.err) == (3, True)


def test_a_run_that_is_over_cannot_be_cancelled(live: Fabric, controller: str, shop: str, tmp_path: Path) -> None:
    (tmp_path / "x.yaml").write_text(connection("over", controller, shop))
    live("sync", "-f", tmp_path, "--yes")
    live("test", "over", "-p", '{"name": "over", "payload": 1}')
    run = live("runs", "ls", "-c", "over", "--json").json[0]
    assert live("runs", "cancel", run["id"]).code == 3


def test_a_run_is_followed_to_its_end(live: Fabric, controller: str, shop: str, tmp_path: Path) -> None:
    (tmp_path / "x.yaml").write_text(connection("followed", controller, f"{shop}/slow"))
    live("sync", "-f", tmp_path, "--yes")
    live("ingest", "followed")
    run = fired(live, "followed", "--state", "running")
    said = live("runs", "show", run["id"][:18], "--follow")
    assert said.code == 0
    assert "succeeded" in said.err
    assert said.out.startswith(f"run {run['id']}  succeeded")


def test_a_run_under_way_is_cancelled(live: Fabric, controller: str, shop: str, tmp_path: Path) -> None:
    (tmp_path / "x.yaml").write_text(connection("cancelled", controller, f"{shop}/slow"))
    live("sync", "-f", tmp_path, "--yes")
    live("ingest", "cancelled")
    run = fired(live, "cancelled", "--state", "running")
    assert live("runs", "cancel", run["id"], "--json").json["state"] == "cancelled"
    assert live("runs", "show", run["id"]).code == 1


def test_a_misspelt_name_is_answered_with_what_was_meant(
    live: Fabric, controller: str, shop: str, tmp_path: Path
) -> None:
    (tmp_path / "x.yaml").write_text(connection("spelt-well", controller, shop))
    live("sync", "-f", tmp_path, "--yes")
    for words in (("connections", "show"), ("connections", "disable"), ("test",)):
        said = live(*words, "spelt-wel", *(("-p", "{}") if words == ("test",) else ()))
        assert said.code == 3
        assert "Did you mean `spelt-well`?" in said.err


def test_a_change_is_rejected_with_a_note(live: Fabric, controller: str, shop: str, tmp_path: Path) -> None:
    (tmp_path / "x.yaml").write_text(connection("declined", controller, shop))
    live("sync", "-f", tmp_path, "--yes")
    live("test", "declined", "-p", '{"name": "declined", "payload": 1}')
    change = live("changes", "ls", "--state", "pending", "--json").json[0]
    rejected = live("changes", "reject", change["id"], "--note", "no", "--yes", "--json").json
    assert (rejected["state"], rejected["note"]) == ("rejected", "no")
    assert live("changes", "reject", change["id"], "--yes").code == 3


def test_a_machine_s_key_does_not_apply(live: Fabric, server: Running, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("FABRIC_TOKEN", server.issue(kind="token", scopes=["fabric.view"]))
    assert live("changes", "ls").code == 0
    assert live("sites", "add", "x").code == 3
    monkeypatch.setenv("FABRIC_TOKEN", "fabt_nobody")
    said = live("changes", "ls")
    assert (said.code, "CREDENTIAL_UNKNOWN" in said.err) == (3, True)


def test_secrets_go_in_and_never_come_out(live: Fabric) -> None:
    assert live("secrets", "set", "hidden", stdin="the value\n").code == 0
    listed = live("secrets", "ls", "--json")
    assert [each["name"] for each in listed.json] == ["hidden"]
    assert "the value" not in listed.out
    empty = live("secrets", "set", "hidden", stdin="")
    assert (empty.code, "SECRET_EMPTY" in empty.err) == (1, True)
    missing = live("secrets", "rm", "hiden", "--yes")
    assert (missing.code, "Did you mean `hidden`?" in missing.err) == (3, True)
    assert live("secrets", "rm", "hidden", "--yes").code == 0


def test_a_key_is_shown_once_and_revoked(live: Fabric) -> None:
    made = live("keys", "create", "for-n8n", "--scope", "event:write")
    assert made.out.startswith("fabk_")
    assert made.out.strip() not in live("keys", "ls").out
    assert live("keys", "revoke", "for-n8n", "--yes").code == 0
    assert live("keys", "revoke", "for-n8n", "--yes").code == 3


def test_an_assistant_has_a_budget_and_is_told_its_door(live: Fabric) -> None:
    made = live("keys", "create", "claude", "--kind", "assistant", "--scope", "storage.view", "--daily-calls", "25")
    assert made.out.startswith("faba_")
    assert "/mcp" in made.err
    (row,) = (line for line in live("keys", "ls").out.splitlines() if "claude" in line)
    assert "assistant" in row
    assert "0/25" in row
    assert live("keys", "create", "n8n", "--daily-calls", "5").code == 3
    assert live("keys", "revoke", "claude", "--yes").code == 0


def test_what_an_assistant_asked_for_is_listed_with_its_name_and_a_person_applies_it(
    live: Fabric, server: Running
) -> None:
    from tests.api.mcp.speaking import call

    target = server.controller("asked-for")
    token = live("keys", "create", "helper", "--kind", "assistant", "--scope", "probe.set").out.strip()
    staged = call(server, token, "probe__set", {"controller_id": target, "value": "asked"})["structuredContent"]
    row = next(line for line in live("changes", "ls").out.splitlines() if staged["change_id"] in line)
    assert "assistant helper" in row
    shown = live("changes", "show", staged["change_id"])
    assert "asked by   assistant helper" in shown.out
    assert live("changes", "apply", staged["change_id"], "--yes").code == 0
    assert live("changes", "show", staged["change_id"], "--json").json["state"] == "applied"


def test_people_sites_and_controllers_are_kept(live: Fabric, controller: str) -> None:
    assert live("sites", "add", "attic").code == 0
    assert "attic" in live("sites", "ls").out
    assert live("users", "add", "ada", "--role", "operator", "--site", "attic").code == 0
    assert "operator@1" in live("users", "ls").out
    assert live("users", "add", "bo", "--role", "operatr").code == 1
    changed = live("controllers", "set", controller, "--read-only", "--setting", "warn_percent=80", "--json").json
    assert (changed["read_only"], changed["settings"]["warn_percent"]) == (True, 80)
    assert "directory" in changed["settings"]
    assert live("controllers", "set", controller).code == 2
    assert live("controllers", "show", controller[:13], "--json").json["id"] == controller
    assert live("controllers", "rm", controller, "--yes").code == 0


def test_credentials_come_from_files_not_from_the_command_line(live: Fabric, tmp_path: Path) -> None:
    where = ("--driver", "fabricksd", "--setting", f"socket={tmp_path / 'socket'}", "--site", "default", "--json")
    controller = live("controllers", "add", tmp_path.name, *where).json["id"]
    refused = live("controllers", "set", controller, "--credential", "api_key=sesame-77")
    assert (refused.code, "CREDENTIAL_SOURCE" in refused.err) == (1, True)
    file = tmp_path / "key"
    file.write_text("sesame-77\n")
    made = live("controllers", "set", controller, "--credential", f"api_key=@{file}", "--json").json
    assert made["has_credentials"] is True
    assert "sesame-77" not in str(made)


def test_what_was_noted_down_is_listed(live: Fabric) -> None:
    live("ingest", "nobody-listens")
    assert live("events", "ls", "--limit", 1, "--json").json[0]["type"] == "ingest.external"
    assert live("audit", "ls", "--limit", 3).code == 0
    assert live("notifications", "ls", "--json").json == []


def test_the_same_key_is_the_same_event(live: Fabric) -> None:
    first = live("ingest", "once", "--key", "k1", "--json").json
    second = live("ingest", "once", "--key", "k1", "--json").json
    assert first["event_id"] == second["event_id"]
    assert live("ingest", "twice", "--key", "k1").code == 3


def test_a_payload_that_is_none_is_the_caller_s_mistake(live: Fabric, tmp_path: Path) -> None:
    file = tmp_path / "p.json"
    file.write_text('{"a": 1, "a": 2}')
    for source in (file, "{", tmp_path / "absent.json"):
        assert live("ingest", "x", "--payload", source).code == 1


def test_the_live_catalog_and_schema_are_the_server_s(live: Fabric) -> None:
    listed = live("catalog", "ls", "--live", "--json").json
    assert any(each["id"].startswith("probe") or "probe" in each["id"] for each in listed["operations"])
    assert live("schema", "--live").code == 0


def test_long_lists_are_read_page_by_page(live: Fabric, monkeypatch: pytest.MonkeyPatch) -> None:
    for number in range(5):
        live("sites", "add", f"page-{number}")
    whole = live("sites", "ls", "--json").json
    monkeypatch.setattr(server_module, "PAGE", 2)
    assert live("sites", "ls", "--json").json == whole
    assert len(live("events", "ls", "--limit", 3, "--json").json) == 3


def test_a_token_that_is_not_the_server_s_is_told_with_what_to_correct(
    live: Fabric, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("FABRIC_TOKEN", "fabt_another")
    said = live("runs", "ls")
    assert said.code == 3
    assert "FABRIC_TOKEN is not this server's" in said.err


def test_a_change_that_takes_long_is_waited_for(live: Fabric, server: Running, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("api.fabric.changes.WAIT_SECONDS", 0.05)
    monkeypatch.setattr("api.cli.commands.changes.LOOK_SECONDS", 0.05)
    target = server.controller("slow")
    asked = server.call("POST", "/operations/probe.set/invoke", {"params": {"controller_id": target, "value": "s"}})
    monkeypatch.setattr(current(), "on_call", lambda _value: asyncio.sleep(0.4))
    done = live("changes", "apply", asked.body["change_id"], "--yes", "--json")
    assert (done.code, done.json["state"]) == (0, "applied")
    assert "takes a while" in done.err
