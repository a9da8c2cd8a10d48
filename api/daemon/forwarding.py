"""Forwarding: what the daemon of this process tells becomes events of the organisation that its controller is in."""

import asyncio
import uuid
from collections.abc import Sequence

import structlog

from catalog.errors import FabricError, TargetFailed, Unavailable
from catalog.events import Event
from catalog.provider import EventSink
from engine.tenancy import Controller
from runtime.clock import rfc3339
from runtime.daemon.events import DaemonEvent
from runtime.providers.runtime import PREFIX, payload_of

_log = structlog.get_logger()
_NAMESPACE = uuid.UUID("0b4f3d6e-5d8c-4f0e-9c56-0d9f2a4c7b11")


class Forwarding:
    """The outbox's receiver, from `open` to `close`; what comes before or after waits.

    An event that comes twice has the same id both times, so that it fires once.
    """

    def __init__(self, sink: EventSink, controller: Controller) -> None:
        self._sink = sink
        self._controller = controller
        self._open = asyncio.Event()

    def open(self) -> None:
        """The daemon can be asked: what an event fires may ask it."""
        self._open.set()

    def close(self) -> None:
        """The engine ends: what comes from now on waits for the next start."""
        self._open.clear()

    async def send(self, events: Sequence[DaemonEvent]) -> None:
        """Returns once the engine has all of them, or will never take them. Raises Unavailable where it cannot now."""
        await self._open.wait()
        # Side by side, so that they share a commit; they are queued in their order all the same.
        made = [each for each in map(self._event, events) if each is not None]
        came = await asyncio.gather(*map(self._sink.publish, made), return_exceptions=True)
        for event, refusal in zip(made, came, strict=True):
            if isinstance(refusal, FabricError) and not isinstance(refusal, Unavailable):
                # It would be refused for ever, and those behind it would wait as long.
                _log.error("daemon_event_refused", event_id=event.id, kind=event.type, code=refusal.code)
            elif isinstance(refusal, BaseException):
                raise refusal

    def _event(self, told: DaemonEvent) -> Event | None:
        controller = self._controller
        try:
            payload = payload_of(
                told.type,
                controller_id=controller.id,
                site_id=controller.site_id,
                event_id=told.id,
                timestamp=rfc3339(told.time_ns),
                service_id=told.service_id,
                data=told.data,
            )
        except (TargetFailed, KeyError) as error:
            reason = error.message if isinstance(error, FabricError) else f"unknown type {error}"
            _log.error("daemon_event_unfit", daemon_event=told.id, kind=told.type, reason=reason)
            return None
        return Event(
            id=event_id(controller.id, told),
            organisation_id=controller.organisation_id,
            type=f"{PREFIX}{told.type}",
            payload=payload,
            time=told.time_ns / 1e9,
        )


def event_id(controller_id: str, told: DaemonEvent) -> str:
    """The same for the same event of the same daemon; a daemon that began anew counts from one, but later."""
    return str(uuid.uuid5(_NAMESPACE, f"{controller_id} {told.seq} {told.time_ns}"))
