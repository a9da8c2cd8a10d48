"""Condition: a service's state, degradation and health in the API's words, from what its replicas do. Pure."""

from collections.abc import Sequence

from runtime.daemon.services.records import Counts, Desired, Health, ServiceState
from runtime.daemon.services.slot import Slot

_BUSY = frozenset({"starting", "running", "stopping"})


def state_of(slots: Sequence[Slot], *, desired: Desired, resting: bool, broken: bool, waiting: bool) -> ServiceState:
    """The state. `resting`: no replica should run now; `broken`: the service cannot run; `waiting`: for others."""
    phases = {each.phase for each in slots}
    if desired == "deleted":
        return "deleting"
    if resting:
        if phases & _BUSY:
            return "stopping"
        return "failed" if broken else "stopped"
    if any(each.phase == "running" and each.fit_since is not None for each in slots):
        return "running"
    if waiting:
        return "pending"
    if "failed" in phases and not phases & {"starting", "running", "backoff", "stopping"}:
        return "failed"
    return "starting"


def counts_of(slots: Sequence[Slot], desired: int) -> Counts:
    """How many replicas are wanted, run, and are healthy."""
    running = [each for each in slots if each.phase == "running"]
    healthy = sum(each.health == "healthy" for each in running)
    return Counts(desired=desired, running=len(running), healthy=healthy)


def health_of(slots: Sequence[Slot]) -> Health:
    """Of all running replicas together: one that is unhealthy makes the service so."""
    found = {each.health for each in slots if each.phase == "running"}
    for health in ("unhealthy", "starting", "healthy"):
        if health in found:
            return health
    return "starting" if any(each.phase in ("starting", "backoff") for each in slots) else "unknown"


def trouble_of(slots: Sequence[Slot]) -> str | None:
    """What the replicas that do not run say of it, shortly."""
    said = [f"`{each.id}` is in state {each.phase}: {each.reason}" for each in slots if each.reason is not None]
    if not said:
        return None
    return said[0] + (f", and {len(said) - 1} more" if len(said) > 1 else "")
