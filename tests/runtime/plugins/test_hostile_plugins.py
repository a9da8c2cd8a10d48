"""Plugins that mean harm: each is refused or contained, with its code, and the loop goes on all the while."""

import asyncio
from pathlib import Path

import msgspec
import pytest

import catalog.catalog
import catalog.registry
import runtime.plugins.reading
from catalog.errors import FabricError
from catalog.jsonvalue import Json
from catalog.operations import Operation
from catalog.plugins import EnabledPlugin
from catalog.provider import Call
from catalog.registry import Registry
from runtime.plugins.outgoing import granted_only
from runtime.plugins.provider import OnePlugin
from runtime.plugins.worker import LOG_BYTES
from runtime.providers import NATIVE
from runtime.wasm.messages import decode_answer, encode_request
from samples.services.build import HERE as SERVICES
from samples.services.hostile.modules import REFUSED, UNKNOWN, importing
from tests.runtime.plugins.shop import HERE, TOY, answering, saying, shop
from tests.runtime.wasm.lab import longest_stall, machine_noise

STALL_MOST = 0.1
HOSTILE = SERVICES / "hostile"
TRIES = 3
CONTAINED = {"PLUGIN_TIMEOUT", "GUEST_TIMEOUT", "GUEST_TRAPPED", "GUEST_GONE", "PLUGIN_ANSWER"}


@pytest.mark.promise("G1")
@pytest.mark.parametrize("name", ["spin", "flood", "grow", "recursion", "storm", "sleep"])
async def test_a_guest_that_does_its_worst_is_stopped_and_the_loop_goes_on(tmp_path: Path, name: str) -> None:
    wasm = (HOSTILE / f"{name}.wasm").read_bytes()
    async with shop(tmp_path, seconds=1.0) as house:
        await house.enable(saying({"n": 1}), TOY.replace('"toy"', '"good"'))
        await house.enable(wasm)
        for _ in range(TRIES):
            noise = await machine_noise()
            pulse = asyncio.create_task(longest_stall(1.5))
            with pytest.raises(FabricError) as caught:
                await house.call("plugin.toy.count")
            assert caught.value.code in CONTAINED
            assert await house.call("plugin.good.count") == {"n": 1}
            if await pulse < STALL_MOST + noise:
                return
        raise AssertionError("the loop stands still")


@pytest.mark.promise("G3")
async def test_what_it_prints_is_kept_only_in_part(tmp_path: Path) -> None:
    async with shop(tmp_path) as house:
        await house.enable((HOSTILE / "flood.wasm").read_bytes())
        calling = asyncio.create_task(house.call("plugin.toy.count"))
        async with asyncio.timeout(20):
            while len(house.host.log_of(HERE, "toy")) < LOG_BYTES:
                await asyncio.sleep(0.01)
        for _ in range(20):
            assert len(house.host.log_of(HERE, "toy")) <= 3 * LOG_BYTES
            await asyncio.sleep(0.01)
        calling.cancel()
        await asyncio.gather(calling, return_exceptions=True)


@pytest.mark.promise("G4")
async def test_a_guest_finds_no_file_and_nothing_that_no_plugin_has(tmp_path: Path) -> None:
    """What such a guest answers is the errno of what it tried; one that imports more does not start."""
    opens = next(each for each in REFUSED if each.name == "path_open")
    async with shop(tmp_path) as house:
        await house.enable(importing(opens))
        with pytest.raises(FabricError) as caught:
            await house.call("plugin.toy.count")
        assert caught.value.code == "PLUGIN_ANSWER"
        worker = house.host.worker_of(HERE, "toy")
        assert worker is not None
        answer = decode_answer(await worker.ask(encode_request(b"POST", b"/operations/count", [], b"{}"), 5.0))
        assert int.from_bytes(answer.body, "little") != 0
        for unknown in UNKNOWN[:2]:
            await house.enable(importing(unknown))
            with pytest.raises(FabricError) as caught:
                await house.call("plugin.toy.count")
            assert caught.value.code == "RUNTIME_ERROR"


@pytest.mark.parametrize(
    ("more", "where"),
    [
        ('[capabilities]\nfilesystem = { read = ["/etc/passwd"] }', "capabilities.filesystem"),
        ('[capabilities]\nenv = ["*"]', "capabilities.env"),
        ("[capabilities]\nnetwork = { listen = [80] }", "capabilities.network.listen"),
        ("[capabilities]\nnetwork = { allow_all_outbound = true }", "capabilities.network.allow_all_outbound"),
        ('[capabilities]\nnetwork = { connect = ["*:443"] }', "capabilities.network.connect"),
    ],
)
async def test_it_may_ask_for_hosts_and_for_nothing_else(tmp_path: Path, more: str, where: str) -> None:
    async with shop(tmp_path) as house:
        digest = await house.store_module(saying({}), f"{TOY}\n{more}\n")
        with pytest.raises(FabricError) as caught:
            await house.host.read(digest)
        assert (caught.value.code, where in caught.value.message) == ("PLUGIN_CAPABILITY", True)


SQUATTED = TOY.replace("[plugin.operations.count]", '[plugin.operations."cameras.snapshot"]')
FOREIGN_EVENT = TOY.replace("[plugin.events.counted]", '[plugin.events."device.status.changed"]')
ANOTHERS = TOY.replace("[plugin.operations.count]", '[plugin.operations."plugin.other.count"]')
CLIMBING = TOY.replace('id = "toy"', 'id = "toy.other"')
BAD_WORD = TOY.replace("[plugin.operations.count]", '[plugin.operations."Count!"]')
GREEDY = TOY.replace('permissions = ["use"]', 'permissions = ["use", "changes.apply"]')
PUBLIC = TOY.replace('permission = "use"\n', "")
NO_SCHEMA = TOY.replace('input = { type = "object"', 'input = { type = "objekt"')
REMOTE = TOY.replace('output = { type = "object"', 'output = { "$ref" = "http://169.254.169.254/", type = "object"')
SLOW = TOY.replace(
    'n = { type = "integer" } }, required = ["n"] }', 'n = { type = "string", pattern = "^(?=(a+)+$)" } } }', 1
)
BROAD = TOY.replace(
    'input = { type = "object"', "input = { anyOf = [" + ", ".join(['{ type = "string" }'] * 40) + '], type = "object"'
)
WRITING = TOY.replace('title = "Count"', 'title = "Count"\nwrite = true')


@pytest.mark.parametrize(
    ("fabrickfile", "code", "place"),
    [
        (SQUATTED, "OP_NAMESPACE", "cameras.snapshot"),
        (FOREIGN_EVENT, "EVENT_NAMESPACE", "device.status.changed"),
        (ANOTHERS, "OP_NAMESPACE", "plugin.other.count"),
        (CLIMBING, "PLUGIN_ID", "toy.other"),
        (BAD_WORD, "OP_ID", "plugin.toy.Count!"),
        (GREEDY, "PLUGIN_PERMISSION", "changes.apply"),
        (PUBLIC, "PLUGIN_PERMISSION", "plugin.toy.count"),
        (NO_SCHEMA, "SCHEMA_INVALID", "plugin.toy.count"),
        (REMOTE, "SCHEMA_INVALID", "$ref"),
        (SLOW, "SCHEMA_INVALID", "plugin.toy.count"),
        (BROAD, "SCHEMA_INVALID", "alternatives"),
        (WRITING, "PLUGIN_WRITE_FORBIDDEN", "plugin.toy.count"),
        (TOY.partition("[plugin]")[0], "PLUGIN_MANIFEST", "[plugin]"),
        (TOY.replace('type = "http"', 'type = "command"'), "PLUGIN_KIND", "http"),
    ],
)
async def test_a_manifest_that_reaches_out_of_its_place_is_refused_with_the_place(
    tmp_path: Path, fabrickfile: str, code: str, place: str
) -> None:
    async with shop(tmp_path) as house:
        digest = await house.store_module(saying({}), fabrickfile)
        with pytest.raises(FabricError) as caught:
            await house.host.read(digest)
        assert caught.value.code == code
        assert place in caught.value.message


async def test_a_wrong_field_is_refused_at_the_build_with_its_place(tmp_path: Path) -> None:
    async with shop(tmp_path) as house:
        with pytest.raises(FabricError) as caught:
            await house.store_module(saying({}), TOY.replace('title = "Count"', "title = 3"))
        assert caught.value.code == "INVALID_REQUEST"
        assert "plugin.operations.count.title" in caught.value.message


async def test_a_guest_that_is_not_warm_is_refused(tmp_path: Path) -> None:
    async with shop(tmp_path) as house:
        with pytest.raises(FabricError) as caught:
            await house.enable(answering(b"{}"), TOY.replace('type = "http"', 'type = "http"\nabi = "cgi"'))
        assert caught.value.code == "PLUGIN_KIND"


async def test_hosts_that_were_not_granted_are_out_of_reach(tmp_path: Path) -> None:
    asking = TOY + '[capabilities]\nnetwork = { connect = ["api.example.com:443", "*.acme.example:443"] }\n'
    async with shop(tmp_path) as house:
        manifest = await house.enable(saying({"n": 1}), asking, hosts=("api.example.com:443",))
        assert manifest.hosts == ("api.example.com:443", "*.acme.example:443")
        carry = granted_only(house.http, ("api.example.com:443",), 5.0)
        for url, status, body in (
            ("https://api.example.com/x", 200, b"from outside"),
            ("https://API.example.com:443/x", 200, b"from outside"),
            ("http://api.example.com/x", 0, b"PLUGIN_HOST"),
            ("https://b.acme.example/x", 0, b"PLUGIN_HOST"),
            ("https://api.example.com.evil.example/x", 0, b"PLUGIN_HOST"),
            ("http://169.254.169.254/", 0, b"PLUGIN_HOST"),
            ("file:///etc/passwd", 0, None),
        ):
            answer = decode_answer(await carry(encode_request(b"GET", url.encode(), [], b"")))
            assert answer.status == status, url
            assert body in (None, answer.body), url
        assert len(house.http.asked) == 2


async def nobody(plugin: EnabledPlugin, operation: Operation, params: dict[str, Json], call: Call) -> Json:
    raise AssertionError("a plugin that is left out is called")


async def test_a_wrong_plugin_costs_only_itself_and_a_wrong_native_provider_refuses(tmp_path: Path) -> None:
    async with shop(tmp_path) as house:
        good = await house.enable(saying({"n": 1}))
        squatter = Operation(id="cameras.snapshot", title="Squat", permission="cameras.view")
        bad = EnabledPlugin(
            manifest=msgspec.structs.replace(good, id="bad", operations=(squatter,), events=()), granted={}
        )
        plugins = [OnePlugin(bad, nobody), *house.host.providers()]
        found = Registry(NATIVE, plugins=lambda: plugins)
        names = found.current().operations
        assert "plugin.toy.count" in names
        assert names["cameras.snapshot"].title != "Squat"
        assert {name: error.code for name, error in found.problems.items()} == {"bad": "OP_NAMESPACE"}
        with pytest.raises(FabricError):
            Registry((*NATIVE, plugins[0])).current()


@pytest.mark.promise("W7")
@pytest.mark.parametrize("out", [(), ("adding",), ("adding", "registration")], ids=["adding", "registration", "run"])
async def test_each_refusal_of_a_plugins_write_holds_alone(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, out: tuple[str, ...]
) -> None:
    """Take away what stands before it: where a module is added, then the registry; the host still refuses to run it."""
    if "adding" in out:
        monkeypatch.setattr(runtime.plugins.reading, "check_manifest", lambda _: None)
    if "registration" in out:
        monkeypatch.setattr(catalog.registry, "check_entries", lambda *_: None)
        monkeypatch.setattr(catalog.catalog, "check_operation", lambda _: None)
    async with shop(tmp_path) as house:
        with pytest.raises(FabricError) as caught:
            manifest = await house.enable(saying({"n": 1}), WRITING)
            assert manifest.operations[0].write
            if "registration" not in out:
                raise house.registry.problems["toy"]
            await house.call("plugin.toy.count")
        assert caught.value.code == "PLUGIN_WRITE_FORBIDDEN"
        assert house.events == []
        assert not out or house.host.worker_of(HERE, "toy") is None
