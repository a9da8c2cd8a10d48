"""ConnectionStore: what every Store promises."""

import asyncio

import msgspec
import pytest

from catalog.errors import Conflict, NotFound, PreconditionFailed
from engine.ports import Store
from engine.records import StoredConnection
from tests.contracts.rows import ORG, OTHER, Rows


async def _put(store: Store, rows: Rows, connection: StoredConnection) -> StoredConnection:
    return await store.put_connection(connection, rows.audit("connection.put", connection.id))


async def test_a_connection_is_found_by_name_and_by_id(store: Store, rows: Rows) -> None:
    kept = await _put(store, rows, rows.connection("motion", source={"steps": [{"params": {"a": None}}]}))
    assert kept.revision == 1
    assert await store.get_connection(ORG, "motion") == kept
    assert await store.get_connection(ORG, kept.id) == kept


async def test_a_name_is_taken_once_an_organisation(store: Store, rows: Rows) -> None:
    await _put(store, rows, rows.connection("motion"))
    with pytest.raises(Conflict) as refused:
        await _put(store, rows, rows.connection("motion"))
    assert refused.value.code == "CONNECTION_EXISTS"
    await _put(store, rows, Rows(rows.clock, OTHER).connection("motion"))
    assert len(await store.all_connections()) == 2


async def test_an_edit_of_an_old_revision_is_refused(store: Store, rows: Rows) -> None:
    first = await _put(store, rows, rows.connection("motion"))
    second = await _put(store, rows, msgspec.structs.replace(first, name="renamed"))
    assert second.revision == 2
    for stale in (first, msgspec.structs.replace(first, revision=0), msgspec.structs.replace(first, revision=3)):
        with pytest.raises(PreconditionFailed) as refused:
            await _put(store, rows, stale)
        assert refused.value.code == "REVISION_CHANGED"
    assert await store.get_connection(ORG, "renamed") == second


async def test_of_many_editors_at_once_one_wins(store: Store, rows: Rows) -> None:
    first = await _put(store, rows, rows.connection("motion"))
    edits = [_put(store, rows, msgspec.structs.replace(first, author_id=f"p{number}")) for number in range(10)]
    ends = await asyncio.gather(*edits, return_exceptions=True)
    assert sum(isinstance(end, StoredConnection) for end in ends) == 1
    assert (await store.get_connection(ORG, first.id)).revision == 2


async def test_an_edit_does_not_bring_a_deleted_connection_back(store: Store, rows: Rows) -> None:
    kept = await _put(store, rows, rows.connection("motion"))
    await store.delete_connection(ORG, kept.id, rows.audit("connection.deleted", kept.id))
    with pytest.raises(PreconditionFailed):
        await _put(store, rows, kept)
    assert await store.all_connections() == []


async def test_a_deleted_connection_keeps_its_runs_and_audit(store: Store, rows: Rows) -> None:
    kept = await _put(store, rows, rows.connection("motion"))
    run = await rows.fire(store, connection_id=kept.id)
    await store.delete_connection(ORG, kept.id, rows.audit("connection.deleted", kept.id))
    with pytest.raises(NotFound) as refused:
        await store.get_connection(ORG, "motion")
    assert refused.value.code == "CONNECTION_NOT_FOUND"
    assert (await store.get_run(ORG, run.id)).connection_id == kept.id
    assert (await store.list_audit(ORG, 1, None)).items[0].action == "connection.deleted"


async def test_an_organisation_reaches_only_its_own_connections(store: Store, rows: Rows) -> None:
    kept = await _put(store, rows, rows.connection("motion"))
    for attempt in (
        store.get_connection(OTHER, kept.id),
        store.get_connection(OTHER, "motion"),
        store.delete_connection(OTHER, kept.id, rows.audit()),
    ):
        with pytest.raises(NotFound):
            await attempt
    with pytest.raises(PreconditionFailed):
        await _put(store, rows, msgspec.structs.replace(kept, organisation_id=OTHER))
    assert (await store.list_connections(OTHER, 9, None)).items == []


async def test_connections_are_listed_by_name_in_pages(store: Store, rows: Rows) -> None:
    for name in ("b", "ü", "a", "c"):
        await _put(store, rows, rows.connection(name))
    first = await store.list_connections(ORG, 2, None)
    second = await store.list_connections(ORG, 2, first.next)
    assert [each.name for each in (*first.items, *second.items)] == ["a", "b", "c", "ü"]
    assert second.next is None


async def test_a_mark_that_it_is_broken_is_no_edit(store: Store, rows: Rows) -> None:
    kept = await _put(store, rows, rows.connection("motion"))
    await store.mark_broken(kept.id, [{"code": "OP_UNKNOWN"}])
    broken = await store.get_connection(ORG, "motion")
    assert (broken.broken, broken.revision) == ([{"code": "OP_UNKNOWN"}], 1)
    await store.mark_broken(kept.id, None)
    await store.mark_broken("nowhere", None)
    assert await store.get_connection(ORG, "motion") == kept


async def test_a_refused_write_leaves_no_audit_row(store: Store, rows: Rows) -> None:
    await _put(store, rows, rows.connection("motion"))
    before = (await store.list_audit(ORG, 1, None)).items
    with pytest.raises(Conflict):
        await _put(store, rows, rows.connection("motion"))
    assert (await store.list_audit(ORG, 1, None)).items == before
