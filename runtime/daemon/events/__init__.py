"""Events: what happened in the daemon. Numbered without end, streamed without a gap, kept for a while."""

from runtime.daemon.events.bus import EventBus
from runtime.daemon.events.event import EVENT_TYPES, LAGGED, DaemonEvent, check_types
from runtime.daemon.events.outbox import Outbox
from runtime.daemon.events.subscription import Subscription

__all__ = ["EVENT_TYPES", "LAGGED", "DaemonEvent", "EventBus", "Outbox", "Subscription", "check_types"]
