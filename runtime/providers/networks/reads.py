"""Networks of a daemon, looked at: who may reach whom."""

from typing import Annotated

import msgspec
from msgspec import Meta

from catalog.operations import OperationSet
from catalog.provider import Call
from runtime.providers.daemons import daemon_of, segment, told
from runtime.providers.fields import ControllerId, Time

operations = OperationSet("networks")

VIEW = "networks.view"


class Which(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """One network."""

    controller_id: ControllerId
    network: Annotated[str, Meta(description="The network's name or id.", min_length=1, max_length=256)]


class All(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """A daemon's networks."""

    controller_id: ControllerId


class Listed(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """A network in short."""

    id: str
    name: str
    internal: bool
    services: Annotated[list[str], Meta(description="Names of the services in it.")]
    created_at: Time


class NetworkList(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Networks, the oldest first."""

    networks: list[Listed]


class Member(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """A service in a network."""

    id: str
    name: str


class NetworkShown(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """A network with its rules and the services in it. `ingress` null: whoever names it in `egress` may come in."""

    id: str
    name: str
    description: str = ""
    internal: bool
    isolated: bool = False
    ingress: list[str] | None = None
    egress: list[str]
    ingress_only: bool = False
    audit_all: bool = False
    encryption: str = "optional"
    external: dict[str, list[str]] = {}
    external_tls: list[str] = []
    project: str | None = None
    services: list[Member]
    created_at: Time


@operations.read("list", permission=VIEW, title="List networks")
async def list_networks(_all: All, call: Call) -> NetworkList:
    """Networks of a daemon, the oldest first, each with the services in it."""
    return told(await daemon_of(call).ask("GET", "networks"), NetworkList)


@operations.read("get", permission=VIEW, title="Show a network")
async def get_network(which: Which, call: Call) -> NetworkShown:
    """A network with its rules and the services in it."""
    return told(await daemon_of(call).ask("GET", f"networks/{segment(which.network)}"), NetworkShown)
