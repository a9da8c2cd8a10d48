"""Firewalls and gateways: their alerts, and what runtime.pollers.gateways tells of them."""

from typing import Annotated

import msgspec
from msgspec import Meta

from catalog.events import EventSpec
from runtime.providers.fields import Moment, SiteId, SourceId
from runtime.providers.firewall import search_alerts
from runtime.providers.native import NativeProvider


class GatewaySynced(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """What a gateway logged while nobody read it has been read."""

    controller_id: SourceId
    site_id: SiteId
    gateway_id: str
    gateway_name: str
    changed: Annotated[int, Meta(description="Alerts that have come meanwhile.", ge=0)]
    finished_at: Moment


class GatewayBrainOffline(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """A gateway's controlling service went offline."""

    controller_id: SourceId
    site_id: SiteId
    gateway_id: str
    gateway_name: str
    last_seen: Moment
    reason: str | None = None


EVENTS = (
    EventSpec.of("gateway.sync.completed", GatewaySynced, module="firewall"),
    EventSpec.of("gateway.brain.offline", GatewayBrainOffline, module="firewall"),
)

FIREWALL = NativeProvider(search_alerts.operations, events=EVENTS)
