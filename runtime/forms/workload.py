"""What a module's Fabrickfile and a service both say of how it is run. Durations are seconds, sizes bytes."""

from typing import Literal

import msgspec

ModuleType = Literal["command", "http", "tcp"]


class Resources(msgspec.Struct, frozen=True, kw_only=True):
    """What one replica may use: bytes and cores. None: the daemon's default, which caps and reserves nothing."""

    memory: int | None = None
    cpu: float | None = None


class HealthCheck(msgspec.Struct, frozen=True, kw_only=True):
    """How a replica's health is asked for. None: the daemon's [monitoring] default."""

    type: Literal["http", "tcp", "exec"]
    path: str = "/"
    method: Literal["GET", "POST", "HEAD"] = "GET"
    expected_status: int = 200
    port: int | None = None
    command: tuple[str, ...] = ()
    interval: float | None = None
    timeout: float | None = None
    retries: int | None = None
