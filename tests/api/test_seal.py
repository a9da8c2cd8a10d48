"""The seal's key over HTTP: rotated by an administrator of the whole, with a count."""

import asyncio
from pathlib import Path

import pytest

from api.fabric import seal
from tests.api.running import Running, running
from tests.api.test_routes import problem


def test_an_administrator_rotates_the_key_and_is_told_what_came_of_it(server: Running) -> None:
    server.call("PUT", "/secrets/rotated", {"value": "canary-rotated"})
    before = (server.data / "seal.key").read_bytes()
    reply = server.call("POST", "/seal/rotate", {})
    assert reply.status == 200, reply.content
    rotation = reply.body["rotation"]
    assert (reply.body["keys"], rotation["state"], rotation["code"]) == (1, "done", None)
    assert rotation["moved"]["secrets"] >= 1
    assert rotation["rows_done"] == rotation["rows"] > 0
    assert (server.data / "seal.key").read_bytes() != before
    assert server.get("/seal") == reply.body
    assert server.get("/audit?limit=1")["items"][0]["action"] == "seal.rotated"
    opened = server.run(server.server.application.secrets.open(server.get("/me")["organisation_id"], ["rotated"]))
    assert opened == {"rotated": "canary-rotated"}


def test_old_keys_are_kept_where_that_is_asked_for(server: Running) -> None:
    assert server.call("POST", "/seal/rotate", {"keep_old": True}).body["keys"] == 2
    assert server.get("/seal")["keys"] == 2
    assert server.call("POST", "/seal/rotate", {}).body["keys"] == 1


def test_it_takes_an_administrator_of_the_whole(server: Running) -> None:
    site = server.get("/sites")["items"][0]["id"]
    _, scoped = server.person("seal-scoped", "org_admin", sites=[site])
    _, operator = server.person("seal-operator", "operator")
    for token in (scoped, operator):
        assert problem(server.call("POST", "/seal/rotate", {}, token=token), 403)["code"] == "ADMIN_REQUIRED"
        assert problem(server.call("GET", "/seal", token=token), 403)["code"] == "ADMIN_REQUIRED"


def test_one_that_takes_long_goes_on_and_says_how_far_it_is(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(seal, "WAIT_SECONDS", 0.05)
    with running(tmp_path) as server:
        store = server.server.application.store
        reseal, gate = store.reseal, asyncio.Event()

        async def slow(*given: object) -> object:
            await gate.wait()
            return await reseal(*given)  # type: ignore[arg-type]

        store.reseal = slow  # type: ignore[assignment,method-assign]
        reply = server.call("POST", "/seal/rotate", {})
        assert (reply.status, reply.body["rotation"]["state"]) == (202, "running")
        assert reply.headers["location"].endswith("/seal")
        assert problem(server.call("POST", "/seal/rotate", {}), 409)["code"] == "SEAL_ROTATING"
        server.loop.call_soon_threadsafe(gate.set)
        for _ in range(200):
            if server.get("/seal")["rotation"]["state"] == "done":
                break
        assert server.get("/seal")["rotation"]["state"] == "done"
