"""Traps that systems like this one fall into, each seen through a whole run.

Those that are proved closer to their place: a create or delete while a chain runs (test_dispatch), a denied step's
number and a test's payload (test_gate, test_runner), artifacts from the nearest producer (test_runner), names looked up
off the loop (tests/runtime/egress), suggestions for no event (tests/connections), whose mistake it was (tests/api).
"""

import asyncio
import json
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

import msgspec
import pytest

from catalog.errors import ConnectionInvalid
from catalog.jsonvalue import Json
from engine.runs import RunState, StepState
from tests.engine.house import House, house

ANSWER = b'HTTP/1.1 409 Conflict\r\nContent-Type: application/json\r\nContent-Length: 16\r\n\r\n{"why": "twice"}'


@asynccontextmanager
async def receiver() -> AsyncIterator[str]:
    """A receiver on loopback that refuses everything and says why; its URL."""

    async def refuse(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.readuntil(b"\r\n\r\n")
        writer.write(ANSWER)
        await writer.drain()
        writer.close()

    server = await asyncio.start_server(refuse, "127.0.0.1", 0)
    try:
        yield f"http://127.0.0.1:{server.sockets[0].getsockname()[1]}/hook"
    finally:
        server.close()
        await server.wait_closed()


async def codes(home: House, **fields: Json) -> set[tuple[str, str]]:
    """What the compiler finds wrong with a Connection that would be stored: code and pointer."""
    plain = {
        "name": "trap",
        "source_event": "probe.thing.happened",
        "steps": [{"operation_id": "fabric.log", "params": {"message": "x"}}],
    }
    with pytest.raises(ConnectionInvalid) as refused:
        await home.connect({**plain, **fields})
    return {(each.code, each.pointer) for each in refused.value.diagnostics}


@pytest.mark.parametrize("key", ["feild", "Field", "path"])
async def test_a_misspelt_condition_key_is_no_condition_that_always_holds(home: House, key: str) -> None:
    found = await codes(home, conditions=[{key: "trigger.name", "operator": "eq", "value": "x"}])
    assert ("SCHEMA_UNKNOWN_FIELD", f"/conditions/0/{key}") in found
    assert ("SCHEMA_REQUIRED", "/conditions/0/field") in found


@pytest.mark.parametrize("logic", ["AND", "and", "OR", "All", "ANY"])
async def test_another_spelling_of_a_group_is_refused_and_read_as_no_other_group(home: House, logic: str) -> None:
    leaf = {"field": "trigger.name", "operator": "eq", "value": "x"}
    assert ("SCHEMA_UNKNOWN_FIELD", f"/conditions/0/{logic}") in await codes(home, conditions=[{logic: [leaf, leaf]}])
    assert ("SCHEMA_ENUM", "/conditions/0/operator") in await codes(home, conditions=[{**leaf, "operator": logic}])


async def test_a_pattern_with_many_ways_to_match_stops_nothing(home: House) -> None:
    step = {"operation_id": "fabric.log", "params": {}}
    leaf = {"field": "trigger.text", "operator": "matches", "value": "^(a|aa)+$"}
    await home.connect({"name": "c", "source_event": "probe.thing.happened", "conditions": [leaf], "steps": [step]})
    began = time.monotonic()
    await home.happen({"text": "a" * 60_000 + "b"})
    await home.happen({"text": "a" * 60_000})
    assert len(await home.settled(1)) == 1
    assert time.monotonic() - began < 2
    assert home.app.measures.misses == 1


@pytest.mark.parametrize("path", [None, 5, [], {}, ""])
async def test_what_a_template_yields_is_held_to_the_schema_before_anything_is_staged(home: House, path: Json) -> None:
    write = {
        "operation_id": "storage.store_blob",
        "params": {"controller_id": home.controller.id, "path": "{{trigger.path}}"},
    }
    blob = {"operation_id": "storage.text_blob", "params": {"content": "x"}}
    run = await home.fire([blob, write], {"path": path})
    error = run.steps[1].error
    assert error is not None
    assert (run.state, error.code.startswith("PARAM_")) == (RunState.FAILED, True)
    assert (await home.app.store.list_changes(home.admin.organisation_id, 10, None)).items == []


async def test_no_parameter_that_is_not_in_the_schema_reaches_an_operation(home: House) -> None:
    hidden = {"controller_id": home.controller.id, "value": 1, "_action": "delete"}
    found = await codes(home, steps=[{"operation_id": "probe.set", "params": hidden}])
    assert ("PARAM_UNKNOWN_FIELD", "/steps/0/params/_action") in found
    notify = {"operation_id": "fabric.notify", "params": {"channels": "{{trigger.channels}}"}}
    run = await home.fire([notify], {"channels": {"in_app": True, "_method": "DELETE"}})
    error = run.steps[0].error
    assert error is not None
    assert error.code == "PARAM_UNKNOWN_FIELD"
    assert (await home.app.store.list_notifications(home.admin.organisation_id, 10, None)).items == []


async def test_a_later_step_sees_what_a_webhook_answered_that_refused(tmp_path: Path) -> None:
    async with receiver() as url, house(tmp_path, webhook_allowed_hosts=("127.0.0.1",)) as home:
        post = {"id": "post", "operation_id": "fabric.webhook", "params": {"url": url}, "continue_on_error": True}
        message = "{{steps.post.output.status}} {{steps.post.output.body.why}}"
        run = await home.fire([post, {"operation_id": "fabric.log", "params": {"message": message}}])
    error = run.steps[0].error
    assert error is not None
    assert (run.steps[0].state, error.code) == (StepState.FAILED, "WEBHOOK_STATUS")
    assert (run.state, run.steps[1].params) == (RunState.SUCCEEDED, {"message": "409 twice"})


@pytest.mark.parametrize("address", ["10.11.12.13", "169.254.169.254", "127.0.0.1", "[fd00:ec2::254]"])
async def test_no_error_names_the_address_that_was_refused(home: House, address: str) -> None:
    run = await home.fire([{"operation_id": "fabric.webhook", "params": {"url": f"http://{address}/latest"}}])
    error = run.steps[0].error
    assert error is not None
    assert error.code.startswith("SSRF_")
    assert address.strip("[]") not in json.dumps(msgspec.to_builtins((error, run.error, run.steps[0].output)))
