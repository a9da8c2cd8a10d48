"""An event fires a Connection once, and every accepted event ends somewhere: run, skip or miss."""

import asyncio
import random

import apsw
import pytest

from catalog.events import Event
from engine.runs import Run, RunState
from engine.stores.sqlite.store import SqliteStore
from tests.contracts.homes import SqliteHome
from tests.contracts.rows import Rows

EVENTS = 10_000
CONNECTIONS = 4
RESTING = "c-0"
_STATES = "SELECT state, count(*) FROM run WHERE origin = 'live' GROUP BY state"


@pytest.mark.promise("E4", count=EVENTS)
@pytest.mark.promise("E5", count=EVENTS)
async def test_whatever_is_repeated_each_event_fires_each_connection_once_and_none_is_dropped(
    store: SqliteStore, place: SqliteHome, rows: Rows
) -> None:
    dice = random.Random(5)
    events = [rows.event({"n": number}) for number in range(EVENTS)]
    await asyncio.gather(*[store.accept(event) for event in events])
    matches = {event.id: dice.randrange(CONNECTIONS + 1) for event in events}
    inserted: list[Run] = []

    async def dispatch(event: Event) -> None:
        matched = matches[event.id]
        runs = [rows.run(event, f"c-{number}", state=RunState.RUNNING) for number in range(matched)]
        rests = [0.001 if run.connection_id == RESTING else 0.0 for run in runs]
        inserted.extend(await store.dispatch(event, runs, misses=CONNECTIONS - matched, cooldowns=rests))

    async def worker(seed: int) -> None:
        mine = [event for event in events if (event.payload["n"] + seed) % 2]
        random.Random(seed).shuffle(mine)
        for start in range(0, len(mine), 50):
            await asyncio.gather(*[dispatch(event) for event in mine[start : start + 50]])
            place.clock.pass_by(0.0005)

    await asyncio.gather(*[worker(seed) for seed in range(4)])
    while left := await store.undispatched(1_000):
        await asyncio.gather(*[dispatch(event) for event in left])

    for event in events[:200]:
        replay = rows.run(event, "c-9", origin="replay:1")
        assert await store.dispatch(event, [replay], misses=0, cooldowns=[0.0]) == [replay]

    assert len(inserted) == len({(run.event.id, run.connection_id) for run in inserted}) == sum(matches.values())
    await place.close()
    connection = apsw.Connection(str(place.path))
    outcomes = connection.execute("SELECT count(*), sum(matched), sum(missed) FROM event").fetchall()[0]
    states = {str(state): int(count or 0) for state, count in connection.execute(_STATES)}
    repeats = connection.execute(
        "SELECT count(*) FROM (SELECT 1 FROM run GROUP BY event_seq, connection_id, origin HAVING count(*) > 1)"
    ).fetchall()[0][0]
    connection.close()
    assert outcomes == (EVENTS, sum(matches.values()), EVENTS * CONNECTIONS - sum(matches.values()))
    assert sum(states.values()) == sum(matches.values())
    assert states["skipped"] > 0
    assert states["running"] > 0
    assert repeats == 0
