"""Small valid rows."""

from typing import Any

from catalog.artifacts import ArtifactRef
from catalog.changes import Change
from catalog.events import Event
from engine.change_events import change_event
from engine.changes import PendingChange
from engine.ports import Clock, Store
from engine.records import AuditRow, StoredConnection
from engine.runs import Run, RunState
from engine.tenancy import Controller, Organisation, Site, User

ORG = "org-1"
OTHER = "org-2"


class Rows:
    """Makes rows of one organisation."""

    def __init__(self, clock: Clock, organisation_id: str = ORG) -> None:
        self.clock = clock
        self.organisation_id = organisation_id

    def audit(self, action: str = "something.done", subject: str = "it", **facts: Any) -> AuditRow:
        """An audit row."""
        return AuditRow(
            organisation_id=self.organisation_id,
            time=self.clock.now(),
            actor_id="person-1",
            action=action,
            subject=subject,
            **facts,
        )

    def event(self, payload: Any = None, event_type: str = "ingest.external", **facts: Any) -> Event:
        """An event."""
        return Event(
            id=self.clock.new_id(),
            organisation_id=self.organisation_id,
            type=event_type,
            payload={"name": "door"} if payload is None else payload,
            time=self.clock.now(),
            **facts,
        )

    def run(self, event: Event, connection_id: str = "connection-1", **facts: Any) -> Run:
        """A queued run of that event."""
        return Run(
            id=self.clock.new_id(),
            organisation_id=self.organisation_id,
            connection_id=connection_id,
            connection_name=f"name of {connection_id}",
            event=event,
            author_id="person-1",
            queued_at=self.clock.now(),
            **facts,
        )

    def change(self, run: Run | None = None, **facts: Any) -> PendingChange:
        """A pending change on the organisation's controller."""
        planned = Change(target_id="vlan-7", request={"vlan": 7}, before={"vlan": 1}, after={"vlan": 7})
        given: dict[str, Any] = {
            "id": self.clock.new_id(),
            "organisation_id": self.organisation_id,
            "operation_id": "network.vlan.create",
            "controller_id": f"controller-of-{self.organisation_id}",
            "site_id": f"site-of-{self.organisation_id}",
            "vendor": "probe",
            "change": planned,
            "digest": "d" * 64,
            "staged_by": "person-1",
            "staged_at": self.clock.now(),
            "expires_at": self.clock.now() + 3600.0,
            "run_id": run.id if run else None,
            "connection_id": run.connection_id if run else None,
        }
        return PendingChange(**{**given, **facts})

    def connection(self, name: str = "motion", **facts: Any) -> StoredConnection:
        """A Connection that is not stored yet."""
        given: dict[str, Any] = {
            "id": self.clock.new_id(),
            "organisation_id": self.organisation_id,
            "name": name,
            "author_id": "person-1",
            "source": {"name": name, "steps": []},
            "routing": {"patterns": ["ingest.external"]},
            "revision": 0,
        }
        return StoredConnection(**{**given, **facts})

    def artifact(self, content: str = "a" * 64) -> ArtifactRef:
        """A durable artifact."""
        return ArtifactRef(token=content, sha256=content, size=3, media_type="image/jpeg", durable=True)

    async def furnish(self, store: Store) -> None:
        """The organisation with a site, a controller and a person."""
        organisation_id, now = self.organisation_id, self.clock.now()
        rows: list[Organisation | Site | Controller | User] = [
            Organisation(id=organisation_id, name=f"name of {organisation_id}", created_at=now),
            Site(id=f"site-of-{organisation_id}", organisation_id=organisation_id, name="hq", created_at=now),
            Controller(
                id=f"controller-of-{organisation_id}",
                organisation_id=organisation_id,
                site_id=f"site-of-{organisation_id}",
                name="switch",
                driver="probe",
                sealed=b"\x00sealed",
                revision=0,
            ),
            User(id=f"person-of-{organisation_id}", organisation_id=organisation_id, name="ann", revision=0),
        ]
        for row in rows:
            await store.put_tenant(row, self.audit("tenant.put", row.id if not isinstance(row, str) else row))

    async def fire(self, store: Store, **facts: Any) -> Run:
        """An accepted event and its running run."""
        event = self.event()
        await store.accept(event)
        running = self.run(event, **{"state": RunState.RUNNING, **facts})
        (run,) = await store.dispatch(event, [running], misses=0, cooldowns=[0.0])
        return run

    async def staged(self, store: Store, **facts: Any) -> PendingChange:
        """A change staged outside a run."""
        change = self.change(**facts)
        return await store.stage(
            change, self.audit("change.staged", change.id), change_event(change, "staged", self.clock)
        )
