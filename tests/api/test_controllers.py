"""Controllers over HTTP: checked by their driver, tried for real, and gone with the changes that wait for them."""

import asyncio
from collections.abc import Iterator, Sequence
from pathlib import Path

import pytest

from catalog.daemons import LOCAL_DAEMON
from catalog.errors import TargetFailed
from catalog.jsonvalue import Json
from runtime.drivers import DRIVERS, checking
from runtime.drivers.driver import Check
from runtime.drivers.link import Link
from tests.api.running import Running
from tests.api.test_routes import problem
from tests.engine.house import Anything
from tests.fakes.drivers import FAKE, Login, Script, fake_driver, known

SECRET = "correct-horse"


@pytest.fixture
def script() -> Iterator[Script]:
    """A driver of fakes whose controllers do as the test says."""
    with known(fake_driver(), fake_driver("locked", credentials=Login)) as made:
        yield made


def add(server: Running, name: str, status: int = 201, **facts: Json) -> Json:
    site = server.get("/sites")["items"][0]["id"]
    body = {"site_id": site, "name": name, "driver": FAKE, **facts}
    made = server.call("POST", "/controllers", body)
    return made.body if made.status == status == 201 else problem(made, status)


@pytest.mark.parametrize(
    ("facts", "code", "says", "hint"),
    [
        ({"driver": "fabrickd"}, "DRIVER_UNKNOWN", "`fabrickd`", "`fabricksd`"),
        ({"settings": {"adress": "x"}}, "CONTROLLER_SETTINGS", "`settings.adress`", "`address`"),
        ({"settings": {"timeout_seconds": 0}}, "CONTROLLER_SETTINGS", "`settings.timeout_seconds`", "fabric"),
        ({"credentials": {"password": "x"}}, "CONTROLLER_CREDENTIALS", "`credentials.password`", "fabric"),
        ({"driver": "locked"}, "CONTROLLER_CREDENTIALS", "`username`", "fabric"),
        ({"driver": "local"}, "CONTROLLER_SETTINGS", "`directory`", "storage"),
    ],
)
@pytest.mark.usefixtures("script")
def test_what_its_driver_does_not_take_is_refused_with_its_place(
    server: Running, facts: Json, code: str, says: str, hint: str
) -> None:
    refused = add(server, "unfit", 400, **facts)
    assert refused["code"] == code
    assert says in refused["detail"]
    assert hint in refused["hint"]
    assert "unfit" not in str(server.get("/controllers?limit=200"))


@pytest.mark.usefixtures("script")
def test_a_change_is_checked_and_what_stays_is_not(server: Running) -> None:
    made = add(server, "changed", driver="locked", credentials={"username": "u", "password": SECRET})
    path = f"/controllers/{made['id']}"
    assert problem(server.call("PATCH", path, {"settings": {"x": 1}}), 400)["code"] == "CONTROLLER_SETTINGS"
    refused = problem(server.call("PATCH", path, {"credentials": {"username": "u"}}), 400)
    assert refused["code"] == "CONTROLLER_CREDENTIALS"
    assert server.get(path)["revision"] == made["revision"]
    with known(fake_driver("locked", settings=Anything)):
        assert server.call("PATCH", path, {"settings": {"now": "unheard of"}}).status == 200
    with known(fake_driver("locked", credentials=Login)):
        assert server.call("PATCH", path, {"name": "changed-1"}).status == 200


def test_the_controller_of_this_servers_daemon_takes_neither_settings_nor_credentials(server: Running) -> None:
    path = f"/controllers/{LOCAL_DAEMON}"
    for change in ({"settings": {"socket": "/x"}}, {"credentials": {"api_key": "x"}}):
        assert problem(server.call("PATCH", path, change), 409)["code"] == "CONTROLLER_BUILT_IN"
    assert server.call("PATCH", path, {"read_only": False, "settings": {}}).status == 200
    tried = server.call("POST", f"{path}/test")
    assert (tried.status, tried.body["ok"]) == (200, False)
    assert [each["code"] for each in tried.body["checks"]] == ["SERVICES_UNAVAILABLE"]


def test_drivers_are_listed_with_what_they_take(server: Running) -> None:
    _, viewer = server.person("driver-viewer", "viewer")
    found = {each["name"]: each for each in server.get("/drivers", token=viewer)["items"]}
    assert list(found) == [each.name for each in DRIVERS]
    local = found["local"]
    assert (local["module"], local["installed"], local["extra"]) == ("storage", True, None)
    assert "directory" in local["settings"]["required"]
    assert local["settings"]["additionalProperties"] is False
    for each in found.values():
        assert all(field["writeOnly"] for field in each["credentials"].get("properties", {}).values())


def test_a_controller_that_answers_is_told_step_by_step(server: Running, script: Script) -> None:
    async def check(link: Link) -> Sequence[Check]:
        assert link.credentials == Login(username="u", password=SECRET)
        return (
            Check(name="connect", ok=True, detail="version 7"),
            Check(name="list", ok=False, detail=f"no right for `{SECRET}`", code="TARGET_REFUSED", hint=SECRET * 2),
        )

    script.check = check
    made = add(server, "answers", driver="locked", credentials={"username": "u", "password": SECRET})
    tried = server.call("POST", f"/controllers/{made['id']}/test")
    assert tried.status == 200
    assert tried.body["ok"] is False
    assert tried.body["checks"][0] == {"name": "connect", "ok": True, "detail": "version 7", "code": "", "hint": None}
    assert tried.body["checks"][1]["code"] == "TARGET_REFUSED"
    assert 0 <= tried.body["seconds"] < 5
    assert SECRET.encode() not in tried.content


def test_a_controller_that_works_is_ok(server: Running, script: Script) -> None:
    assert script.links == []
    made = add(server, "works")
    assert server.call("POST", f"/controllers/{made['id']}/test").body["ok"] is True


@pytest.mark.parametrize(
    ("driver", "code"),
    [
        (
            fake_driver("odd", code="tests.runtime.drivers.lacking:Peer", extra="x", needs=("no_such_library",)),
            "DRIVER_MISSING",
        ),
        (fake_driver("odd", settings=Login), "CONTROLLER_SETTINGS"),
    ],
)
def test_one_that_cannot_be_opened_is_a_failed_check_and_no_error(server: Running, driver: Json, code: str) -> None:
    with known(fake_driver("odd")):
        made = add(server, f"odd-{code}", driver="odd")
    with known(driver):
        tried = server.call("POST", f"/controllers/{made['id']}/test")
    assert tried.status == 200
    (check,) = tried.body["checks"]
    assert (tried.body["ok"], check["ok"], check["code"]) == (False, False, code)
    assert check["hint"]


def test_one_that_hangs_or_fails_is_a_failed_check(
    server: Running, script: Script, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def hang(_link: Link) -> Sequence[Check]:
        await asyncio.Event().wait()
        raise AssertionError

    async def fail(_link: Link) -> Sequence[Check]:
        raise TargetFailed("TARGET_UNREACHABLE", "It is away.")

    made = add(server, "hangs")
    script.check = hang
    monkeypatch.setattr(checking.check_target, "__defaults__", (0.1,))
    tried = server.call("POST", f"/controllers/{made['id']}/test").body
    assert [each["code"] for each in tried["checks"]] == ["TARGET_TIMEOUT"]
    assert tried["seconds"] < 2
    script.check = fail
    tried = server.call("POST", f"/controllers/{made['id']}/test").body
    assert [(each["name"], each["code"]) for each in tried["checks"]] == [("answer", "TARGET_UNREACHABLE")]


def test_a_broken_seal_is_a_failed_check(server: Running, script: Script, monkeypatch: pytest.MonkeyPatch) -> None:
    assert script.links == []
    made = add(server, "unsealed", driver="locked", credentials={"username": "u", "password": SECRET})
    store = server.server.application.store
    (controller,) = server.run(store.find_controllers([made["id"]]))
    seal = server.server.application.targets._seal
    assert controller.sealed
    opened = seal.open
    monkeypatch.setattr(seal, "open", lambda _sealed: opened(b"broken"))
    tried = server.call("POST", f"/controllers/{made['id']}/test").body
    assert [(each["name"], each["code"]) for each in tried["checks"]] == [("unseal", "SEAL_BROKEN")]


def test_only_who_manages_controllers_there_tries_them(server: Running, script: Script) -> None:
    assert script.links == []
    made = add(server, "elsewhere")
    there = server.call("POST", "/sites", {"name": "tried-there"}).body["id"]
    _, foreign = server.person("tries-there", "org_admin", sites=[there])
    _, viewer = server.person("only-looks", "viewer")
    for token in (foreign, viewer):
        refused = server.call("POST", f"/controllers/{made['id']}/test", token=token)
        assert problem(refused, 403)["code"] == "PERMISSION_DENIED"
    assert script.links == []


def staged(server: Running, controller_id: str) -> str:
    reply = server.call(
        "POST", "/operations/probe.set/invoke", {"params": {"controller_id": controller_id, "value": 1}}
    )
    assert reply.status == 200, reply.content
    return str(reply.body["change_id"])


def test_a_controller_that_changes_wait_for_stays_unless_they_expire_with_it(server: Running) -> None:
    target = server.controller("awaited")
    changes = [staged(server, target), staged(server, target)]
    refused = problem(server.call("DELETE", f"/controllers/{target}"), 409)
    assert (refused["code"], refused["changes"]) == ("IN_USE", 2)
    assert "force" in refused["hint"]
    assert server.call("DELETE", f"/controllers/{target}?force=true").status == 204
    assert server.call("GET", f"/controllers/{target}").status == 404
    for change_id in changes:
        found = server.get(f"/changes/{change_id}")
        assert (found["state"], found["note"]) == ("expired", "Its controller `awaited` was removed.")
        again = server.call("POST", f"/changes/{change_id}/apply", {"force": True, "digest": found["digest"]})
        assert problem(again, 409)["code"] == "CHANGE_STATE"
    told = [each for each in server.get("/events?limit=50")["items"] if each["type"] == "controller.change.expired"]
    assert {each["payload"]["change_id"] for each in told} >= set(changes)
    rows = [each for each in server.get("/audit?limit=20")["items"] if each["subject"] in (*changes, target)]
    assert [each["action"] for each in rows[:3]] == ["controller.deleted", "change.expired", "change.expired"]


def test_controllers_and_their_events_carry_no_credentials(server: Running, script: Script, tmp_path: Path) -> None:
    assert script.links == []
    made = add(server, "canary-all", driver="locked", credentials={"username": "u", "password": SECRET})
    server.call("POST", f"/controllers/{made['id']}/test")
    server.call("DELETE", f"/controllers/{made['id']}")
    for path in ("/controllers?limit=200", "/events?limit=200", "/audit?limit=200", "/drivers"):
        assert SECRET.encode() not in server.call("GET", path).content
    assert all(SECRET.encode() not in path.read_bytes() for path in server.data.glob("*.sqlite*"))


@pytest.mark.usefixtures("script")
def test_an_id_of_ones_own_is_taken_once(server: Running) -> None:
    wanted = "5d0c2d0e-8f3a-4b1e-9c55-2f1d7a3e9b99"
    assert add(server, "own-id", id=wanted)["id"] == wanted
    assert add(server, "own-id-again", 409, id=wanted)["code"] == "CONTROLLER_EXISTS"
    assert add(server, "no-id", 400, id="x")["status"] == 400
    assert server.get(f"/controllers/{wanted}")["name"] == "own-id"
