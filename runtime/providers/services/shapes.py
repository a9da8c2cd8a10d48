"""Services as operations give them: exact enough for `{{steps.x.output.state}}` to be checked."""

from typing import Annotated, Literal

import msgspec
from msgspec import Meta

from catalog.jsonvalue import Json
from runtime.providers.fields import Bytes, Cores, Count, Percent, Time

State = Literal["pending", "starting", "running", "stopping", "stopped", "failed", "deleting"]
InstanceState = Literal["starting", "running", "stopping", "stopped", "failed", "backoff", "completed"]
Health = Literal["healthy", "unhealthy", "starting", "unknown"]
ModuleType = Literal["command", "http", "tcp"]


class _Shape(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """What the daemon says."""


class Replicas(_Shape, frozen=True, kw_only=True):
    """How many replicas: wanted, ready to answer, healthy."""

    desired: Count
    running: Count
    healthy: Count


class Listed(_Shape, frozen=True, kw_only=True):
    """A service in short."""

    id: str
    name: str
    state: State
    replicas: Replicas
    created_at: Time
    updated_at: Time
    image: str
    type: ModuleType | None = None
    networks: list[str]
    labels: dict[str, str]
    degraded: bool
    reason: Annotated[str | None, Meta(description="Why it is pending, degraded or failed.")] = None


class ServiceList(_Shape, frozen=True, kw_only=True):
    """Services, the oldest first; `truncated` says that there are more."""

    services: list[Listed]
    total: Count
    truncated: bool = False


class LastExit(_Shape, frozen=True, kw_only=True):
    """How a replica's last process ended."""

    code: int
    trap: str | None = None
    at: Time = None


class Instance(_Shape, frozen=True, kw_only=True):
    """A replica."""

    id: str
    state: InstanceState
    health: Health
    started_at: Time = None
    restarts: Count
    revision: int
    reason: str | None = None
    pid: int | None = None
    last_exit: LastExit | None = None


class AllReplicas(_Shape, frozen=True, kw_only=True):
    """Replicas: how many, within which bounds, and each."""

    desired: Count
    running: Count
    healthy: Count
    min: Count
    max: int | None = None
    instances: list[Instance]


class MemoryUse(_Shape, frozen=True, kw_only=True):
    """Memory as text, such as `256Mi`."""

    limit: str
    usage: str


class CpuUse(_Shape, frozen=True, kw_only=True):
    """Cores."""

    limit: Cores
    usage: Cores


class Resources(_Shape, frozen=True, kw_only=True):
    """What one replica may use, and what all use together."""

    memory: MemoryUse
    cpu: CpuUse


class Port(_Shape, frozen=True, kw_only=True):
    """The daemon listens on `host` for what the service answers on `container`."""

    host: int
    container: int


class VolumeUse(_Shape, frozen=True, kw_only=True):
    """A volume as the guest sees it."""

    source: str
    target: str
    read_only: bool = False


class Previous(_Shape, frozen=True, kw_only=True):
    """The revision before."""

    image: str
    revision: int


class ServiceShown(_Shape, frozen=True, kw_only=True):
    """A service as it is wanted and as it is. Values of secret variables are hidden."""

    id: str
    name: str
    image: str
    state: State
    health: Health
    degraded: bool
    reason: Annotated[str | None, Meta(description="Why it is pending, degraded or failed.")] = None
    revision: int
    previous: Previous | None = None
    type: ModuleType | None = None
    abi: str | None = None
    networks: list[str]
    environment: dict[str, str]
    secrets: list[str] = []
    args: list[str] = []
    ports: list[Port]
    volumes: list[VolumeUse] = []
    files: dict[str, str] = {}
    labels: dict[str, str] = {}
    depends_on: list[str] = []
    replicas: AllReplicas
    resources: Resources
    health_check: dict[str, Json] | None = None
    restart_policy: dict[str, Json] | None = None
    no_capabilities: bool = False
    egress_locked: bool = False
    project: str | None = None
    created_at: Time
    updated_at: Time


class LogEntry(_Shape, frozen=True, kw_only=True):
    """A line that a service printed; the daemon's own words have no instance."""

    timestamp: str
    stream: Literal["stdout", "stderr"]
    message: str
    instance: str


class Logs(_Shape, frozen=True, kw_only=True):
    """Lines, the oldest first, and all of them as one text; `truncated`: older ones were left out for their size."""

    id: str
    entries: list[LogEntry]
    count: Count
    text: str
    truncated: bool


class CpuStats(_Shape, frozen=True, kw_only=True):
    """Cores."""

    usage: Cores
    limit: Cores
    percentage: Percent


class MemoryStats(_Shape, frozen=True, kw_only=True):
    """Bytes."""

    usage: Bytes
    limit: Bytes
    percentage: Percent
    peak: Bytes


class NetworkStats(_Shape, frozen=True, kw_only=True):
    """Bytes that came and went."""

    rx_bytes: Bytes
    tx_bytes: Bytes


class RequestStats(_Shape, frozen=True, kw_only=True):
    """Requests: all, a second, by class of status, under way, waiting, trapped."""

    total: Count
    rate: float
    by_class: dict[str, int]
    in_flight: Count
    queued: Count
    traps: Count


class Figures(_Shape, frozen=True, kw_only=True):
    """What a service uses now."""

    cpu: CpuStats
    memory: MemoryStats
    network: NetworkStats
    requests: RequestStats


class StatsShown(_Shape, frozen=True, kw_only=True):
    """A service in numbers."""

    id: str
    stats: Figures
    replicas: Replicas
    timestamp: str


class InstanceHealth(_Shape, frozen=True, kw_only=True):
    """A replica's health."""

    id: str
    health: Health
    last_check: Time = None
    consecutive_failures: Count


class HealthShown(_Shape, frozen=True, kw_only=True):
    """A service's health and its replicas'."""

    id: str
    health: Health
    instances: list[InstanceHealth]
