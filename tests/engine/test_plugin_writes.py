"""Plugins cannot write: three refusals, each of which holds alone when the other two are taken out."""

from pathlib import Path
from types import SimpleNamespace

import pytest

import catalog.catalog
import catalog.operations
import connections.passes.operations
from catalog.changes import Change
from catalog.errors import ConnectionInvalid, FabricError, Unsupported
from catalog.events import EventSpec
from catalog.jsonvalue import Json
from catalog.operations import Operation, Tier, WriteEntry, check_namespace
from catalog.provider import Call
from catalog.schemas import schema_of
from engine.runs import StepState
from runtime.providers import NATIVE
from tests.engine import house as houses
from tests.engine.house import Aim, Done, House, house

ZAP = Operation(
    id="plugin.acme.zap",
    title="Zap",
    tier=Tier.PLUGIN,
    write=True,
    permission="probe.set",
    input_schema=schema_of(Aim),
    output_schema=catalog.operations.STAGED_SCHEMA,
)
REFUSED = "PLUGIN_WRITE_FORBIDDEN"


class Zap:
    """A plugin's code that would write."""

    def __init__(self) -> None:
        self.planned = 0

    async def plan(self, aim: Aim, call: Call) -> Change:
        self.planned += 1
        return Change(target_id="acme", request={"value": aim.value})

    async def observe(self, change: Change, call: Call) -> Json:
        return None

    async def apply(self, change: Change, call: Call) -> Done:
        raise AssertionError("a plugin's write is applied")


class Acme:
    """A provider that offers it all the same."""

    def __init__(self) -> None:
        self.zap = Zap()

    def operations(self) -> tuple[Operation, ...]:
        return (ZAP,)

    def events(self) -> tuple[EventSpec, ...]:
        return ()

    def code(self, operation_id: str) -> WriteEntry | None:
        return WriteEntry(Aim, self.zap) if operation_id == ZAP.id else None


def take_out(monkeypatch: pytest.MonkeyPatch, *refusals: str) -> Acme:
    """Take these of the three refusals out, and add the provider to those that every house starts with."""
    if "registration" in refusals:

        def lax(operation: Operation) -> None:
            check_namespace(operation.id, operation.tier, kind="OP")

        monkeypatch.setattr(catalog.catalog, "check_operation", lax)
        monkeypatch.setattr(catalog.operations, "check_operation", lax)
    if "authoring" in refusals:
        monkeypatch.setattr(connections.passes.operations, "_write", lambda *_: None)
    if "run" in refusals:
        monkeypatch.setattr("engine.staging.Tier", SimpleNamespace(NATIVE=Tier.PLUGIN))
    acme = Acme()
    monkeypatch.setattr(houses, "NATIVE", (*NATIVE, acme))
    return acme


def step(home: House) -> Json:
    """A step that would write through the plugin."""
    return {"operation_id": ZAP.id, "params": {"controller_id": home.controller.id, "value": 1}}


async def nothing_is_staged(home: House, acme: Acme) -> None:
    """Not a change, not even a plan of one."""
    assert acme.zap.planned == 0
    assert (await home.app.store.list_changes(home.admin.organisation_id, 10, None)).items == []


@pytest.mark.promise("W7")
@pytest.mark.parametrize("out", [(), ("authoring", "run")], ids=["all in place", "alone"])
async def test_registration_refuses(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, out: tuple[str, ...]) -> None:
    take_out(monkeypatch, *out)
    with pytest.raises(FabricError) as caught:
        async with house(tmp_path):
            raise AssertionError("a server with a plugin's write starts")
    assert caught.value.code == REFUSED


@pytest.mark.promise("W7")
@pytest.mark.parametrize("out", [("registration",), ("registration", "run")], ids=["the next", "alone"])
async def test_authoring_refuses(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, out: tuple[str, ...]) -> None:
    acme = take_out(monkeypatch, *out)
    async with house(tmp_path) as home:
        with pytest.raises(ConnectionInvalid) as caught:
            await home.connect({"name": "zap", "source_event": "probe.thing.happened", "steps": [step(home)]})
        assert REFUSED in [each.code for each in caught.value.diagnostics]
        await nothing_is_staged(home, acme)


@pytest.mark.promise("W7")
async def test_a_connection_from_before_does_not_run(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    with monkeypatch.context() as earlier:
        take_out(earlier, "registration", "authoring")
        async with house(tmp_path) as home:
            source = {"name": "zap", "source_event": "probe.thing.happened", "steps": [step(home)]}
            await home.connect(source)
    acme = take_out(monkeypatch, "registration", "run")
    async with house(tmp_path) as home:
        await home.happen({})
        (run,) = await home.settled(1)
        assert run.error is not None
        assert run.error.code == "CONNECTION_INVALID"
        await nothing_is_staged(home, acme)


@pytest.mark.promise("W7")
async def test_a_run_refuses(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    acme = take_out(monkeypatch, "registration", "authoring")
    async with house(tmp_path) as home:
        run = await home.fire([step(home)])
        assert run.steps[0].state is StepState.FAILED
        assert run.steps[0].error is not None
        assert run.steps[0].error.code == REFUSED
        await nothing_is_staged(home, acme)


@pytest.mark.promise("W7")
async def test_invoke_refuses_with_all_three_taken_out(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    acme = take_out(monkeypatch, "registration", "authoring", "run")
    async with house(tmp_path) as home:
        with pytest.raises(Unsupported) as caught:
            await home.app.trials.invoke(home.admin, ZAP.id, step(home)["params"])
        assert caught.value.code == "INVOKE_NON_NATIVE"
        await nothing_is_staged(home, acme)


async def test_it_takes_all_three_to_be_taken_out_for_a_plugins_write_to_stage(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    acme = take_out(monkeypatch, "registration", "authoring", "run")
    async with house(tmp_path) as home:
        run = await home.fire([step(home)])
        assert run.steps[0].state is StepState.STAGED, run.steps[0].error
        assert acme.zap.planned == 1
