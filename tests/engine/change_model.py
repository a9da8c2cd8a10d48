"""What a model of pending changes knows, and what it expects of the engine."""

from typing import Any

import msgspec

from catalog.errors import TargetFailed, TargetTimeout
from catalog.jsonvalue import Json
from engine.changes import TRANSITIONS, ChangeState, PendingChange
from engine.runs import Run
from engine.tenancy import Actor, ActorKind
from tests.engine.house import House

MACHINES = [kind for kind in ActorKind if kind is not ActorKind.PERSON]
WHO = ["admin"] * 24 + [*MACHINES, "no changes.apply", "no probe.set", "another site", "inactive", "foreign"]
DIGESTS = ["right"] * 12 + ["wrong", "another's", ""]
FORCE = [True] * 9 + [False]
SENT = {
    "fine": (None, ChangeState.APPLIED),
    "refused": (TargetFailed("TARGET_FAILED", "No."), ChangeState.FAILED),
    "no answer": (TargetTimeout("TARGET_TIMEOUT", "Nothing."), ChangeState.UNKNOWN),
    "crash": (ZeroDivisionError("a bug"), ChangeState.UNKNOWN),
}
UNREAD = {
    "unreadable": TargetFailed("TARGET_FAILED", "No."),
    "unreadable in time": TargetTimeout("TARGET_TIMEOUT", "Nothing."),
    "unreadable by a bug": ZeroDivisionError("a bug"),
}
OUTCOMES = ["fine"] * 5 + [*SENT, *UNREAD]


class Known:
    """What the model knows of one change."""

    def __init__(self, change: PendingChange, value: Json, target: Json, run: Run | None) -> None:
        self.id = change.id
        self.digest = change.digest
        self.expires_at = change.expires_at
        self.value = value
        self.planned_on = target
        self.run = run
        self.path = [ChangeState.PENDING]
        self.sent = False

    @property
    def state(self) -> ChangeState:
        """Where it stands."""
        return self.path[-1]


def actor_as(who: str, admin: Actor, foreign: Actor) -> Actor:
    """Somebody or something that is not quite the administrator, or he himself."""
    if who in MACHINES:
        return msgspec.structs.replace(admin, kind=ActorKind(who))
    if who.startswith("no "):
        kept = {name: sites for name, sites in admin.permissions.items() if name != who.removeprefix("no ")}
        return msgspec.structs.replace(admin, permissions=kept)
    if who == "another site":
        return msgspec.structs.replace(admin, permissions=dict.fromkeys(admin.permissions, frozenset({"elsewhere"})))
    if who == "inactive":
        return msgspec.structs.replace(admin, active=False)
    return foreign if who == "foreign" else admin


def refusal_of(who: str) -> str | None:
    """The code that meets him before anything else is looked at."""
    if who == "foreign":
        return "CHANGE_NOT_FOUND"
    if who in MACHINES:
        return "PERSON_REQUIRED"
    return None if who == "admin" else "PERMISSION_DENIED"


async def check_history(home: House, changes: list[Known]) -> None:
    """The audit chain verifies; every move stands in it once and was told by one event, in order, and no other was."""
    store, organisation = home.app.store, home.admin.organisation_id
    assert await store.verify_audit(organisation) is None
    deeds = await _all(store.list_audit, organisation)
    events = await _all(store.list_events, organisation)
    for known in changes:
        mine = [row for row in deeds if row.subject == known.id][::-1]
        told = [event for event in events if event.payload.get("change_id") == known.id][::-1]
        words = ["staged", *(state.value for state in known.path[1:])]
        assert [row.action for row in mine] == [f"change.{word}" for word in words]
        assert [event.type for event in told] == [f"controller.change.{word}" for word in words]
        for before, after in zip(known.path, known.path[1:], strict=False):
            assert after in TRANSITIONS[before]
        for row in mine:
            if row.action == "change.applying":
                assert row.actor_id == home.admin.id
                assert row.details["digest"] == known.digest
    moves = [row for row in deeds if row.action.startswith("change.")]
    assert len(moves) == sum(len(known.path) for known in changes)


async def _all(listing: Any, organisation_id: str) -> list[Any]:
    found: list[Any] = []
    cursor = None
    while True:
        page = await listing(organisation_id, 200, cursor)
        found += page.items
        cursor = page.next
        if cursor is None:
            return found
