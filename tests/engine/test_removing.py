"""A controller is removed while changes are staged for it: in the end none waits for what is no more."""

import asyncio
from pathlib import Path

import pytest

from catalog.errors import Conflict, FabricError, Forbidden
from engine.changes import ChangeState
from engine.tenancy import Controller
from tests.engine.house import House, current, house


async def stage(home: House, count: int) -> int:
    """Stage so many changes, or as many as can be; how many were."""
    staged = 0
    for number in range(count):
        try:
            aim = {"controller_id": home.controller.id, "value": number}
            await home.app.trials.invoke(home.admin, "probe.set", aim)
        except FabricError:
            break
        staged += 1
    return staged


async def test_what_is_staged_meanwhile_expires_too_or_is_refused(tmp_path: Path) -> None:
    async with house(tmp_path) as home:
        staging = asyncio.create_task(stage(home, 200))
        while not (await home.app.store.counts()).get("changes.pending"):
            await asyncio.sleep(0)
        while True:
            try:
                expired = await home.app.removal.remove(home.admin, home.controller.id, force=True)
                break
            except Conflict as error:
                assert error.code == "IN_USE"
        staged = await staging
        assert 0 < expired == staged
        pending = await home.app.store.list_changes(home.admin.organisation_id, 10, None, state=ChangeState.PENDING)
        assert pending.items == []
        expiries = await home.app.store.list_changes(home.admin.organisation_id, 200, None, state=ChangeState.EXPIRED)
        assert len(expiries.items) == expired
        assert home.app.measures.changes["expired"] == expired
        assert await home.app.store.verify_audit(home.admin.organisation_id) is None


async def test_one_that_something_is_being_applied_to_stays_even_by_force(tmp_path: Path) -> None:
    async with house(tmp_path) as home:
        aim = {"controller_id": home.controller.id, "value": "slow"}
        change = await home.app.trials.invoke(home.admin, "probe.set", aim)
        gate = current().gates["slow"] = asyncio.Event()
        applying = asyncio.create_task(
            home.app.applier.apply(home.admin, change.id, force=True, digest=change.digest)  # type: ignore[union-attr]
        )
        while not current().applied:
            await asyncio.sleep(0.001)
        with pytest.raises(Conflict) as refused:
            await home.app.removal.remove(home.admin, home.controller.id, force=True)
        assert refused.value.code == "IN_USE"
        gate.set()
        assert (await applying).state is ChangeState.APPLIED
        assert await home.app.removal.remove(home.admin, home.controller.id, force=False) == 0


async def test_what_changes_wait_for_fires_connections_as_it_expires(tmp_path: Path) -> None:
    async with house(tmp_path) as home:
        step = {"operation_id": "probe.echo", "params": {"value": "{{trigger.change_id}}"}}
        await home.connect({"name": "told", "source_event": "controller.change.expired", "steps": [step]})
        assert await stage(home, 1) == 1
        await home.app.removal.remove(home.admin, home.controller.id, force=True)
        (run,) = await home.settled(1)
        (change,) = (await home.app.store.list_changes(home.admin.organisation_id, 10, None)).items
        assert run.steps[0].output == {"value": change.id}


async def test_another_organisations_administrator_finds_none(tmp_path: Path) -> None:
    async with house(tmp_path) as home:
        other = await home.neighbour()
        with pytest.raises(FabricError) as refused:
            await home.app.removal.remove(other.admin, home.controller.id, force=True)
        assert refused.value.code == "CONTROLLER_NOT_FOUND"
        assert not isinstance(refused.value, Forbidden)
        assert await home.app.store.get_tenant(Controller, home.admin.organisation_id, home.controller.id)
