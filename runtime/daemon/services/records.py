"""Records: what is kept of a service over restarts of the daemon, and what is shown of its replicas."""

from typing import Literal

import msgspec

from catalog.errors import Unavailable
from runtime.daemon.spec import ServiceSpec

Desired = Literal["running", "stopped", "deleted"]
ServiceState = Literal["pending", "starting", "running", "stopping", "stopped", "failed", "deleting"]
InstanceState = Literal["starting", "running", "stopping", "stopped", "failed", "backoff", "completed"]
Health = Literal["healthy", "unhealthy", "starting", "unknown"]

SERVICE_STATES: tuple[ServiceState, ...] = (
    "pending", "starting", "running", "stopping", "stopped", "failed", "deleting",
)  # fmt: skip
REVISIONS_KEPT = 10


class Revision(msgspec.Struct, frozen=True, kw_only=True):
    """One specification a service had; numbers count up from 1."""

    number: int
    spec: ServiceSpec
    at_ns: int


class ServiceRecord(msgspec.Struct, frozen=True, kw_only=True):
    """A service as the state store keeps it. `replicas` is how many there should be now; the last revision holds.

    `completed`: its replicas have done what they were there for, so nothing waits for it.
    """

    id: str
    revisions: tuple[Revision, ...]
    desired: Desired
    replicas: int
    created_at_ns: int
    updated_at_ns: int
    completed: bool = False

    @property
    def revision(self) -> Revision:
        """The one that holds."""
        return self.revisions[-1]

    @property
    def spec(self) -> ServiceSpec:
        """The service as wanted now."""
        return self.revisions[-1].spec


class LastExit(msgspec.Struct, frozen=True, kw_only=True):
    """How a replica's last process ended: the guest's exit code or -signal, and why it was stopped if it was."""

    code: int
    trap: str | None
    at_ns: int


class Instance(msgspec.Struct, frozen=True, kw_only=True):
    """One replica as shown. `id` is `<service id>-<number>`; `reason` says why it is not running."""

    id: str
    number: int
    revision: int
    state: InstanceState
    health: Health
    started_at_ns: int | None = None
    restarts: int = 0
    last_exit: LastExit | None = None
    reason: str | None = None
    pid: int | None = None


class Counts(msgspec.Struct, frozen=True, kw_only=True):
    """How many replicas: wanted, ready to answer, and healthy."""

    desired: int
    running: int
    healthy: int


class Stats(msgspec.Struct, frozen=True, kw_only=True):
    """What a service uses now: cores, bytes, requests; limits are those of all its running replicas together.

    Percentages are of these limits, so that they mean the same however many replicas there are. `rate` is requests a
    second over the last ten; `by_class` counts answers by status class (`2xx`). Health probes are not counted.
    """

    cpu_usage: float
    cpu_limit: float
    memory_usage: int
    memory_peak: int
    memory_limit: int
    rx_bytes: int
    tx_bytes: int
    requests: int
    rate: float
    by_class: dict[str, int]
    in_flight: int
    queued: int
    traps: int
    replicas: Counts
    at_ns: int

    @property
    def cpu_percentage(self) -> float:
        """Of the CPU limit."""
        return 100 * self.cpu_usage / self.cpu_limit if self.cpu_limit else 0.0

    @property
    def memory_percentage(self) -> float:
        """Of the memory limit."""
        return 100 * self.memory_usage / self.memory_limit if self.memory_limit else 0.0


def read_record(document: bytes) -> ServiceRecord:
    """A record as the state store has kept it. Raises Unavailable STATE_CORRUPT."""
    try:
        return msgspec.json.decode(document, type=ServiceRecord)
    except msgspec.DecodeError as error:
        raise Unavailable(
            "STATE_CORRUPT",
            f"A service in the daemon's state cannot be read: {error}.",
            hint="Restore the data directory from a copy.",
        ) from None
