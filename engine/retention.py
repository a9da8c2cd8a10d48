"""Retention: what is over and old goes; what somebody still refers to stays."""

import structlog

from engine.ports import Clock, Store

_log = structlog.get_logger()
DAY = 86_400.0
_SLICE = 500


class Retention:
    """Prunes ended runs, dispatched events and the feed after so many days. Audit rows and changes are kept."""

    def __init__(self, store: Store, clock: Clock, *, runs_days: float, events_days: float) -> None:
        self._store = store
        self._clock = clock
        self._runs_days = runs_days
        self._events_days = events_days

    async def sweep(self) -> dict[str, int]:
        """Delete in slices until nothing is due. What went, by kind."""
        now = self._clock.now()
        total: dict[str, int] = {}
        while True:
            gone = await self._store.prune(
                events_before=now - self._events_days * DAY,
                runs_before=now - self._runs_days * DAY,
                feed_before=now - DAY,
                limit=_SLICE,
            )
            for kind, count in gone.items():
                total[kind] = total.get(kind, 0) + count
            if not any(count >= _SLICE for count in gone.values()):
                break
        if any(total.values()):
            _log.info("retention", **total)
        return total
