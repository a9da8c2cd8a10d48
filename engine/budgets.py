"""Budgets: how many calls a day an assistant's token may make, counted in the store so that no restart forgets one."""

from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from math import ceil

from catalog.errors import TooMany
from catalog.events import Event
from engine.dispatcher import Dispatcher
from engine.owned_ports import SpendingStore
from engine.ports import Clock
from engine.tenancy import Credential

EVENT_TYPE = "ai.budget.warning"
WARN_AT = 0.8
"""The share of a budget at which its organisation is told; at all of it, it is told again."""

UNITS = "XXX"
"""ISO 4217's code for what is no currency: calls are counted."""


class Budgets:
    """Counts what assistants call. A day is one of UTC."""

    def __init__(self, store: SpendingStore, dispatcher: Dispatcher, clock: Clock) -> None:
        self._store = store
        self._dispatcher = dispatcher
        self._clock = clock

    async def spend(self, credential: Credential) -> None:
        """Count one call, durably, before it is made. Raises TooMany AI_BUDGET_EXCEEDED."""
        now, limit = self._clock.now(), credential.daily_calls or 0
        today = datetime.fromtimestamp(now, UTC).date().isoformat()
        spent = await self._store.spend(credential.id, today, limit, self._warnings(credential, limit, today, now))
        if spent.event is not None:
            self._dispatcher.offer(spent.event)
        if spent.refused:
            raise _exceeded(credential, spent.day, now)

    async def spent_today(self, credentials: Sequence[Credential]) -> dict[str, int]:
        """Calls made today, by the credential's id; 0 for one that has made none."""
        today = datetime.fromtimestamp(self._clock.now(), UTC).date().isoformat()
        ids = [each.id for each in credentials if each.daily_calls is not None]
        found = await self._store.spending(ids, today) if ids else {}
        return {each: found.get(each, 0) for each in ids}

    def _warnings(self, credential: Credential, limit: int, day: str, now: float) -> dict[int, Event]:
        """The events that are due as the count comes to these; the store keeps one in the commit that counts."""
        return {
            calls: Event(
                id=self._clock.new_id(),
                organisation_id=credential.organisation_id,
                type=EVENT_TYPE,
                payload={
                    "budget": credential.name,
                    "credential_id": credential.id,
                    "period": day,
                    "used_percent": 100.0 * calls / limit,
                    "used": float(calls),
                    "limit": float(limit),
                    "currency": UNITS,
                },
                time=now,
            )
            for calls in {ceil(limit * WARN_AT), limit}
        }


def _exceeded(credential: Credential, day: str, now: float) -> TooMany:
    renewal = datetime.fromisoformat(day).replace(tzinfo=UTC) + timedelta(days=1)
    text = renewal.isoformat().replace("+00:00", "Z")
    return TooMany(
        "AI_BUDGET_EXCEEDED",
        f"The assistant has made the {credential.daily_calls} calls that its token has a day; it renews at {text}.",
        retry_after=max(renewal.timestamp() - now, 1.0),
        hint="Wait until then, or ask an administrator for a token with a larger budget.",
        details={"renews_at": text},
    )
