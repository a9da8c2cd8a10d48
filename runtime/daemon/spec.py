"""ServiceSpec: a service as its owner wants it, in one form whatever text it came from.

Field names and the shapes that `api/daemon` prints are those of the seed's request body; durations are seconds, sizes
bytes. `reading.py` takes the API's JSON and mortar's TOML alike (spec: runtime.md 6, 26).
"""

from collections.abc import Mapping
from typing import Literal

import msgspec

from runtime.forms.workload import HealthCheck, ModuleType, Resources


class Port(msgspec.Struct, frozen=True, kw_only=True):
    """The daemon listens on `host` for what the service answers on `container`."""

    host: int
    container: int


class VolumeUse(msgspec.Struct, frozen=True, kw_only=True):
    """A volume, by name or id, as the guest sees it at `target`."""

    source: str
    target: str
    read_only: bool = False


class Replicas(msgspec.Struct, frozen=True, kw_only=True):
    """Bounds of the scaler. Without `max`, or with max = min, the count stays what it was set to.

    `cpu_threshold` is percent of the CPU limit; `in_flight_threshold` requests under way a replica.
    """

    min: int = 1
    max: int | None = None
    cpu_threshold: float | None = None
    in_flight_threshold: float | None = None
    scale_up_cooldown: float | None = None
    scale_down_cooldown: float | None = None


class RestartPolicy(msgspec.Struct, frozen=True, kw_only=True):
    """What follows a replica's end. `max_attempts` None: without end; `backoff` is the first pause in seconds."""

    policy: Literal["always", "on-failure", "never"]
    max_attempts: int | None = None
    backoff: float = 1.0


class ServiceSpec(msgspec.Struct, frozen=True, kw_only=True):
    """A service as wanted. `type` None: what its module says. `project` is the mortar project it belongs to."""

    name: str
    image: str
    type: ModuleType | None = None
    networks: tuple[str, ...] = ()
    environment: Mapping[str, str] = {}
    secrets: tuple[str, ...] = ()
    """Names of `environment` whose values are secret: never shown, logged or sent in an event."""
    args: tuple[str, ...] = ()
    ports: tuple[Port, ...] = ()
    volumes: tuple[VolumeUse, ...] = ()
    files: Mapping[str, str] = {}
    resources: Resources = Resources()
    replicas: Replicas = Replicas()
    health_check: HealthCheck | None = None
    restart_policy: RestartPolicy | None = None
    labels: Mapping[str, str] = {}
    depends_on: tuple[str, ...] = ()
    no_capabilities: bool = False
    egress_locked: bool = False
    project: str | None = None


class NetworkSpec(msgspec.Struct, frozen=True, kw_only=True):
    """A network as wanted (runtime.md 1.1 and 6, 13). `ingress` None: whoever has it in his egress list may come in.

    `ingress` and `egress` hold network names, `*`, CIDRs, `external:NAME`.
    """

    name: str
    description: str = ""
    internal: bool = False
    isolated: bool = False
    ingress: tuple[str, ...] | None = None
    egress: tuple[str, ...] = ()
    ingress_only: bool = False
    audit_all: bool = False
    encryption: Literal["required", "optional"] = "optional"
    external: Mapping[str, tuple[str, ...]] = {}
    """The project's [external_hosts] that `external:NAME` speaks of: name to `host:port`s."""
    external_tls: tuple[str, ...] = ()
    """Those of `external` that https alone may go to."""
    project: str | None = None


class Backup(msgspec.Struct, frozen=True, kw_only=True):
    """When a volume is copied (cron) and for how many seconds copies are kept."""

    enabled: bool = False
    schedule: str = "0 3 * * *"
    retention: float = 30 * 86400.0
    destination: str | None = None


class VolumeSpec(msgspec.Struct, frozen=True, kw_only=True):
    """A volume as wanted; `size` in bytes is its quota."""

    name: str
    size: int
    type: Literal["persistent", "ephemeral"] = "persistent"
    access_mode: Literal["read-write-once", "read-only-many", "read-write-many"] = "read-write-once"
    storage_class: str | None = None
    encrypted: bool = False
    backup: Backup = Backup()
    project: str | None = None
