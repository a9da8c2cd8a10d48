"""Operations: what may be asked of a service in which state."""

from catalog.errors import Conflict
from runtime.daemon.services.records import SERVICE_STATES, ServiceState
from runtime.daemon.services.view import View

_ALL = frozenset(SERVICE_STATES) - {"deleting"}
ALLOWED: dict[str, frozenset[ServiceState]] = {
    "start": frozenset({"stopped", "failed"}),
    "stop": frozenset({"pending", "starting", "running", "failed"}),
    "restart": frozenset({"starting", "running", "failed"}),
    "scale": _ALL - {"stopping"},
    "update": _ALL - {"stopping"},
    "delete": _ALL,
    "check": frozenset({"starting", "running"}),
}


def require(service: View, operation: str) -> None:
    """Raise Conflict INVALID_STATE if `operation` is not for the state the service is in."""
    state = service.state
    if state in ALLOWED[operation]:
        return
    possible = [each for each, states in ALLOWED.items() if state in states]
    raise Conflict(
        "INVALID_STATE",
        f"Service `{service.name}` is {state}: it cannot be asked to {operation}.",
        hint=f"In this state it can be asked to {', '.join(possible)}." if possible else "Wait until it is gone.",
        details={
            "service_id": service.id,
            "operation": operation,
            "current": state,
            "allowed": sorted(ALLOWED[operation]),
            "operations": possible,
        },
    )
