"""Stored Connections in a world that changes: what broke is reported, and can always be stopped."""

import pytest

from api.fabric.shown import connection as shown
from catalog.errors import ConnectionInvalid, Forbidden, PreconditionFailed
from catalog.operations import Operation
from engine.runs import RunState
from tests.engine.house import House, Probe, operations

ECHO = {"operation_id": "probe.echo", "params": {}}


async def test_what_a_new_catalog_breaks_is_reported_and_its_firings_fail_until_it_is_back(
    home: House, monkeypatch: pytest.MonkeyPatch
) -> None:
    source = {"name": "c", "source_event": "probe.thing.happened", "steps": [ECHO]}
    connection = await home.connect(source)
    authoring, organisation = home.app.authoring, home.admin.organisation_id
    monkeypatch.setattr("catalog.registry.FRESHNESS_SECONDS", 0.0)

    def without_echo(_self: Probe) -> list[Operation]:
        return [each for each in operations if each.id != "probe.echo"]

    with monkeypatch.context() as gone:
        gone.setattr(Probe, "operations", without_echo)
        assert await authoring.check_all() == 1
        stored = await authoring.get(organisation, connection)
        assert [each["code"] for each in shown(stored, home.admin).broken or ()] == ["OP_UNKNOWN"]
        await home.happen({})
        (run,) = await home.settled(1)
        assert (run.state, run.error.code if run.error else None) == (RunState.FAILED, "CONNECTION_INVALID")
    assert await authoring.check_all() == 0
    assert (await authoring.get(organisation, connection)).broken is None
    await home.happen({})
    assert [each.state for each in await home.settled(2)] == [RunState.FAILED, RunState.SUCCEEDED]


async def test_a_connection_that_no_longer_compiles_can_be_stopped_and_not_started(home: House) -> None:
    write = {"operation_id": "probe.set", "params": {"controller_id": home.controller.id, "value": 1}}
    connection = await home.connect({"name": "c", "source_event": "probe.thing.happened", "steps": [write]})
    authoring, admin = home.app.authoring, home.admin
    await home.app.removal.remove(admin, home.controller.id, force=False)
    with pytest.raises(PreconditionFailed):
        await authoring.update(admin, connection, {"enabled": False}, revision=9)
    stopped = await authoring.update(admin, connection, {"enabled": False})
    assert (stopped.enabled, stopped.source["enabled"], stopped.revision) == (False, False, 2)
    await home.happen({})
    await home.fire([ECHO])
    assert len(await home.settled(1)) == 1
    with pytest.raises(ConnectionInvalid):
        await authoring.update(admin, connection, {"enabled": True})


async def test_only_who_may_author_stops_a_connection(home: House) -> None:
    connection = await home.connect({"name": "c", "source_event": "probe.thing.happened", "steps": [ECHO]})
    viewer = await home.app.administration.add_user(home.admin, "viewer", None, ())
    actor = await home.app.directory.find_actor(viewer.organisation_id, viewer.id)
    assert actor is not None
    with pytest.raises(Forbidden):
        await home.app.authoring.update(actor, connection, {"enabled": False})
