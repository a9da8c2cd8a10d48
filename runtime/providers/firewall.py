"""Firewalls and gateways. The driver comes later."""

from typing import Annotated, Literal
from uuid import UUID

import msgspec
from msgspec import Meta

from catalog.events import EventSpec
from catalog.operations import OperationSet
from runtime.providers.fields import Limit, Moment, SiteId, SourceId
from runtime.providers.native import NativeProvider

Severity = Literal["low", "medium", "high", "critical"]


class AlertQuery(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Search the firewall's alerts."""

    controller_id: Annotated[UUID | msgspec.UnsetType, Meta(description="Only this controller's.")] = msgspec.UNSET
    query: Annotated[str, Meta(description="Words that must occur.", max_length=256)] = ""
    severity: Annotated[Severity | msgspec.UnsetType, Meta(description="Only this severity.")] = msgspec.UNSET
    since: Annotated[str | msgspec.UnsetType, Meta(description="Only later ones; RFC 3339.")] = msgspec.UNSET
    limit: Limit = 100


class Alert(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Something the firewall found worth telling."""

    id: str
    at: Moment
    severity: Severity
    signature: str
    source: str | None = None
    destination: str | None = None


class Alerts(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Alerts, the latest first; `total` counts all that match."""

    alerts: list[Alert]
    total: int


class GatewaySynced(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """A gateway finished a synchronisation."""

    controller_id: SourceId
    site_id: SiteId
    gateway_id: str
    gateway_name: str
    changed: Annotated[int, Meta(description="Records that differ from before.", ge=0)]
    finished_at: Moment


class GatewayBrainOffline(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """A gateway's controlling service went offline."""

    controller_id: SourceId
    site_id: SiteId
    gateway_id: str
    gateway_name: str
    last_seen: Moment
    reason: str | None = None


operations = OperationSet("firewall")
operations.declare("search_alerts", permission="firewall.view_logs", params=AlertQuery, output=Alerts)

EVENTS = (
    EventSpec.of("gateway.sync.completed", GatewaySynced, module="firewall", driver_missing=True),
    EventSpec.of("gateway.brain.offline", GatewayBrainOffline, module="firewall", driver_missing=True),
)

FIREWALL = NativeProvider(operations, events=EVENTS)
