"""The engine's ports: small Protocols for what it needs of a database, a bus, time and sealing.

A Store is the sum of the `*Store` Protocols. Every method is one transaction; methods that write return after the
commit is durable. Lists are newest first and paged by an opaque cursor. `organisation_id` bounds whatever it is given
to: another organisation's row answers like an absent one.
"""

from collections.abc import Callable, Mapping, Sequence
from typing import Protocol

from catalog.artifacts import ArtifactRef
from catalog.events import Event
from catalog.jsonvalue import Json
from engine.changes import ChangeState, PendingChange
from engine.owned_ports import (
    CredentialStore,
    PluginStore,
    RemovalStore,
    SealedStore,
    SecretStore,
    SpendingStore,
    TenancyStore,
)
from engine.records import Accepted, AuditRow, FeedEntry, Notification, Page, StoredConnection
from engine.runs import Run, RunState, StepRecord


class EventStore(Protocol):
    """Events and their keys."""

    async def accept(
        self,
        event: Event,
        *,
        misses: int | None = None,
        runs: Sequence[Run] = (),
        cooldowns: Sequence[float] = (),
        key: str | None = None,
        body_digest: str | None = None,
    ) -> Accepted:
        """Keep an event that is not dispatched yet; with `misses`, one that is dispatched in the same commit: `runs`
        and `cooldowns` as RunStore.dispatch takes them, and its answer in `Accepted.runs`. With an Idempotency-Key:
        the same key and digest again answers the first event; another digest raises Conflict IDEMPOTENCY_MISMATCH.
        Keys live 24 h.
        """
        ...

    async def undispatched(self, limit: int) -> list[Event]:
        """Events that were accepted but never dispatched (a crash lay between), oldest first."""
        ...

    async def recent_count(self, organisation_id: str, since: float, event_type: str) -> list[float]:
        """Times of the events of this type accepted since `since`, ascending: restores rate windows at start.

        An event counts no later than the next one: where the clock was set back, times are those that came after.
        """
        ...

    async def get_event(self, organisation_id: str, event_id: str) -> Event:
        """The event. Raises NotFound EVENT_NOT_FOUND."""
        ...

    async def last_event(self, organisation_id: str, matches: Callable[[str], bool]) -> Event | None:
        """The latest ordinary event (origin `live`) whose type satisfies `matches`."""
        ...

    async def list_events(self, organisation_id: str, limit: int, cursor: str | None) -> Page[Event]:
        """Events, newest first."""
        ...


class RunStore(Protocol):
    """Firings and their ends. A process (`owner`) holds a lease until a time; a dead owner's runs are reclaimed."""

    async def dispatch(
        self, event: Event, runs: Sequence[Run], *, misses: int, cooldowns: Sequence[float]
    ) -> list[Run]:
        """Mark `event` dispatched and insert its runs (unique on connection, event, origin; a repeat is left out of
        the answer). `cooldowns[i]` > 0 is the seconds for which `runs[i]`'s Connection then rests: inside a
        rest the run is inserted as `skipped` with reason `cooldown`. `misses` counts conditions that did not hold.
        Runs that come in as `running` are claimed by this process at once (epoch and attempt 1).
        """
        ...

    async def claim(self, run_id: str) -> Run | None:
        """queued → running: epoch + 1, attempt + 1, a lease. None where it is no longer queued."""
        ...

    async def finish(self, run: Run, changes: Sequence[PendingChange], events: Sequence[Event]) -> bool:
        """End a run in ONE commit: its record, what it staged (with audit rows) and the events that tells (kept as
        undispatched). False, and nothing is written, where the epoch is old or the run is no longer running. Raises
        TooMany CHANGE_LIMIT where the organisation would hold over 2,000 pending changes, Forbidden CROSS_TENANT_TARGET
        where a change's controller is not the organisation's (any more). What a replay (`run.replay_of`) stages
        supersedes what earlier runs of that event and Connection left pending; the events that tells are kept too.
        """
        ...

    async def recover(self) -> list[Run]:
        """At start: runs of dead owners go back to queued, or to dead_letter after MAX_ATTEMPTS; returns all queued."""
        ...

    async def cancel(self, organisation_id: str, run_id: str, reason: str, steps: Sequence[StepRecord] = ()) -> Run:
        """End a queued or running run as cancelled; `steps` are how far it came.

        Raises NotFound RUN_NOT_FOUND, Conflict RUN_OVER.
        """
        ...

    async def renew(self, run_ids: Sequence[str]) -> None:
        """Extend this process's leases."""
        ...


class RunQueries(Protocol):
    """Reading runs."""

    async def get_run(self, organisation_id: str, run_id: str) -> Run:
        """The run with its steps. Raises NotFound RUN_NOT_FOUND."""
        ...

    async def list_runs(
        self,
        organisation_id: str,
        limit: int,
        cursor: str | None,
        *,
        connection_id: str | None = None,
        state: RunState | None = None,
    ) -> Page[Run]:
        """Runs, newest first."""
        ...

    async def next_replay(self, connection_id: str, event_id: str) -> int:
        """The number of the next replay of this event by this Connection: 1, 2, …"""
        ...

    async def counts(self) -> dict[str, int]:
        """Rows by kind and state, for metrics: `runs.queued`, `changes.pending`, `events.undispatched`, …"""
        ...


class ChangeStore(Protocol):
    """Staged writes. Every transition is a compare-and-set that also writes its audit row, event and feed entry."""

    async def stage(self, change: PendingChange, audit: AuditRow, event: Event) -> PendingChange:
        """Stage one change outside a run (invoke). Raises TooMany CHANGE_LIMIT."""
        ...

    async def move(
        self,
        change: PendingChange,
        state: ChangeState,
        *,
        token: int,
        audit: AuditRow,
        event: Event,
    ) -> PendingChange:
        """Move the stored change to `state`, writing the outcome fields of `change`, if the stored token is `token` and
        the move is in TRANSITIONS; moving to `applying` adds one to the token. Raises Conflict CHANGE_STATE.
        """
        ...

    async def get_change(self, organisation_id: str, change_id: str) -> PendingChange:
        """The change. Raises NotFound CHANGE_NOT_FOUND."""
        ...

    async def list_changes(
        self, organisation_id: str, limit: int, cursor: str | None, *, state: ChangeState | None = None
    ) -> Page[PendingChange]:
        """Changes, newest first."""
        ...

    async def due(self, now: float) -> list[PendingChange]:
        """Pending ones past their expiry and applying ones past their lease."""
        ...

    async def artifacts_in_use(self) -> frozenset[str]:
        """SHA-256 of every artifact that a change which is not over refers to."""
        ...


class ConnectionStore(Protocol):
    """Stored Connections."""

    async def put_connection(self, connection: StoredConnection, audit: AuditRow) -> StoredConnection:
        """Insert (revision 0 says that it is new) or replace the row of that revision; returns it with one more. Raises
        Conflict CONNECTION_EXISTS (name), PreconditionFailed REVISION_CHANGED (edited or deleted meanwhile).
        """
        ...

    async def get_connection(self, organisation_id: str, name_or_id: str) -> StoredConnection:
        """By id or name. Raises NotFound CONNECTION_NOT_FOUND."""
        ...

    async def list_connections(self, organisation_id: str, limit: int, cursor: str | None) -> Page[StoredConnection]:
        """Connections by name."""
        ...

    async def delete_connection(self, organisation_id: str, connection_id: str, audit: AuditRow) -> None:
        """Remove it; its runs, changes and audit rows stay."""
        ...

    async def all_connections(self) -> list[StoredConnection]:
        """Every organisation's, for the index and for the check after a catalog change."""
        ...

    async def mark_broken(self, connection_id: str, broken: Json) -> None:
        """Note what a new catalog found wrong (None: nothing any more). Not an edit: the revision stays."""
        ...


class JournalStore(Protocol):
    """Audit chain, notifications, the feed."""

    async def write_audit(self, row: AuditRow) -> AuditRow:
        """Append a row that stands alone (the others ride with their transaction)."""
        ...

    async def list_audit(self, organisation_id: str, limit: int, cursor: str | None) -> Page[AuditRow]:
        """Audit rows, newest first."""
        ...

    async def verify_audit(self, organisation_id: str) -> int | None:
        """The seq of the first row whose hash does not follow from the row before it, None where all do."""
        ...

    async def deliver(self, notification: Notification) -> str:
        """Keep it once per (organisation, delivery id); returns the kept one's id."""
        ...

    async def list_notifications(self, organisation_id: str, limit: int, cursor: str | None) -> Page[Notification]:
        """Notifications, newest first."""
        ...

    async def feed_after(self, organisation_id: str, seq: int, limit: int) -> list[FeedEntry]:
        """Feed entries after `seq`, ascending."""
        ...


class Housekeeping(Protocol):
    """What retention and an orderly stop need."""

    async def give_back(self, run_ids: Sequence[str]) -> None:
        """An orderly stop interrupts these runs of ours: queued again, and it counts as no crash of theirs."""
        ...

    async def prune(
        self, *, events_before: float, runs_before: float, feed_before: float, limit: int
    ) -> dict[str, int]:
        """Delete at most `limit` rows of each kind that are over and older; events with live runs stay. What went."""
        ...

    async def mark_read(self, organisation_id: str, notification_id: str, now: float) -> None:
        """Mark a notification read. Raises NotFound NOTIFICATION_NOT_FOUND."""
        ...

    async def feed_head(self, organisation_id: str) -> int:
        """The seq of the organisation's latest feed entry, 0 where there is none: where a new reader begins."""
        ...

    async def check(self) -> list[str]:
        """Problems found by the database's own integrity check; empty when sound."""
        ...

    async def close(self) -> None:
        """Finish what is queued, checkpoint, close."""
        ...


class Store(
    EventStore,
    RunStore,
    RunQueries,
    ChangeStore,
    ConnectionStore,
    TenancyStore,
    CredentialStore,
    SpendingStore,
    SecretStore,
    SealedStore,
    RemovalStore,
    PluginStore,
    JournalStore,
    Housekeeping,
    Protocol,
):
    """A database: the truth."""


class Bus(Protocol):
    """Wakes whoever waits; carries no truth (a sweep of the store finds what a lost wake left behind)."""

    def publish(self, topic: str, message: Json) -> None:
        """Tell every subscriber of `topic`."""
        ...

    def subscribe(self, topic: str, listener: Callable[[Json], None]) -> Callable[[], None]:
        """Call `listener` for each message, until the returned function is called."""
        ...


class Clock(Protocol):
    """Time and ids, injected so that tests own them."""

    def now(self) -> float:
        """Seconds since 1970 UTC."""
        ...

    def monotonic(self) -> float:
        """Seconds that never run backwards."""
        ...

    def new_id(self) -> str:
        """A fresh UUIDv7 (RFC 9562): unique, and sorted by time."""
        ...


class Seal(Protocol):
    """Sealing of secrets and credentials at rest."""

    def seal(self, plain: bytes) -> bytes:
        """Encrypt and authenticate."""
        ...

    def open(self, sealed: bytes) -> bytes:
        """The plain bytes. Raises Unavailable SEAL_BROKEN where the key is another or the bytes were altered."""
        ...

    def renewed(self, sealed: bytes) -> bytes | None:
        """The same under the newest key: `sealed` itself where it is already; None where no key opens it.

        Whoever writes a row again renews what is sealed in it: between his reading and his writing the key may have
        been rotated.
        """
        ...


class DriverRules(Protocol):
    """What drivers say of controllers."""

    def check_settings(self, name: str, settings: Mapping[str, Json]) -> None:
        """Raises Invalid DRIVER_UNKNOWN, CONTROLLER_SETTINGS."""
        ...

    def check_credentials(self, name: str, credentials: Mapping[str, str]) -> None:
        """Raises Invalid DRIVER_UNKNOWN, CONTROLLER_CREDENTIALS."""
        ...


class DurableArtifacts(Protocol):
    """Artifacts that outlive the broker."""

    async def keep(self, artifact: ArtifactRef) -> ArtifactRef:
        """Copy a broker artifact into the durable store (file and folder synced). Raises NotFound ARTIFACT_GONE."""
        ...
