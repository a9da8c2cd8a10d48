"""Report: violations as `policy.violated` events. A flood of the same one is an event a second that counts them."""

import asyncio
from collections.abc import Callable

import structlog

from runtime.daemon.events import EventBus
from runtime.daemon.policies.rules import Violation

EVERY = 1.0
"""Seconds between two events about the same pair and rule."""

PAIRS = 100
"""Different pairs that are told of within a second; the others of that second are told of together, as `*`."""

_log = structlog.get_logger("fabric.policy")


class Report:
    """Says what was violated. To be used on the event loop."""

    def __init__(self, events: EventBus, identify: Callable[[str], str | None]) -> None:
        self._events = events
        self._identify = identify
        self._more: dict[tuple[Violation, str, str, str], int] = {}
        """Since the last event about it, by what it is about."""

    def tell(self, violation: Violation, source: str, target: str, mode: str) -> None:
        """Publish it now, or count it where the same was published within the last second."""
        key = (violation, source, target, mode)
        if key not in self._more and len(self._more) >= PAIRS:
            key = (violation, "*", "*", mode)
        if key in self._more:
            self._more[key] += 1
        else:
            self._publish(key, 1)

    def _publish(self, key: tuple[Violation, str, str, str], count: int) -> None:
        violation, source, target, mode = key
        self._more[key] = 0
        asyncio.get_running_loop().call_later(EVERY, self._again, key)
        told = {"policy": violation.policy, "rule": violation.rule, "from": source, "to": target}
        self._events.publish(
            "policy.violated",
            service_id=self._identify(source) or self._identify(target),
            **told,
            reason=violation.reason,
            mode=mode,
            count=count,
        )
        _log.warning("policy.violated", **told, reason=violation.reason, mode=mode, count=count)

    def _again(self, key: tuple[Violation, str, str, str]) -> None:
        count = self._more.pop(key, 0)
        if count:
            self._publish(key, count)
