"""Staging and Apply: what waits for a person, and the one way out."""

import asyncio
from pathlib import Path

import msgspec
import pytest

from catalog.appliers import Appliers
from catalog.errors import Conflict, FabricError, Forbidden, TargetTimeout
from catalog.jsonvalue import Json
from engine.changes import ChangeState, PendingChange
from engine.runs import RunState, StepState
from engine.tenancy import ActorKind
from tests.engine.house import House, current, house


async def staged(home: House, value: Json = "new") -> PendingChange:
    """One pending change, staged by a run."""
    run = await home.fire(
        [{"operation_id": "probe.set", "params": {"controller_id": home.controller.id, "value": value}}]
    )
    assert run.steps[0].state is StepState.STAGED, run.steps[0].error
    return await home.app.store.get_change(home.admin.organisation_id, run.steps[0].change_ids[0])


async def refused(home: House, change: PendingChange, **how: Json) -> str:
    """The code with which Apply refuses."""
    actor = how.pop("actor", home.admin)
    with pytest.raises(FabricError) as caught:
        await home.app.applier.apply(actor, change.id, **{"force": True, "digest": change.digest, **how})
    return caught.value.code


async def happened(home: House, event_type: str) -> list[Json]:
    """Payloads of the events of a type, once there are any."""
    for _ in range(200):
        page = await home.app.store.list_events(home.admin.organisation_id, 200, None)
        found = [event.payload for event in page.items if event.type == event_type]
        if found:
            return found
        await asyncio.sleep(0.01)
    return []


@pytest.mark.promise("W1")
async def test_a_write_only_stages_and_says_so(home: House) -> None:
    run = await home.fire(
        [
            {"operation_id": "probe.set", "params": {"controller_id": home.controller.id, "value": 1}, "id": "set"},
            {"operation_id": "probe.echo", "params": {"value": "{{steps.set.output}}"}},
        ]
    )
    change_id = run.steps[0].change_ids[0]
    assert run.state is RunState.SUCCEEDED
    assert run.steps[1].output == {"value": {"staged": True, "change_id": change_id, "feature": "probe.set"}}
    assert current().applied == []
    change = await home.app.store.get_change(home.admin.organisation_id, change_id)
    assert (change.state, change.change.before, change.change.after) == (ChangeState.PENDING, "before", 1)
    assert (await happened(home, "controller.change.staged"))[0]["change_id"] == change_id


async def test_a_person_applies_what_he_saw_and_the_outcome_is_an_event(home: House) -> None:
    change = await staged(home)
    done = await home.app.applier.apply(home.admin, change.id, force=True, digest=change.digest)
    assert done.state is ChangeState.APPLIED
    assert done.outcome == {"done": True}
    assert current().applied == [(change.id, {"value": "new"}, home.admin.id)]
    payload = (await happened(home, "controller.change.applied"))[0]
    assert payload["status"] == "applied"
    assert payload["controller_id"] == home.controller.id
    assert payload["feature"] == "probe.set"
    assert payload["actor_id"] == home.admin.id
    assert payload["applied_at"].endswith("Z")


@pytest.mark.promise("W1")
@pytest.mark.parametrize("kind", [kind for kind in ActorKind if kind is not ActorKind.PERSON])
async def test_nobody_but_a_person_applies_or_rejects(home: House, kind: ActorKind) -> None:
    change = await staged(home)
    machine = msgspec.structs.replace(home.admin, kind=kind)
    assert await refused(home, change, actor=machine) == "PERSON_REQUIRED"
    with pytest.raises(Forbidden) as caught:
        await home.app.applier.reject(machine, change.id, None)
    assert caught.value.code == "PERSON_REQUIRED"
    assert current().applied == []


@pytest.mark.promise("W1")
@pytest.mark.parametrize("missing", ["changes.apply", "probe.set"])
async def test_apply_takes_its_own_permission_and_the_operations(home: House, missing: str) -> None:
    change = await staged(home)
    rights = {name: sites for name, sites in home.admin.permissions.items() if name != missing}
    weaker = msgspec.structs.replace(home.admin, permissions=rights)
    assert await refused(home, change, actor=weaker) == "PERMISSION_DENIED"


@pytest.mark.promise("W1")
async def test_apply_without_force_is_refused(home: House) -> None:
    assert await refused(home, await staged(home), force=False) == "FORCE_REQUIRED"


@pytest.mark.promise("W1")
async def test_nothing_applies_while_the_server_or_the_controller_is_read_only(tmp_path: Path) -> None:
    async with house(tmp_path, adapter_read_only=True) as home:
        change = await staged(home)
        assert await refused(home, change) == "READ_ONLY"
    async with house(tmp_path, adapter_read_only=False) as home:
        await home.app.administration.change_controller(home.admin, home.controller.id, {"read_only": True}, None)
        assert await refused(home, change) == "READ_ONLY"
        await home.app.administration.change_controller(home.admin, home.controller.id, {"read_only": False}, None)
        await home.app.applier.apply(home.admin, change.id, force=True, digest=change.digest)


@pytest.mark.promise("W3")
async def test_another_digest_than_the_one_shown_is_stale(home: House) -> None:
    change = await staged(home)
    assert await refused(home, change, digest="0" * 64) == "CHANGE_STALE"
    assert current().applied == []


@pytest.mark.promise("W3", count=15)
async def test_every_field_of_a_change_is_under_its_digest(home: House) -> None:
    change = await staged(home)

    def digest(altered: PendingChange) -> str:
        sha256 = altered.artifact.sha256 if altered.artifact else None
        return altered.change.digest(altered.operation_id, altered.controller_id, sha256)

    assert digest(change) == change.digest
    for field in change.change.__struct_fields__:
        for other in ("other", {"x": 1}, [0]):
            altered = msgspec.structs.replace(change, change=msgspec.structs.replace(change.change, **{field: other}))
            assert digest(altered) != change.digest, field
    for field in ("operation_id", "controller_id"):
        assert digest(msgspec.structs.replace(change, **{field: "other"})) != change.digest


@pytest.mark.promise("W3")
async def test_editing_or_deleting_the_connection_changes_nothing_that_was_shown(home: House) -> None:
    connection = await home.connect(
        {
            "name": "edited",
            "source_event": "probe.thing.happened",
            "steps": [{"operation_id": "probe.set", "params": {"controller_id": home.controller.id, "value": "one"}}],
        }
    )
    await home.happen({})
    change_id = (await home.settled(1))[0].steps[0].change_ids[0]
    change = await home.app.store.get_change(home.admin.organisation_id, change_id)
    await home.app.authoring.update(
        home.admin,
        connection,
        {"steps": [{"operation_id": "probe.set", "params": {"controller_id": home.controller.id, "value": "two"}}]},
    )
    await home.app.authoring.delete(home.admin, connection)
    await home.app.applier.apply(home.admin, change.id, force=True, digest=change.digest)
    assert current().applied[0][1] == {"value": "one"}


@pytest.mark.promise("W4")
async def test_a_drifted_target_is_not_touched_and_the_new_difference_is_answered(home: House) -> None:
    change = await staged(home)
    current().state = "somebody else's"
    with pytest.raises(Conflict) as caught:
        await home.app.applier.apply(home.admin, change.id, force=True, digest=change.digest)
    assert caught.value.code == "CHANGE_DRIFTED"
    assert caught.value.details["drift"] == {"planned_against": "before", "present": "somebody else's"}
    assert current().applied == []
    assert (await home.app.store.get_change(home.admin.organisation_id, change.id)).state is ChangeState.DRIFTED
    assert await refused(home, change) == "CHANGE_STATE"


@pytest.mark.promise("W2", count=40)
async def test_two_people_clicking_at_once_apply_once(home: House) -> None:
    for number in range(40):
        change = await staged(home, number)
        current().on_call = lambda _value: asyncio.sleep(0)
        outcomes = await asyncio.gather(
            *(
                home.app.applier.apply(home.admin, change.id, force=True, digest=change.digest)
                for _ in range(2 + number % 4)
            ),
            return_exceptions=True,
        )
        current().on_call = None
        assert sum(isinstance(each, PendingChange) for each in outcomes) == 1
        assert all(isinstance(each, PendingChange) or getattr(each, "code", "") == "CHANGE_STATE" for each in outcomes)
        assert [each[0] for each in current().applied].count(change.id) == 1


@pytest.mark.promise("W2")
async def test_no_answer_after_sending_is_unknown_and_is_never_sent_again(home: House) -> None:
    change = await staged(home)
    current().failures["new"] = [TargetTimeout("TARGET_TIMEOUT", "The target does not answer.")]
    done = await home.app.applier.apply(home.admin, change.id, force=True, digest=change.digest)
    assert done.state is ChangeState.UNKNOWN
    assert await refused(home, change) == "CHANGE_STATE"
    assert len(current().applied) == 1


@pytest.mark.parametrize(("seconds", "state"), [(0.2, ChangeState.UNKNOWN), (20.0, ChangeState.APPLIED)])
async def test_a_write_is_waited_for_as_long_as_it_says_that_it_takes(
    home: House, monkeypatch: pytest.MonkeyPatch, seconds: float, state: ChangeState
) -> None:
    change = await staged(home)
    plain = Appliers.entry
    monkeypatch.setattr(Appliers, "entry", lambda *args: msgspec.structs.replace(plain(*args), seconds=seconds))
    gate = current().gates["new"] = asyncio.Event()
    asyncio.get_running_loop().call_later(0.5, gate.set)
    done = await home.app.applier.apply(home.admin, change.id, force=True, digest=change.digest)
    assert done.state is state


async def test_a_caller_who_goes_away_does_not_interrupt_an_apply(home: House) -> None:
    change = await staged(home)
    gate = current().gates["new"] = asyncio.Event()
    call = asyncio.create_task(home.app.applier.apply(home.admin, change.id, force=True, digest=change.digest))
    while not current().applied:
        await asyncio.sleep(0.005)
    call.cancel()
    gate.set()
    for _ in range(200):
        state = (await home.app.store.get_change(home.admin.organisation_id, change.id)).state
        if state is not ChangeState.APPLYING:
            break
        await asyncio.sleep(0.01)
    assert state is ChangeState.APPLIED


async def test_a_rejected_change_is_over(home: House) -> None:
    change = await staged(home)
    done = await home.app.applier.reject(home.admin, change.id, "not tonight")
    assert (done.state, done.note, done.decided_by) == (ChangeState.REJECTED, "not tonight", home.admin.id)
    assert await refused(home, change) == "CHANGE_STATE"


async def test_a_change_that_nobody_decides_expires(tmp_path: Path) -> None:
    async with house(tmp_path, change_days=1e-9) as home:
        change = await staged(home)
        await asyncio.sleep(0.002)
        assert await refused(home, change) == "CHANGE_STATE"
        await home.app.applier.sweep()
        assert (await home.app.store.get_change(home.admin.organisation_id, change.id)).state is ChangeState.EXPIRED
        assert await happened(home, "controller.change.expired")


@pytest.mark.promise("P2")
@pytest.mark.parametrize("how", ["foreign", "absent"])
async def test_a_target_of_another_organisation_answers_like_an_absent_one(home: House, how: str) -> None:
    target = "0b5a3c9e-5a0e-4b52-9d2e-0123456789ab"
    if how == "foreign":
        target = (await home.neighbour()).controller.id
    steps = [{"operation_id": "probe.set", "params": {"controller_id": "{{trigger.target}}", "value": 1}}]
    run = await home.fire(steps, {"target": target})
    error = run.steps[0].error
    assert error is not None
    assert error.code == "CROSS_TENANT_TARGET"
    assert target not in error.message
    assert current().calls == []


@pytest.mark.parametrize(
    ("target", "code"), [(None, "NO_TARGET"), ("", "NO_TARGET"), ("x", "BAD_TARGET"), (7, "BAD_TARGET")]
)
async def test_a_write_without_a_proper_target_fails_its_step(home: House, target: Json, code: str) -> None:
    steps = [{"operation_id": "probe.set", "params": {"controller_id": "{{trigger.target}}", "value": 1}}]
    run = await home.fire(steps, {"target": target})
    assert run.steps[0].error is not None
    assert run.steps[0].error.code == code


async def test_a_replay_supersedes_what_is_still_pending_from_the_original(home: House) -> None:
    await home.connect(
        {
            "name": "again",
            "source_event": "probe.thing.happened",
            "steps": [{"operation_id": "probe.set", "params": {"controller_id": home.controller.id, "value": 1}}],
        }
    )
    await home.happen({})
    first = (await home.settled(1))[0]
    second = await home.app.trials.replay(home.admin, first.id)
    assert (second.origin, second.replay_of, second.state) == ("replay:1", first.id, RunState.SUCCEEDED)
    old = await home.app.store.get_change(home.admin.organisation_id, first.steps[0].change_ids[0])
    new = await home.app.store.get_change(home.admin.organisation_id, second.steps[0].change_ids[0])
    assert (old.state, new.state) == (ChangeState.SUPERSEDED, ChangeState.PENDING)


@pytest.mark.promise("W8")
async def test_every_decision_leaves_an_audit_row_and_the_chain_verifies(home: House) -> None:
    change = await staged(home)
    await home.app.applier.apply(home.admin, change.id, force=True, digest=change.digest)
    rows = (await home.app.store.list_audit(home.admin.organisation_id, 200, None)).items
    deeds = [row.action for row in rows if row.subject == change.id][::-1]
    assert deeds == ["change.staged", "change.applying", "change.applied"]
    applying = next(row for row in rows if row.action == "change.applying")
    assert applying.actor_id == home.admin.id
    assert applying.details["digest"] == change.digest
    assert await home.app.store.verify_audit(home.admin.organisation_id) is None


@pytest.mark.promise("H4")
async def test_a_controllers_credentials_appear_in_no_run_change_event_or_audit_row(home: House) -> None:
    change = await staged(home)
    await home.app.applier.apply(home.admin, change.id, force=True, digest=change.digest)
    store, organisation = home.app.store, home.admin.organisation_id
    everything = [
        await store.list_runs(organisation, 200, None),
        await store.list_changes(organisation, 200, None),
        await store.list_events(organisation, 200, None),
        await store.list_audit(organisation, 200, None),
    ]
    assert "canary-controller" not in repr(everything)
