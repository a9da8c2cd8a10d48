"""A disk that is full or fails: nobody is told a lie, and when it is well again so is the store."""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable
from pathlib import Path

import apsw
import pytest

from catalog.errors import Conflict, FabricError, Unavailable
from engine.ports import Store
from engine.stores.sqlite import checkpoint, open_store
from engine.stores.sqlite.store import SqliteStore
from tests.contracts.rows import ORG, Rows
from tests.engine.stores.disk import Disk, Op
from tests.fakes.clock import FakeClock
from tests.fakes.told import ToldBus


class Sick:
    """A store on a disk that fails as `fails` says."""

    def __init__(self) -> None:
        self.fails: Callable[[Op], Exception | None] = lambda op: None
        self.disk = Disk(self._check)
        self.clock = FakeClock()
        self.rows = Rows(self.clock)

    def _check(self, op: Op) -> None:
        error = self.fails(op)
        if error is not None:
            raise error

    async def open(self, folder: Path) -> SqliteStore:
        return await open_store(
            folder / "fabric.sqlite", clock=self.clock, owner="me", bus=ToldBus(), vfs=self.disk.name
        )


@pytest.fixture
async def sick(tmp_path: Path) -> AsyncIterator[tuple[Sick, SqliteStore]]:
    """A store whose disk is still well."""
    made = Sick()
    store = await made.open(tmp_path)
    await made.rows.furnish(store)
    yield made, store
    made.fails = lambda op: None
    await store.close()
    made.disk.unregister()


def _when(kind: str, error: type[Exception]) -> Callable[[Op], Exception | None]:
    return lambda op: error() if op[0] == kind and op[1].endswith("-wal") else None


@pytest.mark.parametrize(
    ("fails", "code"),
    [
        (_when("write", apsw.FullError), "STORE_FULL"),
        (_when("write", apsw.IOError), "STORE_UNAVAILABLE"),
        (_when("sync", apsw.IOError), "STORE_UNAVAILABLE"),
    ],
)
async def test_a_commit_that_fails_fails_its_whole_batch_and_the_next_one_works(
    sick: tuple[Sick, SqliteStore], fails: Callable[[Op], Exception | None], code: str
) -> None:
    made, store = sick
    made.fails = fails
    rows = made.rows
    calls = [store.accept(rows.event()) for _ in range(40)]
    ends = await asyncio.gather(*calls, store.put_secret(ORG, "s", b"", rows.audit()), return_exceptions=True)
    assert {end.code for end in ends if isinstance(end, Unavailable)} == {code}
    assert len(ends) == 41
    assert len({id(end) for end in ends}) == 41, "each caller has an exception of his own"
    assert await store.undispatched(99) == []

    made.fails = lambda op: None

    event = rows.event()
    await store.accept(event)
    await store.put_secret(ORG, "s", b"", rows.audit())
    assert await store.undispatched(99) == [event]
    assert await store.verify_audit(ORG) is None
    assert await store.check() == []


async def test_feed_numbers_of_a_failed_batch_are_given_again(sick: tuple[Sick, SqliteStore]) -> None:
    made, store = sick
    await made.rows.fire(store)
    last = (await store.feed_after(ORG, 0, 99))[-1].seq
    event = made.rows.event()
    await store.accept(event)
    made.fails = _when("sync", apsw.IOError)
    with pytest.raises(Unavailable):
        await store.dispatch(event, [made.rows.run(event)], misses=0, cooldowns=[0.0])
    made.fails = lambda op: None
    await store.dispatch(event, [made.rows.run(event)], misses=0, cooldowns=[0.0])
    assert [entry.seq for entry in await store.feed_after(ORG, last, 99)] == [last + 1]


async def test_a_full_database_says_so_and_takes_what_still_fits(sick: tuple[Sick, SqliteStore]) -> None:
    made, store = sick
    connection = store._writer._connection
    connection.pragma("max_page_count", connection.pragma("page_count") + 12)
    large = {"text": "x" * 9_000}
    kept, refused = [], []
    for _ in range(40):
        event = made.rows.event(large)
        try:
            await store.accept(event)
            kept.append(event)
        except Unavailable as error:
            refused.append(error.code)
    assert kept
    assert set(refused) == {"STORE_FULL"}
    assert await store.undispatched(99) == kept
    connection.pragma("max_page_count", 2**30)
    await store.accept(made.rows.event(large))


async def test_a_checkpoint_that_fails_is_no_harm(
    sick: tuple[Sick, SqliteStore], monkeypatch: pytest.MonkeyPatch
) -> None:
    made, store = sick
    monkeypatch.setattr(checkpoint, "PAGES", 10)
    made.fails = lambda op: apsw.IOError() if op[0] == "write" and op[1] == "fabric.sqlite" else None
    events = [made.rows.event() for _ in range(50)]
    for event in events:
        await store.accept(event)
    assert await store.undispatched(99) == events
    made.fails = lambda op: None
    await store.accept(made.rows.event())
    assert await store.check() == []


@pytest.mark.promise("E3", count=2_000)
async def test_a_storm_of_retries_keeps_one_event_a_key(sick: tuple[Sick, SqliteStore]) -> None:
    """Replies are lost (the caller is gone before the answer), commits fail now and then, and everybody tries again."""
    made, store = sick
    commits = 0

    def now_and_then(op: Op) -> Exception | None:
        nonlocal commits
        if op[0] != "sync" or not op[1].endswith("-wal"):
            return None
        commits += 1
        return apsw.IOError() if commits % 5 == 0 else None

    made.fails = now_and_then
    kept = await asyncio.gather(*[_insistent(store, made.rows, number) for number in range(2_000)])

    events = {event.id: event for event in await store.undispatched(9_999)}
    assert len(events) == len(kept) == 2_000
    assert {events[event_id].payload["n"] for event_id in kept} == set(range(2_000))
    assert commits > 20


async def _insistent(store: Store, rows: Rows, number: int) -> str:
    """Send one request until it is answered, its reply lost at first; then once more, then once with another body."""
    key, digest = f"key-{number}", f"digest-{number}"

    async def send(body_digest: str) -> str:
        return (await store.accept(rows.event({"n": number}), key=key, body_digest=body_digest)).event.id

    for lost in range(number % 3):
        task = asyncio.create_task(send(digest))
        for _ in range(lost * 2 + 1):
            await asyncio.sleep(0)
        task.cancel()
        await asyncio.gather(task, return_exceptions=True)
    answer = await _until_answered(send, digest)
    assert await _until_answered(send, digest) == answer
    assert await _until_answered(send, "another") == "IDEMPOTENCY_MISMATCH"
    return answer


async def _until_answered(send: Callable[[str], Awaitable[str]], digest: str) -> str:
    while True:
        try:
            return await send(digest)
        except Conflict as error:
            return error.code
        except FabricError as error:
            assert error.code == "STORE_UNAVAILABLE"
