"""Intake: what pollers and daemons of this process hand over becomes an event: durable first, then dispatched."""

from catalog.events import Event
from engine.dispatcher import Dispatcher
from engine.measures import Measures
from engine.ports import EventStore


class Intake:
    """Implements `catalog.provider.EventSink`. An event whose id is known already is a repeat and fires nothing."""

    def __init__(self, store: EventStore, dispatcher: Dispatcher, measures: Measures) -> None:
        self._store = store
        self._dispatcher = dispatcher
        self._measures = measures

    async def publish(self, event: Event) -> None:
        """Returns once it is durable. Raises Unavailable STORE_*, Conflict EVENT_EXISTS (another organisation's)."""
        fires, misses = self._dispatcher.match(event)
        if fires:
            await self._dispatcher.take_in(event, fires, misses, key=None, body_digest=None)
            return
        accepted = await self._store.accept(event, misses=misses)
        if not accepted.repeated:
            self._measures.matched(event.type, misses)
