"""What pollers are given of controllers: every organisation's, opened once, and which of them do not open."""

from pathlib import Path

import msgspec
import pytest

from catalog.daemons import LOCAL_DAEMON
from catalog.provider import Target
from engine.targets import TargetFinder
from engine.tenancy import Controller
from engine.watching import WatchedControllers
from tests.engine.house import House, house


def watched(home: House) -> WatchedControllers:
    return WatchedControllers(home.app.store, home.app.targets, home.app.bus)


async def test_every_organisations_controllers_come_opened(tmp_path: Path) -> None:
    async with house(tmp_path) as home:
        other = await home.neighbour()
        managed = await watched(home).every()
        found = {each.id: each for each in managed.targets}
        assert found.keys() == {home.controller.id, other.controller.id, LOCAL_DAEMON}
        assert found[other.controller.id].organisation_id == other.admin.organisation_id
        assert found[home.controller.id].credentials == {"password": "canary-controller"}
        assert "canary" not in repr(managed)


async def test_more_than_a_page_of_them_come_all(tmp_path: Path) -> None:
    async with house(tmp_path) as home:
        for number in range(230):
            await _add(home, f"c{number}")
        assert len((await watched(home).every()).targets) == 232


async def _add(home: House, name: str) -> Controller:
    return await home.app.administration.add_controller(
        home.admin,
        site_id=home.site.id,
        name=name,
        driver="probe",
        settings={},
        credentials={"password": "x"},
        read_only=False,
    )


async def test_one_that_did_not_change_is_not_unsealed_again(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    async with house(tmp_path) as home:
        opened: list[str] = []
        once = TargetFinder.opened

        def counted(finder: TargetFinder, controller: Controller) -> Target:
            opened.append(controller.id)
            return once(finder, controller)

        monkeypatch.setattr(TargetFinder, "opened", counted)
        watch = watched(home)
        first = await watch.every()
        assert sorted(opened) == sorted(each.id for each in first.targets)
        assert await watch.every() == first
        assert len(opened) == len(first.targets)
        await home.app.administration.change_controller(home.admin, home.controller.id, {"read_only": True}, None)
        changed = {each.id: each for each in (await watch.every()).targets}
        assert changed[home.controller.id].read_only
        assert opened[len(first.targets) :] == [home.controller.id]


async def test_one_whose_credentials_do_not_open_is_named_and_costs_no_other(tmp_path: Path) -> None:
    async with house(tmp_path) as home:
        well, (stored,) = await _add(home, "well"), await home.app.store.find_controllers([home.controller.id])
        broken = msgspec.structs.replace(stored, sealed=b"of another key")
        row = (await home.app.store.list_audit(home.admin.organisation_id, 1, None)).items[0]
        await home.app.store.put_tenant(broken, row)
        managed = await watched(home).every()
        assert managed.closed == {home.controller.id}
        assert well.id in {each.id for each in managed.targets}


async def test_who_listens_is_told_of_every_change_until_he_no_longer_does(tmp_path: Path) -> None:
    async with house(tmp_path) as home:
        told: list[None] = []
        stop = watched(home).changed(lambda: told.append(None))
        made = await _add(home, "new")
        await home.app.administration.change_controller(home.admin, made.id, {"read_only": True}, None)
        await home.app.removal.remove(home.admin, made.id, force=False)
        assert len(told) == 3
        stop()
        await _add(home, "newer")
        assert len(told) == 3
