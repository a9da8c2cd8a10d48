"""The events a change emits."""

import pytest

from engine.change_events import change_event
from engine.changes import ChangeState
from engine.timestamps import rfc3339
from tests.contracts.rows import ORG, Rows
from tests.fakes.clock import FakeClock


@pytest.mark.parametrize("state", [*ChangeState, "staged"])
def test_a_change_event_has_the_seeds_payload_and_says_what_caused_it(state: str) -> None:
    clock = FakeClock()
    rows = Rows(clock)
    run = rows.run(rows.event())
    change = rows.change(run, depth=2)

    event = change_event(change, str(state), clock)

    assert event.type == f"controller.change.{state}"
    assert event.payload == {
        "change_id": change.id,
        "controller_id": change.controller_id,
        "feature": "network.vlan.create",
        "operation": "create",
        "target_id": "vlan-7",
        "vendor": "probe",
        "status": str(state),
        "site_id": change.site_id,
        "applied_at": rfc3339(clock.now()) if state == "applied" else None,
        "actor_id": "person-1",
    }
    assert (event.organisation_id, event.depth, event.cause) == (ORG, 3, run.id)


def test_the_actor_is_who_decided_where_somebody_has() -> None:
    clock = FakeClock()
    change = Rows(clock).change(decided_by="ann")
    assert change_event(change, "rejected", clock).payload["actor_id"] == "ann"


def test_times_are_written_in_utc_with_milliseconds() -> None:
    assert rfc3339(1_800_000_000.1234) == "2027-01-15T08:00:00.123Z"
