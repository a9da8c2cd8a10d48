"""The official client against a running server: it lists, reads, asks for a write, and a person decides."""

import pytest
from mcp.shared.exceptions import MCPError

from tests.api.mcp.speaking import assistant, token_of, told
from tests.api.running import Running
from tests.engine.house import current


@pytest.mark.promise("W1")
@pytest.mark.parametrize("mode", ["auto", "legacy", "2026-07-28"])
async def test_a_client_lists_reads_and_stages_and_a_person_applies(server: Running, mode: str) -> None:
    target = server.controller(f"show-{mode}")
    before = current().state
    async with assistant(server, token_of(server, name="helper", scopes=["probe.view", "probe.set"]), mode) as client:
        tools = {each.name: each for each in (await client.list_tools()).tools}
        assert set(tools) == {"probe__echo", "probe__look", "probe__picture", "probe__set"}
        assert "Only stages the change" in str(tools["probe__set"].description)
        assert told(await client.call_tool("probe__echo", {"value": {"a": [1]}})) == {"value": {"a": [1]}}
        asked = await client.call_tool("probe__set", {"controller_id": target, "value": mode})
        staged = told(asked)
        assert not asked.is_error
        assert (staged["staged"], staged["state"], staged["before"], staged["after"]) == (True, "pending", before, mode)
        with pytest.raises(MCPError) as unknown:
            await client.call_tool("fabric__webhook", {"url": "https://example.com"})
        assert unknown.value.error.code == -32602
    assert current().state == before
    change = server.get(f"/changes/{staged['change_id']}")
    assert (change["state"], change["asked_by"]["kind"], change["asked_by"]["name"]) == (
        "pending",
        "assistant",
        "helper",
    )
    assert change["id"] in {each["id"] for each in server.get("/changes?state=pending&limit=200")["items"]}
    done = server.call("POST", f"/changes/{change['id']}/apply", {"force": True, "digest": change["digest"]})
    assert done.body["state"] == "applied"
    assert current().state == mode


@pytest.mark.parametrize("mode", ["auto", "legacy"])
async def test_whoever_has_everything_is_offered_what_the_catalog_says(server: Running, mode: str) -> None:
    """Apart from what nothing here can run: the plugin's operation, whose code is elsewhere."""
    promised = {each["name"]: each for each in server.get("/catalog")["ai_tools"]}
    async with assistant(server, token_of(server), mode) as client:
        offered = {each.name: each for each in (await client.list_tools()).tools}
    assert set(promised) - set(offered) == {"plugin__probe__read"}
    assert set(offered) <= set(promised)
    assert "fabric__webhook" not in promised
    for name, tool in offered.items():
        entry = promised[name]
        assert tool.input_schema == entry["input_schema"]
        assert tool.output_schema is not None
        assert entry["output_schema"] in tool.output_schema["anyOf"]
        assert entry["operation_id"] in str(tool.description)
        assert tool.annotations is not None
        assert tool.annotations.read_only_hint is not entry["stages"]


async def test_an_error_is_a_result_with_code_message_and_hint(server: Running) -> None:
    async with assistant(server, token_of(server)) as client:
        result = await client.call_tool("probe__set", {"controller_id": "nonsense"})
        assert result.is_error
        facts = told(result)
        assert facts["code"] == "BAD_TARGET"
        assert facts["message"].endswith(".")
        assert facts["hint"]
        wrong = told(await client.call_tool("probe__echo", {"nope": 1}))
        assert wrong["code"] == "PARAM_UNKNOWN_FIELD"


async def test_an_artifact_is_told_of_and_its_token_is_not(server: Running) -> None:
    async with assistant(server, token_of(server)) as client:
        picture = told(await client.call_tool("probe__picture", {"value": 1}))["artifact"]
    assert picture["media_type"] == "image/jpeg"
    assert picture["token"] == "[secret]"


async def test_a_client_is_told_what_it_may_act_on(server: Running) -> None:
    target = server.controller("named-to-assistants")
    async with assistant(server, token_of(server)) as client:
        assert f"{target}: named-to-assistants (probe)" in str(client.instructions)
    async with assistant(server, token_of(server, scopes=["event:write"])) as client:
        assert target not in str(client.instructions)
        assert (await client.list_tools()).tools == []
