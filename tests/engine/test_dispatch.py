"""From an event to its runs."""

import asyncio
from pathlib import Path

import msgspec
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from catalog.catalog import Catalog
from catalog.errors import NotFound
from catalog.events import parse_pattern
from catalog.jsonvalue import Json
from engine.entries import Entry
from engine.firings import MAX_DEPTH
from engine.index import Index
from engine.records import StoredConnection
from engine.runs import RunState
from tests.engine.house import House, current, house

ECHO = [{"operation_id": "probe.echo", "params": {"value": "{{trigger.n}}"}}]


def on(name: str, source_event: Json = "probe.thing.happened", **fields: Json) -> Json:
    """A Connection."""
    return {"name": name, "source_event": source_event, "steps": ECHO, **fields}


async def test_every_matching_connection_fires_once_and_the_others_do_not(home: House) -> None:
    await home.connect(on("exact"))
    await home.connect(on("wild", "probe.#"))
    await home.connect(on("other", "device.status.changed", steps=[{"operation_id": "fabric.log"}]))
    await home.connect(on("off", enabled=False))
    await home.connect(on("no", conditions=[{"field": "trigger.n", "operator": "gt", "value": 5}]))
    event = await home.happen({"n": 1})
    runs = await home.settled(2)
    await asyncio.sleep(0.05)
    assert sorted(run.connection_name for run in await home.settled(2)) == ["exact", "wild"]
    assert {run.event.id for run in runs} == {event.id}


@pytest.mark.promise("E4", count=200)
async def test_the_same_event_dispatched_again_and_again_runs_once(home: House) -> None:
    await home.connect(on("once"))
    for number in range(50):
        event = home.event({"n": number})
        await home.app.store.accept(event)
        dispatcher = home.app.engine._dispatcher
        await asyncio.gather(*(dispatcher.dispatch(event) for _ in range(4)))
    runs = await home.settled(50)
    assert len(runs) == 50
    assert sorted(value for _, value in current().calls) == list(range(50))


async def test_an_event_that_is_handed_over_twice_at_once_fires_once_and_keeps_nobody_waiting(home: House) -> None:
    await home.connect(on("once"))
    event = home.event({"n": 7})
    async with asyncio.timeout(5):
        await asyncio.gather(*(home.app.intake.publish(event) for _ in range(3)))
    assert len(await home.settled(1)) == 1
    assert [value for _, value in current().calls] == [7]


async def test_a_cooldown_makes_a_skipped_row_and_not_silence(home: House) -> None:
    await home.connect(on("rests", cooldown_seconds=60))
    for number in range(3):
        await home.happen({"n": number})
    runs = await home.settled(3)
    assert sorted(run.state.value for run in runs) == ["skipped", "skipped", "succeeded"]
    assert {run.reason for run in runs if run.state is RunState.SKIPPED} == {"cooldown"}


async def test_firings_above_the_rate_wait_and_say_so_and_all_run(home: House) -> None:
    await home.connect(on("paced", max_rate="20/s"))
    for number in range(5):
        await home.happen({"n": number})
    page = await home.app.store.list_runs(home.admin.organisation_id, 10, None)
    assert {run.waits_for for run in page.items if run.state is RunState.QUEUED} == {"rate"}
    runs = await home.settled(5)
    assert all(run.state is RunState.SUCCEEDED for run in runs)
    assert max(run.started_at or 0 for run in runs) - min(run.queued_at for run in runs) >= 0.19


async def test_a_repeated_request_takes_no_place_in_the_rate_and_counts_no_event(home: House) -> None:
    by_name = [{"operation_id": "fabric.log", "params": {"message": "{{trigger.name}}"}}]
    await home.connect(on("paced", "ingest.external", max_rate="1/s", steps=by_name))
    body = {"name": "order", "payload": {}}
    raw = msgspec.json.encode(body)
    for _ in range(20):
        await home.app.ingest.accept(home.admin.organisation_id, body, raw, "one-key")
    began = home.app.clock.now()
    await home.app.ingest.accept(home.admin.organisation_id, body, raw, "another-key")
    runs = await home.settled(2)
    assert runs[1].not_before <= began + 1.0
    assert home.app.measures.events["ingest.external"] == 2
    await home.app.trials.replay(home.admin, runs[0].id)
    assert home.app.measures.events["ingest.external"] == 2


async def test_a_circle_of_connections_stops_at_its_depth(home: House) -> None:
    set_it = {"operation_id": "probe.set", "params": {"controller_id": home.controller.id, "value": "{{event.id}}"}}
    await home.connect(
        {"name": "circle", "source_event": ["probe.thing.happened", "controller.change.staged"], "steps": [set_it]}
    )
    await home.happen({})
    runs = await home.settled(MAX_DEPTH + 2)
    await asyncio.sleep(0.1)
    runs = await home.settled(MAX_DEPTH + 2)
    assert len(runs) == MAX_DEPTH + 2
    assert [run.event.depth for run in runs] == list(range(MAX_DEPTH + 2))
    assert runs[-1].state is RunState.FAILED
    assert runs[-1].error is not None
    assert runs[-1].error.code == "CAUSATION_LIMIT"


async def test_a_connection_created_or_deleted_while_a_chain_runs_disturbs_nobody(home: House) -> None:
    gate = current().gates["0"] = asyncio.Event()
    slow = await home.connect(on("slow", steps=[*ECHO, *ECHO]))
    await home.happen({"n": 0})
    while not current().calls:
        await asyncio.sleep(0.005)
    await home.connect(on("new"))
    await home.app.authoring.delete(home.admin, slow)
    await home.happen({"n": 1})
    gate.set()
    runs = await home.settled(2)
    assert {(run.connection_name, run.state) for run in runs} == {
        ("slow", RunState.SUCCEEDED),
        ("new", RunState.SUCCEEDED),
    }


async def test_one_organisations_hanging_runs_do_not_slow_another(home: House) -> None:
    gate = current().gates["hang"] = asyncio.Event()
    slow = [{"operation_id": "probe.echo", "params": {"value": "hang"}}]
    for number in range(6):
        await home.connect(on(f"hang{number}", steps=slow))
    for number in range(80):
        await home.happen({"n": number})
    other = await home.neighbour()
    await other.connect(on("quick"))
    await other.happen({"n": "quick"})
    assert (await other.settled(1, 2.0))[0].state is RunState.SUCCEEDED
    counts = await home.app.store.counts()
    assert counts["runs.queued"] > 0
    assert counts["runs.queued"] + counts["runs.running"] == 480
    gate.set()
    async with asyncio.timeout(20.0):
        while counts["runs.queued"] + counts["runs.running"]:
            await asyncio.sleep(0.02)
            counts = await home.app.store.counts()
    assert home.app.measures.runs["succeeded"] == 481


async def test_an_organisation_sees_only_its_own(home: House) -> None:
    other = await home.neighbour()
    mine = await home.connect(on("same name"))
    theirs = await other.connect(on("same name"))
    await home.happen({"n": 1})
    run = (await home.settled(1))[0]
    assert run.connection_id == mine
    await asyncio.sleep(0.05)
    assert (await other.app.store.list_runs(other.admin.organisation_id, 10, None)).items == []
    for work in (
        home.app.authoring.get(home.admin.organisation_id, theirs),
        home.app.store.get_run(other.admin.organisation_id, run.id),
        home.app.store.get_event(other.admin.organisation_id, run.event.id),
        home.app.trials.replay(other.admin, run.id),
        home.app.trials.cancel(other.admin, run.id),
        home.app.administration.controller(home.admin.organisation_id, other.controller.id),
    ):
        with pytest.raises(NotFound):
            await work


async def test_a_test_run_reports_conditions_and_is_not_stopped_by_them(home: House) -> None:
    await home.connect(on("tried", conditions=[{"field": "trigger.n", "operator": "eq", "value": 1}]))
    await home.connect(on("bystander"))
    run = await home.app.trials.test(home.admin, "tried", {"n": 2})
    assert (run.origin, run.state) == ("test", RunState.SUCCEEDED)
    assert run.conditions
    assert [run.connection_name for run in await home.settled(1)] == ["tried"]


async def test_a_test_without_payload_takes_the_last_event_that_matches(home: House) -> None:
    await home.happen({"n": "earlier"})
    await home.happen({"n": "last"})
    await home.happen({"n": "else"}, "device.updated")
    await home.connect(on("tried"))
    run = await home.app.trials.test(home.admin, "tried")
    assert run.steps[0].output == {"value": "last"}


async def test_cancelling_interrupts_a_run_at_once(home: House) -> None:
    current().gates["0"] = asyncio.Event()
    await home.connect(on("hangs"))
    await home.happen({"n": 0})
    while not current().calls:
        await asyncio.sleep(0.005)
    running = (await home.app.store.list_runs(home.admin.organisation_id, 1, None)).items[0]
    await home.app.trials.cancel(home.admin, running.id)
    run = (await home.settled(1))[0]
    assert run.state is RunState.CANCELLED
    await asyncio.sleep(0.05)
    assert home.app.workers.running() == []


async def test_an_orderly_stop_interrupts_a_run_without_counting_as_a_crash(tmp_path: Path) -> None:
    for number in range(5):
        async with asyncio.timeout(10.0), house(tmp_path, hang="0", shutdown_seconds=0.05) as home:
            if number == 0:
                await home.connect(on("hangs"))
                await home.happen({"n": 0})
            while not current().calls:
                await asyncio.sleep(0.005)
    async with house(tmp_path) as home:
        run = (await home.settled(1))[0]
        assert (run.state, run.attempt) == (RunState.SUCCEEDED, 1)


_TYPES = st.lists(st.sampled_from("abc"), min_size=2, max_size=4).map(".".join)
_PATTERNS = st.one_of(
    _TYPES,
    st.tuples(st.lists(st.sampled_from("abc"), min_size=1, max_size=3), st.sampled_from("*#")).map(
        lambda pair: ".".join((*pair[0], pair[1]))
    ),
    st.just("*"),
)
_EQUALS = st.none() | st.tuples(st.sampled_from(["x", "y"]), st.sampled_from([1, 1.0, True, "1", "a", 0, False]))


@settings(max_examples=500, deadline=None)
@given(
    st.lists(st.tuples(st.lists(_PATTERNS, min_size=1, max_size=3), _EQUALS), max_size=12),
    _TYPES,
    st.fixed_dictionaries(
        {}, optional={"x": st.sampled_from([1, 1.0, True, "1", "a", None, [1]]), "y": st.integers(0, 1)}
    ),
    st.data(),
)
def test_the_index_finds_what_a_plain_scan_finds(
    made: list[tuple[list[str], tuple[str, Json] | None]], event_type: str, payload: Json, data: st.DataObject
) -> None:
    index = Index()
    for number, (patterns, equals) in enumerate(made):
        routing = {"patterns": patterns, "equals": [[equals[0]], equals[1]] if equals else None}
        stored = StoredConnection(
            id=str(number), organisation_id="o", name=str(number), author_id="a", source={}, routing=routing
        )
        index.put(Entry(stored, _no_catalog))
    gone = data.draw(st.sets(st.integers(0, max(len(made) - 1, 0)), max_size=3))
    for number in gone:
        index.remove(str(number))
    found = sorted(entry.id for entry in index.candidates("o", event_type, payload))
    assert found == sorted(
        str(number)
        for number, (patterns, equals) in enumerate(made)
        if number not in gone
        and any(parse_pattern(each).matches(event_type) for each in patterns)
        and (equals is None or _equal(payload.get(equals[0]), equals[1]))
    )
    assert list(index.candidates("another", event_type, payload)) == []
    for number in range(len(made)):
        index.remove(str(number))
    assert index._organisations == {}


def _equal(left: Json, right: Json) -> bool:
    return left is not None and (type(left) is bool) == (type(right) is bool) and left == right


def _no_catalog() -> Catalog:
    raise AssertionError("the index compiles nothing")


def test_routing_survives_storage() -> None:
    routing = {"patterns": ["a.b.#"], "equals": [["x", "y"], 1]}
    assert msgspec.json.decode(msgspec.json.encode(routing)) == routing
