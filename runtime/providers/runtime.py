"""What happens at a services daemon, as events that fire Connections: its nine types under `runtime.`."""

from collections.abc import Mapping
from typing import Annotated, Literal

import msgspec
from msgspec import Meta

from catalog.events import EventSpec
from catalog.jsonvalue import Json
from catalog.schemas import output_schema_of
from runtime.providers.daemons.told import told
from runtime.providers.fields import Count, SiteId, SourceId
from runtime.providers.native import NativeProvider
from runtime.providers.services.shapes import Health

PREFIX = "runtime."

ServiceId = Annotated[str, Meta(description="The service's id.")]
Name = Annotated[str, Meta(description="Its name.")]
Replica = Annotated[str | None, Meta(description="The replica's id; null where it is no single one.")]
Reason = Annotated[str | None, Meta(description="Why, in words; null where it was asked for.")]


class _Happened(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Where and when it happened."""

    controller_id: SourceId
    site_id: SiteId
    event_id: Annotated[str, Meta(description="The daemon's own id of it.")]
    timestamp: Annotated[str, Meta(description="RFC 3339, UTC.")]


class Exit(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """How a replica's process ended."""

    code: int
    trap: str | None = None


class ServiceCreated(_Happened, frozen=True, kw_only=True):
    """A service was created."""

    service_id: ServiceId
    name: Name


class ServiceStarted(_Happened, frozen=True, kw_only=True):
    """A service's replica runs."""

    service_id: ServiceId
    name: Name
    instance: Replica = None


class ServiceStopped(_Happened, frozen=True, kw_only=True):
    """A service's replica has ended, by itself or as it was told to."""

    service_id: ServiceId
    name: Name
    instance: Replica = None
    reason: Reason = None
    exit: Exit | None = None


class ServiceFailed(_Happened, frozen=True, kw_only=True):
    """A service is not started again: its restarts are exhausted, or it cannot be started at all."""

    service_id: ServiceId
    name: Name
    instance: Replica = None
    reason: Reason = None
    exit: Exit | None = None
    restarts: Count = 0


class ServiceScaled(_Happened, frozen=True, kw_only=True):
    """A service is to have another number of replicas."""

    service_id: ServiceId
    name: Name
    previous_replicas: Count
    new_replicas: Count
    cause: Annotated[str, Meta(description="Who or what asked for it: `request`, `update`, or what was measured.")]


class HealthChanged(_Happened, frozen=True, kw_only=True):
    """A replica's health changed."""

    service_id: ServiceId
    name: Annotated[str | None, Meta(description="The service's name; null where it is gone.")] = None
    instance: Replica = None
    health: Health
    previous: Health


class NetworkCreated(_Happened, frozen=True, kw_only=True):
    """A network was created."""

    id: str
    name: Name


class VolumeCreated(_Happened, frozen=True, kw_only=True):
    """A volume was created."""

    id: str
    name: Name


class PolicyViolated(_Happened, frozen=True, kw_only=True):
    """Somebody tried what a policy denies; `count` says how often since the last word of it."""

    service_id: Annotated[str | None, Meta(description="The service that tried, or that was meant.")] = None
    policy: str
    rule: str
    source: Annotated[str, Meta(description="Who tried.")] = msgspec.field(name="from")
    to: Annotated[str, Meta(description="Whom it was about.")]
    reason: str
    mode: Annotated[Literal["enforce", "audit"], Meta(description="Was it refused, or only noted?")]
    count: Count = 1


PAYLOADS: Mapping[str, type[_Happened]] = {
    "service.created": ServiceCreated,
    "service.started": ServiceStarted,
    "service.stopped": ServiceStopped,
    "service.failed": ServiceFailed,
    "service.scaled": ServiceScaled,
    "health.changed": HealthChanged,
    "network.created": NetworkCreated,
    "volume.created": VolumeCreated,
    "policy.violated": PolicyViolated,
}
"""By the daemon's own type."""


def payload_of(
    kind: str,
    *,
    controller_id: str,
    site_id: str,
    event_id: str,
    timestamp: str,
    service_id: str | None,
    data: Mapping[str, Json],
) -> Json:
    """What the daemon tells of an event as the payload that the catalog describes, every field in it.

    Raises TargetFailed DAEMON_ANSWER for what does not fit.
    """
    happened = {
        **data,
        "controller_id": controller_id,
        "site_id": site_id,
        "event_id": event_id,
        "timestamp": timestamp,
        **({} if service_id is None else {"service_id": service_id}),
    }
    return msgspec.to_builtins(told(happened, PAYLOADS[kind]))


def _spec(kind: str, payload: type[_Happened]) -> EventSpec:
    """`payload_of` leaves nothing out, so every field is certain to be there."""
    described = EventSpec.of(f"{PREFIX}{kind}", payload)
    return msgspec.structs.replace(described, payload_schema=output_schema_of(payload))


RUNTIME = NativeProvider(events=tuple(_spec(kind, each) for kind, each in PAYLOADS.items()))
