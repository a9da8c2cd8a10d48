"""Authoring: storing, changing and checking Connections."""

import re
from functools import partial

import msgspec

import connections
from catalog.catalog import Catalog
from catalog.diagnostics import Diagnostic
from catalog.errors import ConnectionInvalid, Invalid
from catalog.jsonvalue import Json
from catalog.registry import Registry
from connections.plan import Plan
from engine.audit import audit_row
from engine.credentials import require_admin
from engine.directory import Directory
from engine.entries import Entry, routing_of
from engine.index import Index
from engine.ports import Bus, Clock, ConnectionStore
from engine.records import Page, StoredConnection
from engine.redaction import refuse_redacted
from engine.tenancy import Actor

TOPIC = "connections"
"""Bus topic: a Connection was stored, changed or deleted."""

_UUIDS = re.compile(rb"[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}")


class Authoring:
    """An organisation's Connections as their authors handle them."""

    def __init__(
        self, store: ConnectionStore, registry: Registry, directory: Directory, index: Index, clock: Clock, bus: Bus
    ) -> None:
        self._store = store
        self._registry = registry
        self._directory = directory
        self._index = index
        self._clock = clock
        self._bus = bus
        self._checked: Catalog | None = None

    async def load(self) -> None:
        """Fill the index from the store, at start."""
        for stored in await self._store.all_connections():
            if stored.enabled:
                self._index.put(Entry(stored, partial(self._registry.seen_by, stored.organisation_id)))

    async def compile(self, actor: Actor, source: bytes | dict[str, Json]) -> Plan:
        """Compile text or an object as this author in this organisation. Raises ConnectionInvalid."""
        text = source if isinstance(source, bytes) else msgspec.json.encode(source)
        targets = await self._directory.targets(each.decode() for each in _UUIDS.findall(text))
        return connections.compile(
            source, self._registry.seen_by(actor.organisation_id), author=actor.author, targets=targets
        )

    async def validate(self, actor: Actor, source: bytes) -> tuple[Diagnostic, ...]:
        """Every error and warning of a Connection; nothing is stored."""
        try:
            return (await self.compile(actor, source)).warnings
        except ConnectionInvalid as error:
            return error.diagnostics

    async def create(self, actor: Actor, source: bytes) -> StoredConnection:
        """Store a new Connection. Raises ConnectionInvalid; Conflict CONNECTION_EXISTS; Forbidden ADMIN_REQUIRED."""
        require_admin(actor)
        plan = await self._compiled(actor, source)
        now = self._clock.now()
        stored = StoredConnection(
            id=self._clock.new_id(),
            organisation_id=actor.organisation_id,
            name=plan.name,
            author_id=actor.id,
            source=plan.connection.document(),
            routing=routing_of(plan),
            enabled=plan.connection.enabled,
            revision=0,
            created_at=now,
            updated_at=now,
        )
        return await self._put(actor, stored, plan, "connection.created")

    async def update(
        self, actor: Actor, name_or_id: str, changes: Json, *, revision: int | None = None
    ) -> StoredConnection:
        """Replace the top-level fields that `changes` names (null removes one); the editor becomes the author.

        `revision` is what the editor believes is current. Raises ConnectionInvalid; PreconditionFailed
        REVISION_CHANGED; NotFound; Invalid CONNECTION_BODY.
        """
        require_admin(actor)
        if not isinstance(changes, dict):
            raise Invalid("CONNECTION_BODY", "The body is not an object.", hint="Send the fields that change.")
        old = await self._store.get_connection(actor.organisation_id, name_or_id)
        merged = {**old.source, **changes}
        if changes == {"enabled": False}:
            return await self._disable(actor, old, merged, revision)
        plan = await self._compiled(actor, {key: value for key, value in merged.items() if value is not None})
        stored = msgspec.structs.replace(
            old,
            name=plan.name,
            author_id=actor.id,
            source=plan.connection.document(),
            routing=routing_of(plan),
            enabled=plan.connection.enabled,
            revision=old.revision if revision is None else revision,
            updated_at=self._clock.now(),
            broken=None,
        )
        return await self._put(actor, stored, plan, "connection.updated")

    async def _disable(
        self, actor: Actor, old: StoredConnection, source: Json, revision: int | None
    ) -> StoredConnection:
        """Whatever is wrong with a Connection, it can be stopped: what does not run needs no compiling."""
        stored = msgspec.structs.replace(
            old,
            author_id=actor.id,
            source=source,
            enabled=False,
            revision=old.revision if revision is None else revision,
            updated_at=self._clock.now(),
        )
        return await self._put(actor, stored, None, "connection.updated")

    async def delete(self, actor: Actor, name_or_id: str) -> None:
        """Remove a Connection; its runs and audit stay. Raises NotFound CONNECTION_NOT_FOUND."""
        require_admin(actor)
        stored = await self._store.get_connection(actor.organisation_id, name_or_id)
        row = audit_row(actor, "connection.deleted", stored.id, self._clock, {"name": stored.name})
        await self._store.delete_connection(actor.organisation_id, stored.id, row)
        self._index.remove(stored.id)
        self._bus.publish(TOPIC, {"id": stored.id})

    async def get(self, organisation_id: str, name_or_id: str) -> StoredConnection:
        """By id or name. Raises NotFound CONNECTION_NOT_FOUND."""
        return await self._store.get_connection(organisation_id, name_or_id)

    async def list(self, organisation_id: str, limit: int, cursor: str | None) -> Page[StoredConnection]:
        """Connections by name."""
        return await self._store.list_connections(organisation_id, limit, cursor)

    async def check_all(self) -> int:
        """After a catalog change: compile every stored Connection again and note which broke. Returns how many."""
        catalog = self._registry.current()
        if catalog is self._checked:
            return 0
        broken = 0
        for stored in await self._store.all_connections():
            found = _broken(stored, self._registry.seen_by(stored.organisation_id))
            broken += found is not None
            if found != stored.broken:
                await self._store.mark_broken(stored.id, found)
        self._checked = catalog
        return broken

    async def _compiled(self, actor: Actor, source: bytes | dict[str, Json]) -> Plan:
        try:
            plan = await self.compile(actor, source)
        except ConnectionInvalid as error:
            refuse_redacted({each.pointer.rpartition("/")[2]: None for each in error.diagnostics})
            raise
        refuse_redacted(plan.connection.document())
        return plan

    async def _put(self, actor: Actor, stored: StoredConnection, plan: Plan | None, action: str) -> StoredConnection:
        row = audit_row(actor, action, stored.id, self._clock, {"name": stored.name})
        kept = await self._store.put_connection(stored, row)
        if kept.enabled:
            self._index.put(Entry(kept, partial(self._registry.seen_by, kept.organisation_id), plan))
        else:
            self._index.remove(kept.id)
        self._bus.publish(TOPIC, {"id": kept.id})
        return kept


def _broken(stored: StoredConnection, catalog: Catalog) -> Json:
    try:
        connections.compile(stored.source, catalog)
    except ConnectionInvalid as error:
        return [msgspec.to_builtins(each) for each in error.diagnostics]
    return None


def visible_to(actor: Actor, stored: StoredConnection) -> bool:
    """May this actor read the step params? Only the author may (the seed's redaction)."""
    return actor.id == stored.author_id and actor.organisation_id == stored.organisation_id
