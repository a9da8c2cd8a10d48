"""A budget as a client meets it: a result that says so and when it renews; looking costs nothing."""

from pathlib import Path

from catalog.jsonvalue import Json
from tests.api.mcp.speaking import ask, assistant, call, token_of, told
from tests.api.running import Running, running
from tests.engine.house import current


def warnings(server: Running) -> list[Json]:
    events = server.get("/events?limit=200")["items"]
    return [each["payload"] for each in events if each["type"] == "ai.budget.warning"]


def test_calls_beyond_it_are_refused_before_anything_is_called_and_a_restart_renews_nothing(tmp_path: Path) -> None:
    with running(tmp_path) as server:
        token = token_of(server, name="thrifty", daily_calls=5)
        assert [call(server, token, "probe__echo", {"value": 1})["isError"] for _ in range(3)] == [False] * 3
        assert warnings(server) == []
    with running(tmp_path) as server:
        assert call(server, token, "probe__echo", {"nonsense": 1})["structuredContent"]["code"] == "PARAM_UNKNOWN_FIELD"
        assert call(server, token, "probe__echo", {"value": 1})["isError"] is False
        current().calls.clear()
        refused = call(server, token, "probe__echo", {"value": 1})
        facts = refused["structuredContent"]
        assert (refused["isError"], facts["code"]) == (True, "AI_BUDGET_EXCEEDED")
        assert facts["renews_at"] in facts["message"]
        assert 0 < facts["retry_after"] <= 24 * 3600
        assert current().calls == []
        told_of = sorted(warnings(server), key=lambda each: float(each["used"]))
        assert [(each["budget"], each["used"], each["used_percent"]) for each in told_of] == [
            ("thrifty", 4.0, 80.0),
            ("thrifty", 5.0, 100.0),
        ]
        assert ask(server, token, "tools/list").status == 200


async def test_looking_and_asking_for_what_is_not_there_spend_nothing(server: Running) -> None:
    made = server.call("POST", "/keys", {"name": "looker", "kind": "assistant", "daily_calls": 1}).body
    async with assistant(server, made["text"]) as client:
        for _ in range(3):
            await client.list_tools()
            ask(server, made["text"], "tools/call", {"name": "nothing", "arguments": {}})
        assert server.get(f"/keys/{made['id']}")["calls_today"] == 0
        assert not (await client.call_tool("probe__echo", {})).is_error
        assert told(await client.call_tool("probe__echo", {}))["code"] == "AI_BUDGET_EXCEEDED"
    assert server.get(f"/keys/{made['id']}")["calls_today"] == 1
