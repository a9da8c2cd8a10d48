"""Group commit: batches are what queued while the last commit ran, and nobody's failure is another's."""

import asyncio
import time
from pathlib import Path
from typing import Any

import apsw
import pytest
import uvloop

from catalog.errors import NotFound, Unavailable
from engine.stores.sqlite import writer as writers
from engine.stores.sqlite.store import SqliteStore
from engine.stores.sqlite.transaction import Transaction
from engine.stores.sqlite.writer import Writer
from tests.contracts.homes import SqliteHome
from tests.contracts.rows import ORG, Rows


def _writer(store: SqliteStore) -> Writer:
    return store._writer


def _put(transaction: Transaction, name: str) -> str:
    transaction.execute(
        "INSERT INTO secret(organisation_id, name, sealed, time) VALUES (?, ?, ?, ?)", (ORG, name, b"", 1.0)
    )
    transaction.tell(ORG, "run", name, "queued")
    return name


def _put_and_fail(transaction: Transaction, name: str) -> str:
    _put(transaction, name)
    raise KeyError(name)


def _fail_first(transaction: Transaction, name: str) -> str:
    raise NotFound("NOT_HERE", f"There is no `{name}`.")


async def _names(store: SqliteStore) -> list[str]:
    return [name for name, _ in await store.list_secrets(ORG)]


async def test_what_queues_together_is_committed_together(store: SqliteStore, rows: Rows) -> None:
    before = _commits(store)
    await asyncio.gather(*[store.accept(rows.event()) for _ in range(100)])
    assert _commits(store) - before <= 2
    assert len((await store.list_events(ORG, 200, None)).items) == 100


def _commits(store: SqliteStore) -> int:
    return store._writer._thread._number


async def test_a_lone_write_does_not_wait_for_company(store: SqliteStore, rows: Rows) -> None:
    await store.accept(rows.event())
    times = []
    for _ in range(20):
        started = time.perf_counter()
        await store.accept(rows.event())
        times.append(time.perf_counter() - started)
    assert sorted(times)[10] < 0.02


async def test_work_that_fails_takes_nobody_with_it(store: SqliteStore) -> None:
    writer = _writer(store)
    ends = await asyncio.gather(
        writer.submit("put_secret", _put, "a"),
        writer.submit("put_secret", _put_and_fail, "b"),
        writer.submit_plain("put_secret", _fail_first, "c"),
        writer.submit_plain("put_secret", _put, "d"),
        return_exceptions=True,
    )
    assert [type(end) for end in ends] == [str, KeyError, NotFound, str]
    assert await _names(store) == ["a", "d"]
    assert [entry.subject for entry in await store.feed_after(ORG, 0, 99)] == ["a", "d"]


async def test_work_that_fails_after_all_though_it_said_it_would_not_takes_nobody_with_it(store: SqliteStore) -> None:
    writer = _writer(store)
    ends = await asyncio.gather(
        writer.submit_plain("put_secret", _put, "a"),
        writer.submit_plain("put_secret", _put_and_fail, "b"),
        writer.submit_plain("put_secret", _put, "c"),
        return_exceptions=True,
    )
    assert [type(end) for end in ends] == [str, KeyError, str]
    assert await _names(store) == ["a", "c"]
    assert [entry.subject for entry in await store.feed_after(ORG, 0, 99)] == ["a", "c"]


async def test_a_bug_stays_the_bug_it_is(store: SqliteStore) -> None:
    def misspelt(transaction: Transaction) -> None:
        transaction.execute("SELCT 1")

    with pytest.raises(apsw.SQLError):
        await _writer(store).submit("put_secret", misspelt)


async def test_a_caller_who_is_cancelled_does_not_disturb_the_batch(store: SqliteStore, rows: Rows) -> None:
    events = [rows.event() for _ in range(60)]
    tasks = [asyncio.create_task(store.accept(event)) for event in events]
    await asyncio.sleep(0)
    for task in tasks[::2]:
        task.cancel()
    await asyncio.gather(*tasks, return_exceptions=True)
    await store.accept(rows.event())
    held = {event.id for event in (await store.list_events(ORG, 200, None)).items}
    assert {event.id for event in events} <= held


async def test_a_large_queue_is_cut_into_batches(store: SqliteStore, rows: Rows) -> None:
    before = _commits(store)
    await asyncio.gather(*[store.accept(rows.event()) for _ in range(1_000)])
    assert _commits(store) - before >= 1_000 // writers.BATCH_WORKS


async def test_a_busy_loop_does_not_starve_the_commit(tmp_path: Path) -> None:
    """On uvloop, as the server runs: there the thread has been seen to wait for seconds."""
    times = await asyncio.to_thread(uvloop.run, _accepts_while_busy(SqliteHome(tmp_path), seconds=1.5))
    assert len(times) >= 50
    assert max(times) < 0.2


async def _accepts_while_busy(place: SqliteHome, seconds: float) -> list[float]:
    store, rows = await place.open(), Rows(place.clock)
    stop = time.perf_counter() + seconds

    async def busy() -> None:
        while time.perf_counter() < stop:
            until = time.perf_counter() + 0.001
            while time.perf_counter() < until:
                pass
            await asyncio.sleep(0)

    async def client() -> list[float]:
        times = []
        while time.perf_counter() < stop:
            started = time.perf_counter()
            await store.accept(rows.event())
            times.append(time.perf_counter() - started)
        return times

    _, times = await asyncio.gather(busy(), client())
    await place.close()
    return times


async def test_another_programs_write_lock_is_waited_for(store: SqliteStore, place: SqliteHome, rows: Rows) -> None:
    other = apsw.Connection(str(place.path))
    other.execute("BEGIN IMMEDIATE")
    waiting = asyncio.create_task(store.accept(rows.event()))
    await asyncio.sleep(0.1)
    assert not waiting.done()
    other.execute("ROLLBACK")
    other.close()
    assert not (await waiting).repeated


async def test_another_programs_write_lock_is_not_waited_for_for_ever(
    store: SqliteStore, place: SqliteHome, rows: Rows, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(writers, "BEGIN_TRIES", 3)
    other = apsw.Connection(str(place.path))
    other.execute("BEGIN IMMEDIATE")
    ends = await asyncio.gather(*[store.accept(rows.event()) for _ in range(300)], return_exceptions=True)
    assert {end.code for end in ends if isinstance(end, Unavailable)} == {"STORE_BUSY"}
    other.close()
    await store.accept(rows.event())


async def test_what_is_queued_when_the_store_closes_is_finished_first(
    store: SqliteStore, place: SqliteHome, rows: Rows
) -> None:
    accepting = [asyncio.create_task(store.accept(rows.event())) for _ in range(400)]
    await asyncio.sleep(0)
    await store.close()
    assert not any(accepted.repeated for accepted in await asyncio.gather(*accepting))
    with pytest.raises(Unavailable) as refused:
        await store.accept(rows.event())
    assert refused.value.code == "STORE_CLOSED"
    place.store = None
    again = await place.open()
    assert len(await again.undispatched(999)) == 400


async def test_a_caller_gets_an_error_of_his_own(store: SqliteStore) -> None:
    ends: list[Any] = await asyncio.gather(
        *[_writer(store).submit("put_secret", _fail_first, str(number)) for number in range(3)], return_exceptions=True
    )
    assert len({id(end) for end in ends}) == 3
    assert [end.message for end in ends] == [f"There is no `{number}`." for number in range(3)]
