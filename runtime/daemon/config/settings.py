"""DaemonConfig: every setting with its meaning, its bounds and its default. Durations are seconds, sizes bytes.

samples/fabricksd/config.toml is printed from these lines. A setting marked hot takes effect on reload; the others are
named there with "(restart required)".
"""

from pathlib import Path
from typing import Annotated, Literal

import msgspec
from msgspec import Meta

HOT = {"hot": True}
SECRET_HOT = {"hot": True, "secret": True}
DURATION = {"kind": "duration"}
HOT_DURATION = {"kind": "duration", "hot": True}
SIZE = {"kind": "size"}
HOT_SIZE = {"kind": "size", "hot": True}


class DaemonSection(msgspec.Struct, frozen=True, kw_only=True):
    """[daemon]"""

    socket: Annotated[Path, Meta(description="Unix socket path")]
    pid_file: Annotated[Path, Meta(description="PID file; unset: beside the socket")]
    log_level: Annotated[
        Literal["trace", "debug", "info", "warn", "error"],
        Meta(description="Log level: trace, debug, info, warn, error", extra=HOT),
    ] = "info"
    log_output: Annotated[
        Literal["stdout", "stderr", "file", "syslog"], Meta(description="Log output: stdout, stderr, file, syslog")
    ] = "stdout"
    log_file: Annotated[Path, Meta(description='Log file (if log_output = "file")')]
    data_dir: Annotated[Path, Meta(description="Data directory")]


class ApiSection(msgspec.Struct, frozen=True, kw_only=True):
    """[api]"""

    version: Annotated[Literal["v1"], Meta(description="API version")] = "v1"
    auth_enabled: Annotated[bool, Meta(description="Enable authentication", extra=HOT)] = False
    api_key: Annotated[
        str | None,
        Meta(description="API key (if auth_enabled = true), besides those of `fabricksd api-key`", extra=SECRET_HOT),
    ] = None
    timeout: Annotated[float, Meta(gt=0, description="Request timeout", extra=DURATION)] = 30.0
    max_body_size: Annotated[int, Meta(ge=1024, description="Max request body size", extra=SIZE)] = 10_000_000
    listen: Annotated[
        str | None,
        Meta(
            description="Address of the API over TCP besides the socket, as host:port; use it with authentication only",
            pattern=r"^(\[[0-9A-Fa-f:.]+\]|[^:\s]+):[0-9]{1,5}$",
        ),
    ] = None

    def __repr__(self) -> str:
        return f"ApiSection(listen={self.listen!r}, …)"


class RuntimeSection(msgspec.Struct, frozen=True, kw_only=True):
    """[runtime]"""

    default_engine: Annotated[
        Literal["wasmtime", "wasmer"], Meta(description="Default WASM runtime: wasmtime | wasmer")
    ] = "wasmtime"
    engine_flags: Annotated[tuple[str, ...], Meta(description="Runtime flags")] = (
        "--opt-level=2",
        "--cranelift-opt-level=speed",
    )
    max_parallel_builds: Annotated[int, Meta(ge=1, le=64, description="Max parallel builds")] = 4
    build_cache_dir: Annotated[Path, Meta(description="Build cache directory")]


class ResourcesSection(msgspec.Struct, frozen=True, kw_only=True):
    """[resources]"""

    max_memory_total: Annotated[
        int, Meta(gt=0, description="Memory that services may ask for together", extra=HOT_SIZE)
    ] = 8 * 1024**3
    max_cpu_total: Annotated[float, Meta(gt=0, description="Cores that services may ask for together", extra=HOT)] = 8.0
    default_memory_limit: Annotated[
        int, Meta(ge=65536, description="Memory of a replica that does not say", extra=SIZE)
    ] = 512 * 1024**2
    default_cpu_limit: Annotated[float, Meta(gt=0, description="Cores of a replica that does not say")] = 1.0
    max_services: Annotated[int, Meta(ge=1, description="Maximum services", extra=HOT)] = 100
    max_replicas_per_service: Annotated[int, Meta(ge=1, description="Maximum replicas per service", extra=HOT)] = 20


class MonitoringSection(msgspec.Struct, frozen=True, kw_only=True):
    """[monitoring]"""

    health_check_interval: Annotated[float, Meta(ge=0.1, description="Health check interval", extra=HOT_DURATION)] = 5.0
    health_check_timeout: Annotated[float, Meta(gt=0, description="Health check timeout", extra=HOT_DURATION)] = 3.0
    metrics_interval: Annotated[float, Meta(ge=0.1, description="Metrics collection interval", extra=HOT_DURATION)] = (
        10.0
    )
    metrics_retention: Annotated[float, Meta(gt=0, description="Metrics retention", extra=HOT_DURATION)] = 86400.0
    prometheus_enabled: Annotated[bool, Meta(description="Enable Prometheus endpoint")] = True
    prometheus_port: Annotated[int, Meta(ge=1, le=65535, description="Port of it, on 127.0.0.1")] = 9090


class ScalingSection(msgspec.Struct, frozen=True, kw_only=True):
    """[scaling]"""

    evaluation_interval: Annotated[
        float, Meta(ge=0.1, description="Auto-scaling evaluation interval", extra=HOT_DURATION)
    ] = 30.0
    scale_up_cooldown: Annotated[
        float, Meta(ge=0, description="Cooldown period after scaling up", extra=HOT_DURATION)
    ] = 60.0
    scale_down_cooldown: Annotated[
        float, Meta(ge=0, description="Cooldown period after scaling down", extra=HOT_DURATION)
    ] = 300.0
    default_cpu_threshold: Annotated[
        float, Meta(gt=0, le=100, description="CPU threshold, in percent of the limit", extra=HOT)
    ] = 70.0
    cpu_stabilization_window: Annotated[
        float, Meta(ge=0, description="How long fewer replicas must have been enough", extra=HOT_DURATION)
    ] = 120.0


class NetworkingSection(msgspec.Struct, frozen=True, kw_only=True):
    """[networking]"""

    default_driver: Annotated[Literal["bridge", "host"], Meta(description="Network driver: bridge | host")] = "bridge"
    dns_server: Annotated[
        str, Meta(description="DNS server", pattern=r"^([0-9]{1,3}(\.[0-9]{1,3}){3}|[0-9A-Fa-f:.]*:[0-9A-Fa-f:.]*)$")
    ] = "8.8.8.8"
    enable_ipv6: Annotated[bool, Meta(description="Enable IPv6")] = False


class StorageSection(msgspec.Struct, frozen=True, kw_only=True):
    """[storage]"""

    default_volume_driver: Annotated[Literal["local", "nfs"], Meta(description="Volume driver: local | nfs")] = "local"
    volume_base_path: Annotated[Path, Meta(description="Volume base path; unset: in another data_dir, there")]
    volume_encryption: Annotated[
        bool, Meta(description="Encrypt every new volume at rest; needs FABRICKS_VOLUME_KEY")
    ] = False


class SecuritySection(msgspec.Struct, frozen=True, kw_only=True):
    """[security]"""

    default_user: Annotated[str, Meta(description="Run services as specific user")] = "fabricks"
    enable_seccomp: Annotated[bool, Meta(description="Enable seccomp")] = True
    enable_mandatory_access_control: Annotated[bool, Meta(description="Enable AppArmor/SELinux")] = True
    deny_network_by_default: Annotated[bool, Meta(description="Deny network by default")] = False


class PolicySection(msgspec.Struct, frozen=True, kw_only=True):
    """[policy]"""

    mode: Annotated[
        Literal["enforce", "audit", "disabled"],
        Meta(description="Policy enforcement mode: enforce | audit | disabled", extra=HOT),
    ] = "enforce"
    policy_dir: Annotated[Path, Meta(description="Policy files directory", extra=HOT)]


class EventsSection(msgspec.Struct, frozen=True, kw_only=True):
    """[events]"""

    buffer_size: Annotated[int, Meta(ge=1, le=1_000_000, description="Event buffer size", extra=HOT)] = 1000
    retention: Annotated[float, Meta(gt=0, description="Event retention", extra=HOT_DURATION)] = 3600.0
    persist_events: Annotated[bool, Meta(description="Enable event persistence", extra=HOT)] = False


class DaemonConfig(msgspec.Struct, frozen=True, kw_only=True):
    """All of it. `volume_key` (32 bytes) comes from FABRICKS_VOLUME_KEY alone, never from a file."""

    daemon: DaemonSection
    api: ApiSection
    runtime: RuntimeSection
    resources: ResourcesSection
    monitoring: MonitoringSection
    scaling: ScalingSection
    networking: NetworkingSection
    storage: StorageSection
    security: SecuritySection
    policy: PolicySection
    events: EventsSection
    volume_key: bytes | None = None

    def __repr__(self) -> str:
        return f"DaemonConfig(socket={str(self.daemon.socket)!r}, data_dir={str(self.daemon.data_dir)!r}, …)"
