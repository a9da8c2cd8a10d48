"""RemovalStore: a controller goes with the changes that wait for it, or stays."""

import pytest

from catalog.errors import Conflict, Forbidden, NotFound
from engine.change_events import change_event
from engine.changes import ChangeState, PendingChange
from engine.ports import Store
from engine.tenancy import Controller
from tests.contracts.rows import ORG, OTHER, Rows

CONTROLLER = f"controller-of-{ORG}"


async def remove(store: Store, rows: Rows, *expired: PendingChange, controller_id: str = CONTROLLER) -> None:
    moves = [
        (each, rows.audit("change.expired", each.id), change_event(each, "expired", rows.clock)) for each in expired
    ]
    await store.remove_controller(ORG, controller_id, rows.audit("controller.deleted", controller_id), moves)


async def applying(store: Store, rows: Rows, change: PendingChange) -> PendingChange:
    event = change_event(change, "applying", rows.clock)
    return await store.move(change, ChangeState.APPLYING, token=change.token, audit=rows.audit(), event=event)


async def test_a_controller_without_changes_goes(store: Store, rows: Rows) -> None:
    await remove(store, rows)
    with pytest.raises(NotFound):
        await store.get_tenant(Controller, ORG, CONTROLLER)
    assert (await store.list_audit(ORG, 1, None)).items[0].action == "controller.deleted"
    with pytest.raises(Forbidden):
        await rows.staged(store)


async def test_one_that_changes_wait_for_stays_unless_each_of_them_expires_with_it(store: Store, rows: Rows) -> None:
    first, second = await rows.staged(store), await rows.staged(store)
    assert [each.id for each in await store.open_changes(ORG, CONTROLLER)] == [first.id, second.id]
    for some in ((), (first,)):
        with pytest.raises(Conflict) as refused:
            await remove(store, rows, *some)
        assert refused.value.code == "IN_USE"
        assert refused.value.details == {"changes": 2 - len(some)}
        assert (await store.get_change(ORG, first.id)).state is ChangeState.PENDING
    first.note = "it went"
    await remove(store, rows, first, second)
    kept = await store.get_change(ORG, first.id)
    assert (kept.state, kept.note) == (ChangeState.EXPIRED, "it went")
    assert await store.open_changes(ORG, CONTROLLER) == []
    told = [each.type for each in await store.undispatched(9)]
    assert told.count("controller.change.expired") == 2
    assert await store.verify_audit(ORG) is None


async def test_one_that_something_is_applied_to_stays(store: Store, rows: Rows) -> None:
    moved = await applying(store, rows, await rows.staged(store))
    for expired in ((), (moved,)):
        with pytest.raises(Conflict) as refused:
            await remove(store, rows, *expired)
        assert refused.value.code in ("IN_USE", "CHANGE_STATE")
    assert await store.get_tenant(Controller, ORG, CONTROLLER)


async def test_what_was_decided_meanwhile_is_not_expired(store: Store, rows: Rows) -> None:
    change = await rows.staged(store)
    event = change_event(change, "rejected", rows.clock)
    await store.move(change, ChangeState.REJECTED, token=change.token, audit=rows.audit(), event=event)
    with pytest.raises(Conflict) as refused:
        await remove(store, rows, change)
    assert refused.value.code == "CHANGE_STATE"
    await remove(store, rows)
    assert (await store.get_change(ORG, change.id)).state is ChangeState.REJECTED


async def test_another_organisations_or_an_absent_one_is_not_found(store: Store, rows: Rows) -> None:
    for controller_id in (f"controller-of-{OTHER}", "nowhere"):
        with pytest.raises(NotFound) as refused:
            await remove(store, rows, controller_id=controller_id)
        assert refused.value.code == "CONTROLLER_NOT_FOUND"
    assert await store.get_tenant(Controller, OTHER, f"controller-of-{OTHER}")
    other = Rows(rows.clock, OTHER)
    theirs = await other.staged(store)
    assert await store.open_changes(ORG, theirs.controller_id) == []
