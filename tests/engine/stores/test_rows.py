"""Rows: every field of what is stored comes back, the ones that are added tomorrow too."""

import msgspec

from catalog.artifacts import ArtifactRef
from catalog.events import Event
from engine.runs import Failure, Run, RunState, StepRecord
from engine.stores.sqlite.event_rows import EventBody
from engine.stores.sqlite.run_rows import RunBody
from engine.stores.sqlite.store import SqliteStore
from tests.contracts.rows import ORG, Rows


def _set(value: msgspec.Struct) -> set[str]:
    """Fields that are not as they would be if nobody named them."""
    return {
        field.name
        for field in msgspec.structs.fields(value)
        if field.required or getattr(value, field.name) != field.default
    }


async def test_every_field_of_a_run_and_its_event_comes_back(store: SqliteStore, rows: Rows) -> None:
    event = Event(
        id="e",
        organisation_id=ORG,
        type="device.updated",
        payload={"n": 1},
        time=1.5,
        artifact=ArtifactRef(token="t", sha256="s", size=1, media_type="x/y", durable=True),
        depth=3,
        cause="run-0",
        only="c",
        origin="test",
    )
    run = Run(
        id="r",
        organisation_id=ORG,
        connection_id="c",
        connection_name="name",
        event=event,
        origin="replay:1",
        state=RunState.FAILED,
        author_id="ann",
        revision=7,
        epoch=2,
        attempt=3,
        queued_at=1.0,
        started_at=2.0,
        ended_at=3.0,
        not_before=4.0,
        waits_for="rate",
        reason="because",
        error=Failure("CODE", "Said.", "Do."),
        replay_of="r0",
        steps=(StepRecord(index=0, operation_id="a.b"),),
        conditions=[{"held": True}],
    )
    for each in (event, run):
        assert _set(each) == set(each.__struct_fields__), "name the new field here"

    await store.accept(event)
    await store.dispatch(event, [run], misses=0, cooldowns=[0.0])

    assert await store.get_event(ORG, "e") == event
    assert await store.get_run(ORG, "r") == run


def test_a_body_of_an_older_version_is_still_read() -> None:
    assert msgspec.json.decode(b'["name"]', type=RunBody) == RunBody("name")
    assert msgspec.json.decode(b'[{"n":1}]', type=EventBody) == EventBody({"n": 1})
