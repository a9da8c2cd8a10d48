"""Networks: clients, VLANs, wireless networks. The driver comes later."""

from typing import Annotated
from uuid import UUID

import msgspec
from msgspec import Meta

from catalog.events import EventSpec
from catalog.operations import OperationSet
from runtime.providers.fields import Limit, Moment, SiteId, SourceId
from runtime.providers.native import NativeProvider


class ClientQuery(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """List the clients on the network."""

    controller_id: Annotated[UUID | msgspec.UnsetType, Meta(description="Only this controller's.")] = msgspec.UNSET
    site_id: Annotated[str | msgspec.UnsetType, Meta(description="Only this site's.")] = msgspec.UNSET
    limit: Limit = 100


class Client(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """A device on the network."""

    mac: str
    wired: bool
    last_seen: Moment
    address: str | None = None
    name: str | None = None
    vlan: int | None = None


class Clients(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Clients, the latest seen first; `truncated` says that there are more."""

    clients: list[Client]
    truncated: bool


class VlanChanged(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """A VLAN changed."""

    controller_id: SourceId
    site_id: SiteId
    vlan_id: Annotated[int, Meta(ge=1, le=4094)]
    name: str
    subnet: Annotated[str | None, Meta(description="In CIDR notation.")] = None
    actor_id: str | None = None


class WifiChanged(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """A wireless network changed."""

    controller_id: SourceId
    site_id: SiteId
    wifi_id: str
    ssid: str
    enabled: bool
    actor_id: str | None = None


operations = OperationSet("network")
operations.declare("client.list", permission="network.view", params=ClientQuery, output=Clients)

EVENTS = tuple(
    EventSpec.of(f"network.{kind}.{verb}", payload, title=f"{name} was {verb}", driver_missing=True)
    for kind, payload, name in (("vlan", VlanChanged, "A VLAN"), ("wifi", WifiChanged, "A wireless network"))
    for verb in ("created", "updated", "deleted")
)

NETWORK = NativeProvider(operations, events=EVENTS)
