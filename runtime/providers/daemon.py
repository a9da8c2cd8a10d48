"""The daemon itself: what it is and what it holds."""

import msgspec

from catalog.operations import OperationSet
from catalog.provider import Call
from runtime.providers.daemons import daemon_of, told
from runtime.providers.fields import Bytes, ControllerId, Cores, Count, Time
from runtime.providers.native import NativeProvider

operations = OperationSet("daemon")

VIEW = "daemon.view"


class Which(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Which daemon."""

    controller_id: ControllerId


class Places(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Where its files are, and how many services it takes."""

    socket: str
    data_dir: str
    max_services: Count


class Process(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Its process."""

    pid: int
    memory_bytes: Bytes
    cpu_seconds: float


class Info(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """What a daemon is and since when it runs."""

    version: str
    api_version: str
    runtime: str
    platform: str
    started_at: Time
    uptime: str
    config: Places
    process: Process


class ServiceCounts(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Services by state."""

    total: Count
    running: Count
    stopped: Count
    failed: Count


class NetworkCounts(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Networks."""

    total: Count


class VolumeCounts(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Volumes, and their sizes together."""

    total: Count
    size: str


class MemoryTotals(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Memory as text, such as `2.1Gi`."""

    used: str
    limit: str


class CpuTotals(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Cores."""

    used: Cores
    limit: Cores


class Totals(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """All services together."""

    memory: MemoryTotals
    cpu: CpuTotals


class Requests(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """What its API has answered."""

    requests_total: Count
    requests_per_second: float
    errors_total: Count


class Stats(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """A daemon in numbers."""

    services: ServiceCounts
    networks: NetworkCounts
    volumes: VolumeCounts
    resources: Totals
    api: Requests


@operations.read("info", permission=VIEW, title="Tell what a daemon is")
async def daemon_info(_which: Which, call: Call) -> Info:
    """Version, platform, start and places of a daemon."""
    return told(await daemon_of(call).ask("GET", "daemon/info"), Info)


@operations.read("stats", permission=VIEW, title="Tell what a daemon holds and uses")
async def daemon_stats(_which: Which, call: Call) -> Stats:
    """Services, networks, volumes, memory, CPU and requests of a daemon."""
    return told(await daemon_of(call).ask("GET", "daemon/stats"), Stats)


DAEMON = NativeProvider(operations)
