"""Whatever a client sends: what was not staged is as it was, and what was staged waits for a person."""

import json
import re
from collections.abc import Iterator
from typing import Any
from unittest.mock import patch

import apsw
import pytest
import structlog
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from catalog.jsonvalue import Json
from docs.pages.errors import ROOT
from engine.apply import Applier
from tests.api.mcp.speaking import CURRENT, HANDSHAKE, META, post, request, token_of
from tests.api.running import Running, running
from tests.engine import house as houses
from tests.engine.house import current

EXAMPLES = 600

UNTOUCHED = ("organisation", "site", "controller", "user", "role", "credential", "secret", "connection", "notification")
"""Tables that no call of an assistant writes to."""

METHODS = [
    *["tools/call"] * 12,
    *("tools/list", "server/discover", "initialize", "ping", "notifications/cancelled", "completion/complete"),
    *("changes/apply", "tasks/result", "resources/read", "sampling/createMessage", "logging/setLevel"),
]
TOOLS = [
    *["probe__set"] * 6,
    *("probe__echo", "probe__look", "probe__picture", "probe__keep", "storage__health", "fabric__log"),
    *(
        "fabric__webhook",
        "fabric.webhook",
        "fabric__notify",
        "probe.set",
        "hypervisor__vm__stop",
        "plugin__probe__read",
    ),
    *("changes__apply", "changes__reject", "apply", "keys__create", "users__create", "operations__invoke", "", "../x"),
]
FITTING = {"probe__echo", "probe__set"}
"""Tools that are called as they want to be, half of the time."""

WORDS = ["apply", "force", "digest", "change_id", "state", "read_only", "operation_id", "confirm", "staged", "value"]


class Scene:
    """A server with pending changes, an assistant that may all that an assistant can, and a spy on what applies."""

    def __init__(self, server: Running) -> None:
        self.server = server
        self.token = token_of(server, name="all-mighty", daily_calls=1_000_000)
        self.target = server.controller("guarded", credentials={"password": "canary"})
        self.staged = [self._stage(number) for number in range(3)]
        self.calls: list[str] = []
        self.kept = self.tables()

    def _stage(self, number: int) -> Json:
        params = {"controller_id": self.target, "value": number}
        made = self.server.call("POST", "/operations/probe.set/invoke", {"params": params}).body
        return self.server.get(f"/changes/{made['change_id']}")

    def tables(self) -> dict[str, Json]:
        """Every row that must stay, and every change's state."""
        connection = apsw.Connection(str(self.server.data / "fabric.sqlite"), flags=apsw.SQLITE_OPEN_READONLY)
        try:
            rows = {name: connection.execute(f"SELECT * FROM {name} ORDER BY 1, 2").fetchall() for name in UNTOUCHED}
            return {**rows, "states": sorted(set(connection.execute("SELECT state, token FROM change")))}
        finally:
            connection.close()


@pytest.fixture(scope="module")
def scene(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Scene]:
    with running(tmp_path_factory.mktemp("guarded"), ingest_limit="100000/60s") as server:
        yield Scene(server)


def values(scene: Scene) -> st.SearchStrategy[Json]:
    """What is worth trying: real ids and digests, and the words that apply a change elsewhere."""
    facts = [scene.target, True, None, 7, "x"]
    facts += [each[field] for each in scene.staged for field in ("id", "digest")]
    leaf = st.sampled_from(facts)
    return st.recursive(leaf, lambda inner: st.dictionaries(st.sampled_from(WORDS), inner, max_size=4), max_leaves=6)


@st.composite
def messages(draw: st.DrawFn, scene: Scene) -> tuple[bytes, dict[str, str]]:
    """Something that a client could send, most of it well-formed."""
    revision = draw(st.sampled_from([CURRENT, CURRENT, *HANDSHAKE]))
    extra = draw(st.dictionaries(st.sampled_from(WORDS), values(scene), max_size=4))
    name, method = draw(st.sampled_from(TOOLS)), draw(st.sampled_from(METHODS))
    arguments: Json = {"controller_id": scene.target, **extra} if draw(st.booleans()) else extra
    if draw(st.booleans()):
        name, method = draw(st.sampled_from(sorted(FITTING))), "tools/call"
        arguments = {"value": extra} if name == "probe__echo" else {"controller_id": scene.target, "value": extra}
    message, headers = request(method, {"name": name, "arguments": arguments}, draw(st.integers(0, 9)), revision)
    match draw(st.integers(0, 29)):
        case 0:
            message["params"].update(draw(st.dictionaries(st.sampled_from(WORDS), values(scene), max_size=4)))
        case 1:
            message = [message]
        case 2:
            del message["id"]
        case 3:
            message["params"]["_meta"] = {**META, "approved": True, "digest": scene.staged[0]["digest"]}
        case 4:
            headers["Mcp-Protocol-Version"] = draw(st.sampled_from(["", "1", HANDSHAKE[0]]))
        case 5:
            message["params"] |= {"requestState": scene.staged[0]["digest"], "inputResponses": {"ok": "accept"}}
        case _:
            pass
    return json.dumps(message).encode(), headers


@pytest.mark.promise("W1", count=EXAMPLES)
def test_no_message_applies_rejects_or_changes_what_is_not_staged(scene: Scene) -> None:
    plain = {name: getattr(Applier, name) for name in ("apply", "reject", "_move")}
    outcomes: dict[str, int] = {"staged": 0, "read": 0, "refused": 0, "wrong": 0}

    def spy(name: str) -> Any:
        async def called(self: Applier, *args: Any, **more: Any) -> Any:
            scene.calls.append(name)
            return await plain[name](self, *args, **more)

        return called

    @settings(max_examples=EXAMPLES, deadline=None, suppress_health_check=list(HealthCheck))
    @given(st.data())
    def send(data: st.DataObject) -> None:
        body, headers = data.draw(messages(scene))
        reply = post(scene.server, scene.token, body, headers)
        assert reply.status in (200, 202, 400, 404), reply.content
        result = (reply.body or {}).get("result", {})
        content = result.get("structuredContent") or {}
        kind = "wrong" if "content" not in result else "refused" if result["isError"] else "read"
        outcomes["staged" if content.get("staged") is True else kind] += 1
        assert scene.calls == []
        assert current().applied == []
        assert current().state == "before"
        assert scene.tables() == scene.kept

    with (
        structlog.testing.capture_logs(),
        patch.object(houses, "on_apply", lambda change, call: scene.calls.append("on_apply")),
        patch.multiple(Applier, **{name: spy(name) for name in plain}),
    ):
        send()
    assert min(outcomes.values()) >= EXAMPLES // 30, outcomes
    limit = scene.server.get("/changes?state=pending&limit=200")["items"]
    assert len(limit) > len(scene.staged)
    assert {each["asked_by"]["kind"] for each in limit} == {"assistant", "person"}


def test_the_spy_would_see_a_person_apply(scene: Scene) -> None:
    """Else the silence above would prove nothing."""
    seen: list[str] = []
    change = scene.staged[0]
    with patch.object(houses, "on_apply", lambda change, call: seen.append(call.change_id)):
        body = {"force": True, "digest": change["digest"]}
        assert scene.server.call("POST", f"/changes/{change['id']}/apply", body).body["state"] == "applied"
    assert seen == [change["id"]]
    assert scene.tables() != scene.kept


def test_the_door_holds_nothing_that_decides() -> None:
    """Of the whole application its code names three parts, and none of them is what applies."""
    text = "".join(path.read_text(encoding="utf-8") for path in (ROOT / "api" / "mcp").glob("*.py"))
    assert set(re.findall(r"pplication\.(\w+)", text)) == {"assistants", "credentials", "settings"}
    assert "engine.apply" not in text
