"""Networks: who is on them, and the events of VLANs and wireless networks."""

from collections.abc import Sequence
from typing import Annotated

import msgspec
from msgspec import Meta

from catalog.events import EventSpec
from catalog.operations import OperationSet
from catalog.provider import Call
from runtime.clock import rfc3339
from runtime.drivers.network import face
from runtime.drivers.network.face import network_of
from runtime.providers.fields import ControllerId, Limit, SiteId, SourceId
from runtime.providers.native import NativeProvider


class ClientQuery(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Whose clients."""

    controller_id: ControllerId
    online_only: Annotated[bool, Meta(description="Leave out those that are silent.")] = False
    limit: Limit = 100


class Client(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """A device on the network."""

    mac: str
    online: Annotated[bool, Meta(description="As good as the controller's tables can tell.")]
    addresses: Annotated[list[str], Meta(description="Its IP addresses, IPv4 first; at most 16.")]
    address: Annotated[str | None, Meta(description="The first of them.")] = None
    name: str | None = None
    interface: Annotated[str | None, Meta(description="The controller's interface or port it was heard on.")] = None
    vlan: int | None = None
    wired: Annotated[bool | None, Meta(description="Heard on a wired port; null where that is not known.")] = None
    last_seen: Annotated[str | None, Meta(description="RFC 3339, UTC; null where that is not known.")] = None


class Clients(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Clients, those online first, of these the latest seen; `truncated`: there are more than were asked for."""

    clients: list[Client]
    total: Annotated[int, Meta(description="How many there are, whatever the limit.", ge=0)]
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


MAX_ANSWER = 240 * 1024
"""Octets of JSON: a step's output is refused above 256 KiB."""

operations = OperationSet("network")


@operations.read("client.list", permission="network.view", title="List the clients on the network")
async def list_clients(query: ClientQuery, call: Call) -> Clients:
    """Say who is on a network, as its controller's tables tell it."""
    found = [each for each in await network_of(call).clients() if each.online or not query.online_only]
    found.sort(key=lambda each: (not each.online, -(each.seen or 0), each.mac))
    clients = fitting(found, query.limit)
    return Clients(clients=clients, total=len(found), truncated=len(found) > len(clients))


def fitting(found: Sequence[face.Client], limit: int) -> list[Client]:
    """The first of them, as many as are wanted and fit into an answer."""
    clients: list[Client] = []
    size = 0
    for each in found[:limit]:
        client = _told(each)
        size += len(msgspec.json.encode(client))
        if size > MAX_ANSWER:
            break
        clients.append(client)
    return clients


def _told(client: face.Client) -> Client:
    return Client(
        mac=client.mac,
        online=client.online,
        addresses=list(client.addresses),
        address=client.addresses[0] if client.addresses else None,
        name=client.name,
        interface=client.interface,
        vlan=client.vlan,
        wired=client.wired,
        last_seen=None if client.seen is None else rfc3339(int(client.seen) * 1_000_000_000),
    )


EVENTS = tuple(
    EventSpec.of(f"network.{kind}.{verb}", payload, title=f"{name} was {verb}")
    for kind, payload, name in (("vlan", VlanChanged, "A VLAN"), ("wifi", WifiChanged, "A wireless network"))
    for verb in ("created", "updated", "deleted")
)

NETWORK = NativeProvider(operations, events=EVENTS)
