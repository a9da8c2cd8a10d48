"""Deciding: how many replicas a service should have, from what was measured. Pure.

Two measures speak: CPU in percent of the limit, and requests under way a replica, those that wait included. The one
that asks for more decides. More replicas come as soon as they are wanted, fewer only when the most that was wanted
during the whole stabilisation window was fewer; after each change a cooldown passes.
"""

import math
from collections import deque

import msgspec

TOLERANCE = 0.1
"""A measure that is so near to its threshold asks for nothing."""


class Rules(msgspec.Struct, frozen=True, kw_only=True):
    """One service's bounds, thresholds (percent of the CPU limit, requests under way a replica) and seconds."""

    least: int
    most: int
    cpu_threshold: float
    in_flight_threshold: float
    up_cooldown: float
    down_cooldown: float
    window: float


class Measured(msgspec.Struct, frozen=True, kw_only=True):
    """Averages since the last look, at monotonic time `at`: of all running replicas together."""

    at: float
    running: int
    cpu_percent: float
    in_flight: float


class Decision(msgspec.Struct, frozen=True, kw_only=True):
    """Go to `replicas`, because of `cause`."""

    replicas: int
    cause: str


class Memory:
    """What was recommended lately for one service, and when it was scaled last."""

    def __init__(self, began: float) -> None:
        self.began = began
        self.scaled_at: float | None = None
        self.recommended: deque[tuple[float, int]] = deque()


def recommend(measured: Measured, rules: Rules) -> Decision:
    """How many replicas the measures ask for, within the bounds, and which of them does."""
    running = max(1, measured.running)
    ratios = {
        "cpu": measured.cpu_percent / rules.cpu_threshold,
        "in_flight": measured.in_flight / running / rules.in_flight_threshold,
    }
    cause = max(ratios, key=lambda each: ratios[each])
    ratio = ratios[cause]
    wanted = running if abs(ratio - 1) <= TOLERANCE else math.ceil(running * ratio - 1e-9)
    return Decision(replicas=min(max(wanted, rules.least), rules.most), cause=cause)


def decide(measured: Measured, replicas: int, rules: Rules, memory: Memory) -> Decision | None:
    """What to do with a service that should have `replicas` now; None: leave it. `memory` is taken forward."""
    now = measured.at
    recommended = recommend(measured, rules)
    memory.recommended.append((now, recommended.replicas))
    while memory.recommended[0][0] < now - rules.window:
        memory.recommended.popleft()
    since = math.inf if memory.scaled_at is None else now - memory.scaled_at
    if recommended.replicas > replicas:
        return recommended if since >= rules.up_cooldown else None
    highest = max(each for _, each in memory.recommended)
    if highest >= replicas or now - memory.began < rules.window or since < rules.down_cooldown:
        return None
    return Decision(replicas=highest, cause=recommended.cause)
