"""What a run's record says: of a step that goes through a list, of one that waited, of one that was cancelled."""

import asyncio
import json

import pytest

from api.fabric.shown import run as shown
from engine.runs import RunState, StepState
from engine.schedule import CONNECTION_SLOTS
from runtime.egress.client import EgressClient
from tests.engine.house import House, current, flaky


def each(operation: str, **params: object) -> dict[str, object]:
    """A step that goes through the trigger's items."""
    return {
        "id": "all",
        "operation_id": operation,
        "foreach": {"in": "{{trigger.items}}", "max_parallel": 1},
        "params": {"value": "{{item}}", **params},
    }


async def test_a_foreach_records_the_params_of_every_item(home: House) -> None:
    run = await home.fire([each("probe.echo")], {"items": ["a", "b"]})
    assert run.steps[0].params == [{"value": "a"}, {"value": "b"}]


async def test_a_foreach_that_fails_half_way_still_names_what_it_staged(home: House) -> None:
    current().failures["bad"] = flaky(1)
    run = await home.fire([each("probe.set", controller_id=home.controller.id)], {"items": ["a", "bad", "c"]})
    assert (run.state, run.steps[0].state) == (RunState.FAILED, StepState.FAILED)
    staged = await home.app.store.list_changes(home.admin.organisation_id, 10, None)
    assert len(staged.items) == 1
    assert run.steps[0].change_ids == (staged.items[0].id,)


async def test_a_foreach_keeps_no_more_output_than_any_other_step(home: House) -> None:
    run = await home.fire([each("probe.echo")], {"items": ["x" * 50_000] * 6})
    assert run.steps[0].error is not None
    assert (run.steps[0].error.code, run.steps[0].output) == ("OUTPUT_TOO_LARGE", None)
    assert len(json.dumps(run.steps[0].params)) < 300_000


@pytest.mark.parametrize("on_missing", ["error", "skip", "empty"])
async def test_a_record_names_the_references_that_were_missing_whatever_came_of_it(
    home: House, on_missing: str
) -> None:
    step = {"operation_id": "probe.echo", "params": {"value": "{{trigger.no.where}}"}, "on_missing": on_missing}
    run = await home.fire([step])
    assert run.steps[0].missing == ("trigger.no.where",)


async def test_only_a_queued_run_says_what_it_waits_for(home: House) -> None:
    gate = current().gates["wait"] = asyncio.Event()
    step = {"operation_id": "probe.echo", "params": {"value": "wait"}}
    await home.connect({"name": "c", "source_event": "probe.thing.happened", "steps": [step]})
    for _ in range(CONNECTION_SLOTS + 1):
        await home.happen({})
    async with asyncio.timeout(10):
        while home.app.schedule.waiting != 1:
            await asyncio.sleep(0.01)
    queued = await home.app.store.list_runs(home.admin.organisation_id, 10, None, state=RunState.QUEUED)
    assert [shown(each, home.admin).waits_for for each in queued.items] == ["capacity"]
    gate.set()
    runs = await home.settled(CONNECTION_SLOTS + 1)
    assert {run.waits_for for run in runs} == {None}


async def test_a_cancelled_run_and_a_change_staged_by_hand_are_counted(home: House) -> None:
    current().gates["wait"] = asyncio.Event()
    step = {"operation_id": "probe.echo", "params": {"value": "wait"}}
    await home.connect({"name": "c", "source_event": "probe.thing.happened", "steps": [step]})
    await home.happen({})
    async with asyncio.timeout(10):
        while not current().calls:
            await asyncio.sleep(0.01)
    page = await home.app.store.list_runs(home.admin.organisation_id, 10, None)
    await home.app.trials.cancel(home.admin, page.items[0].id)
    assert home.app.measures.runs["cancelled"] == 1
    await home.app.trials.invoke(home.admin, "probe.set", {"controller_id": home.controller.id, "value": 1})
    assert home.app.measures.changes["staged"] == 1


async def test_a_cancelled_run_says_how_far_it_came(home: House) -> None:
    current().gates["wait"] = asyncio.Event()
    steps = [
        {"operation_id": "probe.echo", "params": {"value": "first"}},
        {"operation_id": "probe.set", "params": {"controller_id": home.controller.id, "value": "staged"}},
        {"operation_id": "probe.echo", "params": {"value": "wait"}},
        {"operation_id": "probe.echo", "params": {"value": "last"}},
    ]
    await home.connect({"name": "c", "source_event": "probe.thing.happened", "steps": steps})
    await home.happen({})
    async with asyncio.timeout(10):
        while ("echo", "wait") not in current().calls:
            await asyncio.sleep(0.01)
    page = await home.app.store.list_runs(home.admin.organisation_id, 10, None)
    cancelled = await home.app.trials.cancel(home.admin, page.items[0].id)
    kept = await home.app.store.get_run(home.admin.organisation_id, cancelled.id)
    assert kept == cancelled
    assert [(each.state, each.change_ids) for each in kept.steps] == [
        (StepState.SUCCEEDED, ()),
        (StepState.FAILED, ()),
        (StepState.FAILED, ()),
        (StepState.SKIPPED, ()),
    ]
    assert (kept.steps[0].output, kept.steps[2].params) == ({"value": "first"}, {"value": "wait"})
    assert (await home.app.store.list_changes(home.admin.organisation_id, 10, None)).items == []


async def test_a_run_cancelled_while_a_secret_is_on_its_way_does_not_keep_it(
    home: House, monkeypatch: pytest.MonkeyPatch
) -> None:
    sent = asyncio.Event()

    async def send(*_: object, **__: object) -> None:
        sent.set()
        await asyncio.Event().wait()

    monkeypatch.setattr(EgressClient, "send", send)
    await home.app.secrets.put(home.admin, "token", "canary-secret")
    params = {"url": "https://example.com/x", "headers": {"Authorization": "{{secrets.token}}"}}
    step = {"operation_id": "fabric.webhook", "params": params}
    await home.connect({"name": "c", "source_event": "probe.thing.happened", "steps": [step]})
    await home.happen({})
    await asyncio.wait_for(sent.wait(), 10)
    page = await home.app.store.list_runs(home.admin.organisation_id, 10, None)
    cancelled = await home.app.trials.cancel(home.admin, page.items[0].id)
    assert cancelled.steps[0].params["headers"] == {"Authorization": "[secret]"}
    assert "canary" not in repr(cancelled)


async def test_of_many_who_replay_at_once_each_gets_a_run_of_his_own(home: House) -> None:
    await home.connect(
        {
            "name": "c",
            "source_event": "probe.thing.happened",
            "steps": [{"operation_id": "fabric.log", "params": {}}],
        }
    )
    await home.happen({})
    (first,) = await home.settled(1)
    async with asyncio.timeout(10):
        again = await asyncio.gather(*(home.app.trials.replay(home.admin, first.id) for _ in range(12)))
    assert {each.origin for each in again} == {f"replay:{number}" for number in range(1, 13)}
    assert {each.state for each in again} == {RunState.SUCCEEDED}
