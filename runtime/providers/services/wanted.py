"""A service as somebody wants it: the parameters of `services.create` and `services.update`, and what they send."""

from typing import Annotated, Literal

import msgspec
from msgspec import UNSET, Meta, UnsetType

from catalog.jsonvalue import Json
from runtime.providers.services.shapes import ModuleType, Port, VolumeUse

NEW = "******** (new)"
"""Stands in a difference for a secret that the change sets; what it was and will be is shown to nobody."""

Secret = Annotated[str, Meta(extra_json_schema={"x-fabric-secret": True})]
Duration = Annotated[str, Meta(description="Such as `10s`, `500ms`, `5m`.")]


class _Wanted(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """A part of a service; what is left out has the daemon's default, or stays."""


class ResourcesWanted(_Wanted, frozen=True, kw_only=True):
    """What one replica may use."""

    memory: Annotated[str | UnsetType, Meta(description="Such as `256Mi`.")] = UNSET
    cpu: Annotated[float | UnsetType, Meta(description="Cores.")] = UNSET


class ReplicasWanted(_Wanted, frozen=True, kw_only=True):
    """How many replicas, and from when on more."""

    min: int | UnsetType = UNSET
    max: int | UnsetType | None = UNSET
    cpu_threshold: Annotated[float | UnsetType | None, Meta(description="Percent of the CPU limit.")] = UNSET
    in_flight_threshold: Annotated[float | UnsetType | None, Meta(description="Requests a replica.")] = UNSET
    scale_up_cooldown: Duration | UnsetType | None = UNSET
    scale_down_cooldown: Duration | UnsetType | None = UNSET


class HealthWanted(_Wanted, frozen=True, kw_only=True):
    """How a replica's health is asked for."""

    type: Literal["http", "tcp", "exec"]
    path: str | UnsetType = UNSET
    method: Literal["GET", "POST", "HEAD"] | UnsetType = UNSET
    expected_status: int | UnsetType = UNSET
    port: int | UnsetType = UNSET
    command: list[str] | UnsetType = UNSET
    interval: Duration | UnsetType = UNSET
    timeout: Duration | UnsetType = UNSET
    retries: int | UnsetType = UNSET


class RestartWanted(_Wanted, frozen=True, kw_only=True):
    """What follows a replica's end."""

    policy: Literal["always", "on-failure", "never"]
    max_attempts: int | UnsetType | None = UNSET
    backoff: Duration | UnsetType = UNSET


class Fields(_Wanted, frozen=True, kw_only=True):
    """All of a service but its name and module. In an update, null removes what is there."""

    type: ModuleType | UnsetType | None = UNSET
    networks: list[str] | UnsetType | None = UNSET
    environment: dict[str, str | None] | UnsetType | None = UNSET
    secret_environment: Annotated[
        dict[str, Secret] | UnsetType, Meta(description="Variables whose values nobody is shown.")
    ] = UNSET
    args: list[str] | UnsetType | None = UNSET
    ports: list[Port] | UnsetType | None = UNSET
    volumes: list[VolumeUse] | UnsetType | None = UNSET
    files: dict[str, str] | UnsetType | None = UNSET
    resources: ResourcesWanted | UnsetType | None = UNSET
    replicas: ReplicasWanted | UnsetType | None = UNSET
    health_check: HealthWanted | UnsetType | None = UNSET
    restart_policy: RestartWanted | UnsetType | None = UNSET
    labels: dict[str, str | None] | UnsetType | None = UNSET
    depends_on: list[str] | UnsetType | None = UNSET
    no_capabilities: bool | UnsetType = UNSET
    egress_locked: bool | UnsetType = UNSET


class Sent(msgspec.Struct, frozen=True, kw_only=True):
    """A body for the daemon, the same as people may see it, and pointers to what they may not."""

    body: dict[str, Json]
    visible: dict[str, Json]
    hidden: tuple[str, ...]


def sent(params: Fields, *leaving: str, secrets: tuple[str, ...] = ()) -> Sent:
    """What these parameters send, but for `leaving`; `secrets` are variables that are secret already."""
    body: dict[str, Json] = msgspec.to_builtins(params)
    for name in leaving:
        body.pop(name, None)
    fresh: dict[str, Json] = body.pop("secret_environment", {})
    visible = dict(body)
    if fresh:
        plain = dict(body.get("environment") or {})
        gone = {name for name, value in plain.items() if value is None}
        names = sorted((set(secrets) | set(fresh)) - gone)
        body |= {"environment": {**plain, **fresh}, "secrets": names}
        visible |= {"environment": {**plain, **dict.fromkeys(fresh, NEW)}, "secrets": names}
    hidden = tuple(f"/body/environment/{name.replace('~', '~0').replace('/', '~1')}" for name in fresh)
    return Sent(body=body, visible=visible, hidden=hidden)
