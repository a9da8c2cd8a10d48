"""Ingest: what the outside pushes becomes `ingest.external`, durable before it is answered."""

import hashlib
import re

from catalog.errors import Invalid, TooMany
from catalog.events import Event
from catalog.jsonvalue import Json
from engine.dispatcher import Dispatcher
from engine.guards import Rate, Window
from engine.measures import Measures
from engine.ports import Clock, EventStore
from engine.records import Accepted
from engine.redis_guards import RedisGuards

EVENT_TYPE = "ingest.external"
"""Never the caller's choice."""

BODY_LIMIT = 64 * 1024

_STRIPPED = re.compile(r"[^a-z0-9_-]")
_KEY = re.compile(r"[\x21-\x7e]{1,255}\Z")


def sanitised(name: Json) -> str:
    """The seed's rule: lower case, `[^a-z0-9_-]` stripped, at most 64. Raises Invalid INGEST_NAME."""
    kept = _STRIPPED.sub("", name.lower())[:64] if isinstance(name, str) else ""
    if not kept:
        raise Invalid(
            "INGEST_NAME", "`name` is missing or has no usable character.", hint="Send a name of a-z, 0-9, `_`, `-`."
        )
    return kept


class Ingest:
    """The inbound bridge."""

    def __init__(
        self,
        store: EventStore,
        dispatcher: Dispatcher,
        rate: Rate,
        clock: Clock,
        measures: Measures,
        guards: RedisGuards | None = None,
    ) -> None:
        self._store = store
        self._dispatcher = dispatcher
        self._rate = rate
        self._window = Window(rate, clock)
        self._clock = clock
        self._measures = measures
        self._guards = guards

    async def restore(self, organisation_id: str) -> None:
        """Count what was accepted before a restart into the window."""
        now = self._clock.now()
        times = await self._store.recent_count(organisation_id, now - self._rate.seconds, EVENT_TYPE)
        self._window.restore(organisation_id, (now - each for each in times))

    async def accept(self, organisation_id: str, body: Json, raw: bytes, key: str | None = None) -> Accepted:
        """Keep one event and answer when it is durable. `raw` is the body as it came, for the Idempotency-Key.

        Raises Invalid INGEST_BODY, INGEST_NAME, IDEMPOTENCY_KEY; TooMany INGEST_RATE; Conflict IDEMPOTENCY_MISMATCH.
        """
        if not isinstance(body, dict) or body.keys() - {"name", "payload"}:
            raise Invalid(
                "INGEST_BODY",
                "The body is not an object of `name` and `payload`.",
                hint='Send {"name": …, "payload": …}.',
            )
        if key is not None and not _KEY.match(key):
            raise Invalid("IDEMPOTENCY_KEY", "Idempotency-Key is not 1 to 255 visible ASCII characters.")
        name = sanitised(body.get("name"))
        event = Event(
            id=self._clock.new_id(),
            organisation_id=organisation_id,
            type=EVENT_TYPE,
            payload={"name": name, "payload": body.get("payload", {})},
            time=self._clock.now(),
        )
        try:
            await self._count(organisation_id, event.id)
        except TooMany:
            self._measures.rate_limited += 1
            raise
        digest = hashlib.sha256(raw).hexdigest() if key is not None else None
        fires, misses = self._dispatcher.match(event)
        if fires:
            accepted = await self._dispatcher.take_in(event, fires, misses, key=key, body_digest=digest)
            self._measures.ingested += not accepted.repeated
            return accepted
        accepted = await self._store.accept(event, misses=misses, key=key, body_digest=digest)
        if not accepted.repeated:
            self._measures.ingested += 1
            self._measures.matched(event.type, misses)
        return accepted

    async def _count(self, organisation_id: str, request_id: str) -> None:
        counted = self._window.admit(organisation_id)
        if self._guards is None:
            return
        try:
            await self._guards.admit(organisation_id, self._rate, request_id)
        except TooMany:
            self._window.give_back(organisation_id, counted)
            raise
