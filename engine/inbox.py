"""Inbox: in-app notifications as the providers deliver them (catalog.provider.Inbox)."""

from engine.ports import Clock, JournalStore
from engine.records import Notification


class StoredInbox:
    """Keeps notifications in the store; the same delivery id again is the same notification."""

    def __init__(self, store: JournalStore, clock: Clock) -> None:
        self._store = store
        self._clock = clock

    async def deliver(self, organisation_id: str, delivery_id: str, title: str, body: str, source: str) -> str:
        """Keep a notification; returns its id."""
        notification = Notification(
            id=self._clock.new_id(),
            organisation_id=organisation_id,
            delivery_id=delivery_id,
            title=title,
            body=body,
            source=source,
            created_at=self._clock.now(),
        )
        return await self._store.deliver(notification)
