"""The plugin host: what plugins answer, what they may emit, whom they may ask, and what they cost idle."""

import asyncio
from pathlib import Path

import pytest

from catalog.errors import FabricError
from runtime.plugins.answers import ANSWER_MOST
from tests.runtime.plugins.shop import HERE, THERE, TOY, answering, saying, shop


async def test_a_plugins_read_is_called_with_its_events(tmp_path: Path) -> None:
    async with shop(tmp_path) as house:
        manifest = await house.enable(saying({"n": 3}, {"type": "counted", "payload": {"n": 3}}))
        operation = house.registry.current().get_operation("plugin.toy.count")
        assert (operation.tier, operation.permission, operation.write) == ("plugin", "plugin.toy.use", False)
        assert manifest.permissions == ("plugin.toy.use",)
        assert await house.call("plugin.toy.count", {"n": 1}) == {"n": 3}
        assert await house.call("plugin.toy.count", {"n": 1}) == {"n": 3}
        assert await house.call("plugin.toy.count", {"n": 1}, delivery="run.1") == {"n": 3}
        ids = [each.id for each in house.events]
        assert ids[0] == ids[1] != ids[2], "a repeat of a step tells the same event"
        event = house.events[0]
        assert (event.type, event.organisation_id, event.payload) == ("plugin.toy.counted", HERE, {"n": 3})
        assert event.depth == 1


async def test_only_declared_events_of_their_schema_are_emitted(tmp_path: Path) -> None:
    async with shop(tmp_path) as house:
        for event in (
            {"type": "device.status.changed", "payload": {}},
            {"type": "other", "payload": {}},
            {"type": "counted", "payload": {"n": "three"}},
        ):
            await house.enable(saying({"n": 1}, event))
            with pytest.raises(FabricError) as caught:
                await house.call("plugin.toy.count")
            assert caught.value.code == "PLUGIN_EVENT"
        assert house.events == []


@pytest.mark.parametrize(
    ("wasm", "code"),
    [
        (saying({"n": "text"}), "PLUGIN_OUTPUT"),
        (answering(b"{}"), "PLUGIN_ANSWER"),
        (answering(b"no json"), "PLUGIN_ANSWER"),
        (answering(b'{"output": {"n": 1}, "more": 1}'), "PLUGIN_ANSWER"),
        (saying({"n": 1}, *[{"type": "counted", "payload": {"n": 1}}] * 17), "PLUGIN_ANSWER"),
        (answering(b"broken", 500), "PLUGIN_FAILED"),
        (answering(b"x" * (ANSWER_MOST + 1)), "OUTPUT_TOO_LARGE"),
    ],
    ids=["wrong type", "no output", "no json", "unknown field", "many events", "failed", "too large"],
)
async def test_what_does_not_fit_is_refused(tmp_path: Path, wasm: bytes, code: str) -> None:
    async with shop(tmp_path) as house:
        await house.enable(wasm)
        with pytest.raises(FabricError) as caught:
            await house.call("plugin.toy.count")
        assert caught.value.code == code
        assert house.events == []


async def test_parameters_are_checked_before_the_guest_is_asked(tmp_path: Path) -> None:
    async with shop(tmp_path) as house:
        await house.enable(saying({"n": 1}))
        for params in ({"n": "1"}, {"m": 1}):
            with pytest.raises(FabricError) as caught:
                await house.call("plugin.toy.count", params)
            assert caught.value.code == "PARAM_SCHEMA"
        assert house.host.worker_of(HERE, "toy") is None


async def test_an_organisation_that_did_not_enable_it_is_refused_and_none_shares_a_guest(tmp_path: Path) -> None:
    async with shop(tmp_path) as house:
        await house.enable(saying({"n": 1}))
        seen = [house.registry.seen_by(each) for each in (HERE, THERE)]
        assert [each.find_operation("plugin.toy.count") is not None for each in seen] == [True, False]
        assert [each.find_event("plugin.toy.counted") is not None for each in seen] == [True, False]
        with pytest.raises(FabricError) as caught:
            await house.call("plugin.toy.count", organisation=THERE)
        assert caught.value.code == "PLUGIN_NOT_ENABLED"
        await house.enable(saying({"n": 1}), organisations=(HERE, THERE))
        await house.call("plugin.toy.count")
        await house.call("plugin.toy.count", organisation=THERE)
        workers = [house.host.worker_of(each, "toy") for each in (HERE, THERE)]
        assert len({each.pid for each in workers if each is not None}) == 2


async def test_a_guest_starts_with_its_first_call_and_ends_when_nobody_calls(tmp_path: Path) -> None:
    async with shop(tmp_path, idle=0.05) as house:
        await house.enable(saying({"n": 1}))
        assert house.host.worker_of(HERE, "toy") is None
        await asyncio.gather(*(house.call("plugin.toy.count") for _ in range(5)))
        worker = house.host.worker_of(HERE, "toy")
        assert worker is not None
        first = worker.pid
        assert first is not None
        async with asyncio.timeout(10):
            while worker.running:
                await asyncio.sleep(0.02)
        assert await house.call("plugin.toy.count") == {"n": 1}
        assert worker.pid not in (None, first)


async def test_a_plugin_that_leaves_takes_its_guest_and_its_operations_along(tmp_path: Path) -> None:
    async with shop(tmp_path) as house:
        await house.enable(saying({"n": 1}))
        await house.call("plugin.toy.count")
        worker = house.host.worker_of(HERE, "toy")
        assert worker is not None
        house.enabled.clear()
        house.show()
        assert house.registry.current().find_operation("plugin.toy.count") is None
        async with asyncio.timeout(10):
            while worker.running:
                await asyncio.sleep(0.02)


async def test_schemas_may_be_files_beside_the_fabrickfile(tmp_path: Path) -> None:
    written = TOY.replace("output = { type", 'output = "answer.json"\n# { type')
    async with shop(tmp_path) as house:
        digest = await house.store_module(saying({}), written, answer='{"type": "object", "title": "An answer"}')
        manifest = await house.host.read(digest)
        assert manifest.operations[0].output_schema == {"type": "object", "title": "An answer"}
        with pytest.raises(FabricError) as caught:
            await house.store_module(saying({}), written)
        assert caught.value.code == "BUILD_SOURCE"
        assert "plugin.operations.count.output" in caught.value.message


async def test_without_the_services_half_a_plugin_says_so(tmp_path: Path) -> None:
    async with shop(tmp_path) as house:
        await house.enable(saying({"n": 1}))
        await house.host.close()
        for work in (house.call("plugin.toy.count"), house.host.read("toy")):
            with pytest.raises(FabricError) as caught:
                await work
            assert (caught.value.code, caught.value.status) == ("PLUGINS_UNAVAILABLE", 503)


@pytest.mark.parametrize("before", [0, 1, 5], ids=["at once", "a moment later", "while it starts"])
async def test_a_call_of_a_plugin_that_leaves_is_refused_and_not_cancelled(tmp_path: Path, before: int) -> None:
    """Whoever is cancelled must know that somebody cancelled him."""
    async with shop(tmp_path) as house:
        await house.enable(saying({"n": 1}))
        calling = asyncio.create_task(house.call("plugin.toy.count"))
        for _ in range(before):
            await asyncio.sleep(0)
        await asyncio.sleep(0)
        house.enabled.clear()
        house.show()
        await asyncio.wait([calling], timeout=5)
        assert not calling.cancelled()
        assert isinstance(calling.exception(), FabricError)


async def test_a_call_waits_while_the_services_half_comes_up(tmp_path: Path) -> None:
    async with shop(tmp_path) as house:
        await house.enable(saying({"n": 1}))
        workshop = house.host._workshop
        assert workshop is not None
        house.host._workshop = None
        house.host.expect()
        calling = asyncio.create_task(house.call("plugin.toy.count"))
        await asyncio.sleep(0.05)
        assert not calling.done()
        house.host.open(workshop)
        assert await calling == {"n": 1}


async def test_events_that_come_without_end_are_refused(tmp_path: Path) -> None:
    """They may fire Connections that call the plugin again, sixteen times as often each time."""
    async with shop(tmp_path, events=40) as house:
        await house.enable(
            saying({"n": 1}, *[{"type": "counted", "payload": {"n": 1}}] * 16), organisations=(HERE, THERE)
        )
        for number in range(2):
            await house.call("plugin.toy.count", delivery=f"run.{number}")
        with pytest.raises(FabricError) as caught:
            await house.call("plugin.toy.count", delivery="run.2")
        assert caught.value.code == "PLUGIN_EVENT_RATE"
        assert len(house.events) == 32
        await house.call("plugin.toy.count", organisation=THERE)
        assert len(house.events) == 48


async def test_a_module_that_is_built_anew_takes_nothing_from_the_plugin_that_is_enabled(tmp_path: Path) -> None:
    async with shop(tmp_path, idle=0.01) as house:
        manifest = await house.enable(saying({"n": 1}))
        name = house.store.get(manifest.digest).reference
        assert await house.call("plugin.toy.count") == {"n": 1}
        house.store.remove(name)  # as a build does that gives its name to another
        worker = house.host.worker_of(HERE, "toy")
        assert worker is not None
        while worker.running:
            await asyncio.sleep(0.01)
        assert await house.call("plugin.toy.count") == {"n": 1}, "its guest is started again"
        house.enabled.clear()
        house.show()
        while house.store.find(manifest.digest) is not None:
            await asyncio.sleep(0.01)
        with pytest.raises(FabricError) as caught:
            await house.host.prepare(manifest)
        assert (caught.value.code, "fabric plugin add" in str(caught.value.hint)) == ("MODULE_NOT_FOUND", True)
