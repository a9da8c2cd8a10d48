"""Answers that take their time: a slow call, and word of tools that come and go."""

import asyncio
import json
import time
from collections.abc import Iterator
from pathlib import Path

import pytest
from mcp.shared.exceptions import MCPError
from mcp_types import ToolListChangedNotification

from api.hardening import Limits
from api.mcp import streams
from catalog.jsonvalue import Json
from tests.api.mcp.speaking import CURRENT, HANDSHAKE, ask, assistant, listening, request, token_of, told
from tests.api.running import PluginProbe, Running, running
from tests.engine.house import current, flaky, operations

PLAIN = PluginProbe.code
LISTEN = {"notifications": {"toolsListChanged": True, "promptsListChanged": True}}


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Running]:
    """A server of these tests' own: its catalog changes, it has room for two streams, and its heart beats fast."""
    limits = Limits(heartbeat_seconds=0.2, streams=2)
    with pytest.MonkeyPatch.context() as patched:
        patched.setattr(streams, "LOOK_SECONDS", 0.05)
        patched.setattr("catalog.registry.FRESHNESS_SECONDS", 0.0)
        with running(tmp_path_factory.mktemp("streams"), limits=limits) as made:
            yield made


def held(server: Running, word: str) -> asyncio.Event:
    """Calls of the probe with this value wait until the event is set."""

    async def make() -> asyncio.Event:
        gate = current().gates[word] = asyncio.Event()
        return gate

    return server.run(make())


def listen(token: str, server: Running, number: Json = "l") -> tuple[bytes, dict[str, str]]:
    message, headers = request("subscriptions/listen", LISTEN, number)
    return json.dumps(message).encode(), headers


@pytest.mark.parametrize("mode", ["auto", "legacy"])
async def test_a_read_that_is_slow_is_answered_all_the_same(
    server: Running, mode: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("engine.trials.WAIT_SECONDS", 0.05)
    gate = held(server, f"slow-{mode}")
    async with assistant(server, token_of(server), mode) as client:
        asked = asyncio.create_task(client.call_tool("probe__echo", {"value": f"slow-{mode}"}))
        await asyncio.sleep(0.5)
        assert not asked.done()
        server.loop.call_soon_threadsafe(gate.set)
        assert told(await asked) == {"value": f"slow-{mode}"}


async def test_a_write_that_is_slow_to_plan_is_staged_and_a_failure_comes_late_too(
    server: Running, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("engine.trials.WAIT_SECONDS", 0.05)
    target, gate = server.controller("slow-write"), held(server, "slow-write")
    async with assistant(server, token_of(server)) as client:
        server.loop.call_soon_threadsafe(server.loop.call_later, 0.4, gate.set)
        staged = told(await client.call_tool("probe__set", {"controller_id": target, "value": "slow-write"}))
        assert server.get(f"/changes/{staged['change_id']}")["state"] == "pending"
        gate = held(server, "late")
        current().failures["late"] = [*flaky(1), ZeroDivisionError("canary-bug")]
        server.loop.call_soon_threadsafe(server.loop.call_later, 0.4, gate.set)
        failed = await client.call_tool("probe__echo", {"value": "late"})
        assert failed.is_error
        assert told(failed)["code"] == "TARGET_FAILED"
        gate = held(server, "late")
        server.loop.call_soon_threadsafe(server.loop.call_later, 0.4, gate.set)
        with pytest.raises(MCPError) as crashed:
            await client.call_tool("probe__echo", {"value": "late"})
        assert crashed.value.error.code == -32603
        assert "canary-bug" not in str(crashed.value.error)


def come_and_go(server: Running, monkeypatch: pytest.MonkeyPatch) -> None:
    """The plugin's operation can be run, or no longer."""
    if PluginProbe.code is PLAIN:
        monkeypatch.setattr(PluginProbe, "code", lambda self, name: operations.code("probe.echo"))
    else:
        monkeypatch.undo()


def test_a_listener_of_the_current_revision_is_told_of_tools_that_come_and_go(
    server: Running, monkeypatch: pytest.MonkeyPatch
) -> None:
    token = token_of(server)
    with listening(server, token, "POST", *listen(token, server)) as events:
        assert events.headers["content-type"] == "text/event-stream"
        messages = iter(events)
        first = next(messages)
        assert first["method"] == "notifications/subscriptions/acknowledged"
        assert first["params"]["notifications"] == {"toolsListChanged": True}
        for _ in range(2):
            come_and_go(server, monkeypatch)
            began = time.monotonic()
            changed = next(messages)
            assert time.monotonic() - began < 3.0
            assert changed["method"] == "notifications/tools/list_changed"
            assert changed["params"]["_meta"] == {"io.modelcontextprotocol/subscriptionId": "l"}


def test_who_asks_for_nothing_that_there_is_hears_nothing(server: Running, monkeypatch: pytest.MonkeyPatch) -> None:
    token = token_of(server)
    message, headers = request("subscriptions/listen", {"notifications": {"promptsListChanged": True}})
    with listening(server, token, "POST", json.dumps(message).encode(), headers) as events:
        messages = iter(events)
        assert next(messages)["params"]["notifications"] == {}
        come_and_go(server, monkeypatch)
        time.sleep(0.3)
        key = next(each for each in server.get("/keys")["items"] if each["kind"] == "assistant")
        server.call("DELETE", f"/keys/{key['id']}")
        assert [each.get("result", {}).get("resultType") for each in messages] == ["complete"]
        come_and_go(server, monkeypatch)


async def test_the_official_client_listens(server: Running, monkeypatch: pytest.MonkeyPatch) -> None:
    async with assistant(server, token_of(server)) as client:
        before = {each.name for each in (await client.list_tools()).tools}
        async with client.listen(tools_list_changed=True) as subscription:
            come_and_go(server, monkeypatch)
            async with asyncio.timeout(5):
                await anext(aiter(subscription))
        after = {each.name for each in (await client.list_tools()).tools}
        assert after - before == {"plugin__probe__read"}


def test_a_get_listens_as_the_revisions_with_a_handshake_do(server: Running, monkeypatch: pytest.MonkeyPatch) -> None:
    token = token_of(server)
    with listening(server, token, "GET", None, {"Mcp-Protocol-Version": HANDSHAKE[0]}) as events:
        assert events.status == 200
        come_and_go(server, monkeypatch)
        changed = next(iter(events))
        ToolListChangedNotification.model_validate({**changed, "params": changed["params"] or None})
        assert "_meta" not in changed["params"]


def test_a_token_that_is_revoked_hears_no_more(server: Running) -> None:
    made = server.call("POST", "/keys", {"name": "short", "kind": "assistant"}).body
    with listening(server, made["text"], "GET", None, {}) as events:
        assert server.call("DELETE", f"/keys/{made['id']}").status == 204
        began = time.monotonic()
        assert b"data" not in events.rest()
        assert time.monotonic() - began < 5.0


def test_there_are_only_so_many_streams_and_each_is_given_back(server: Running) -> None:
    token = token_of(server)
    for _ in range(2):
        with (
            listening(server, token, "GET", None, {}) as one,
            listening(server, token, "POST", *listen(token, server)) as two,
        ):
            assert (one.status, two.status) == (200, 200)
            refused = ask(server, token, "subscriptions/listen", LISTEN)
            assert (refused.status, refused.body["error"]["data"]["code"]) == (429, "STREAM_LIMIT")
            assert ask(server, token, "tools/list").status == 200
        for _ in range(100):
            if server.server.serving is not None and server.server.serving.streams == 0:
                break
            time.sleep(0.05)
    assert server.server.serving is not None
    assert server.server.serving.streams == 0


def test_who_takes_no_stream_gets_none(server: Running) -> None:
    token = token_of(server)
    reply = ask(server, token, "subscriptions/listen", LISTEN, CURRENT, Accept="application/json")
    assert reply.status == 406
    got = server.ask("GET", "/mcp", headers={"Authorization": f"Bearer {token}", "Accept": "application/json"})
    assert got.status == 406


def test_a_server_that_stops_says_goodbye_and_leaves_no_call_hanging(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(streams, "LOOK_SECONDS", 0.05)
    monkeypatch.setattr("engine.trials.WAIT_SECONDS", 0.05)
    with running(tmp_path, limits=Limits(heartbeat_seconds=0.2), shutdown_seconds=3.0) as server:
        token = token_of(server)
        held(server, "hanging")
        message, headers = request("tools/call", {"name": "probe__echo", "arguments": {"value": "hanging"}}, 9)
        body = json.dumps(message).encode()
        with (
            listening(server, token, "POST", *listen(token, server)) as one,
            listening(server, token, "POST", body, headers) as two,
        ):
            assert (one.status, two.status) == (200, 200)
            messages = iter(one)
            next(messages)
            began = time.monotonic()
            server.run(server.server.stop())
            assert time.monotonic() - began < 4.0
            assert next(messages)["result"]["resultType"] == "complete"
            (late,) = iter(two)
            assert (late["id"], late["result"]["isError"]) == (9, True)
            assert late["result"]["structuredContent"]["code"] == "NOT_READY"
