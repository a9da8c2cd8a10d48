"""The verdict: what the store, the target's folder and the people's own notes say of each other."""

import asyncio
from collections import Counter
from pathlib import Path

import msgspec

from catalog.jsonvalue import Json
from engine.buses.memory import MemoryBus
from engine.changes import ChangeState
from engine.clock import SystemClock
from engine.ports import Store
from engine.stores.sqlite import open_store


class Verdict(msgspec.Struct, frozen=True):
    """`lost`: acknowledged events without exactly one ended run of their Connection. `doubled`: changes that reached
    the target, or were claimed, more than once. `unapproved`: changes on the target that nobody asked to apply.
    """

    events: int
    applies: int
    lost: int
    doubled: int
    unapproved: int


def judge(database: Path, acknowledged: list[str], asked: set[str], arrivals: Counter[str]) -> Verdict:
    """Read the stopped server's store and compare."""
    return asyncio.run(_judge(database, acknowledged, asked, arrivals))


async def _judge(database: Path, acknowledged: list[str], asked: set[str], arrivals: Counter[str]) -> Verdict:
    store = await open_store(database, clock=SystemClock(), owner="verdict", bus=MemoryBus())
    try:
        organisation = (await store.organisations())[0].id
        ended = await _ended_runs(store, organisation)
        changes = await _all(store.list_changes, organisation)
        claims = Counter(
            row.subject for row in await _all(store.list_audit, organisation) if row.action == "change.applying"
        )
    finally:
        await store.close()
    by_file = {str(change.change.request["path"]).rpartition("/")[2]: change for change in changes}
    reached = {name: times for name, times in arrivals.items() if name in by_file}
    doubled = {by_file[name].id for name, times in reached.items() if times > 1}
    doubled |= {change for change, times in claims.items() if times > 1}
    applied = {change.id for change in changes if change.state is ChangeState.APPLIED}
    on_target = {by_file[name].id for name in reached}
    return Verdict(
        events=len(acknowledged),
        applies=len(applied),
        lost=sum(ended[each] != 1 for each in acknowledged),
        doubled=len(doubled),
        unapproved=len((applied | on_target) - asked),
    )


async def _ended_runs(store: Store, organisation: str) -> Counter[str]:
    runs = await _all(store.list_runs, organisation)
    return Counter(run.event.id for run in runs if run.state.over and run.event.type == "ingest.external")


async def _all(listing: Json, organisation: str) -> list[Json]:
    items: list[Json] = []
    cursor = None
    while True:
        page = await listing(organisation, 200, cursor)
        items += page.items
        cursor = page.next
        if cursor is None:
            return items
