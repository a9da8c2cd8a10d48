"""Writes about networks: `networks.create`, `networks.delete`."""

from typing import Annotated, Literal

import msgspec
from msgspec import UNSET, Meta, UnsetType

from catalog.changes import Change
from catalog.errors import Conflict
from catalog.jsonvalue import Json
from catalog.operations import OperationSet
from catalog.provider import Call
from runtime.providers.daemons import daemon_of, find, request, segment, send, told
from runtime.providers.fields import ControllerId, Time
from runtime.providers.networks.reads import Which

operations = OperationSet("networks")

MANAGE = "networks.manage"


class Creation(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """A new network and its rules."""

    controller_id: ControllerId
    name: Annotated[str, Meta(min_length=1, max_length=256)]
    description: str | UnsetType = UNSET
    internal: Annotated[bool, Meta(description="Nobody outside comes in, nobody inside goes out.")] = False
    isolated: Annotated[bool, Meta(description="Its members do not reach each other.")] = False
    ingress: Annotated[
        list[str] | UnsetType, Meta(description="Networks that may come in; left out, whoever names it in `egress`.")
    ] = UNSET
    egress: Annotated[list[str], Meta(description="Networks that its members may go to, `*` for all.")] = []
    ingress_only: Annotated[bool, Meta(description="Its members go nowhere.")] = False
    audit_all: bool = False
    encryption: Literal["required", "optional"] = "optional"


class Made(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """The network that was created."""

    id: str
    name: str
    created_at: Time


class Deleted(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """The network that was."""

    id: str
    deleted_at: Time


@operations.write("create", permission=MANAGE, title="Create a network")
class CreateNetwork:
    """Create a network."""

    async def plan(self, params: Creation, call: Call) -> Change:
        """Nothing before, the network after.

        Raises Invalid INVALID_REQUEST, Conflict INVALID_STATE where there is one of that name.
        """
        body: dict[str, Json] = msgspec.to_builtins(params)
        del body["controller_id"]
        # Who only lists operations needs no daemon's state.
        from runtime.daemon.networks import read_network  # noqa: PLC0415

        read_network(body)
        if await find(f"networks/{segment(params.name)}", call) is not None:
            raise Conflict("INVALID_STATE", f"There is a network `{params.name}` already.")
        return Change(
            target_id=params.name,
            request=request("POST", "networks", body=body),
            after=body,
            precondition={"network": None},
            summary=f"Create network `{params.name}`.",
        )

    async def observe(self, change: Change, call: Call) -> Json:
        """Is there none of that name?"""
        present = await find(f"networks/{segment(change.target_id)}", call)
        return {"network": None if present is None else present["id"]}

    async def apply(self, change: Change, call: Call) -> Made:
        """Create it."""
        return told(await send(change, call), Made)


@operations.write("delete", permission=MANAGE, title="Delete a network")
class DeleteNetwork:
    """Delete a network that no service is in."""

    async def plan(self, params: Which, call: Call) -> Change:
        """The network before, nothing after. Raises NotFound NETWORK_NOT_FOUND."""
        before = await daemon_of(call).ask("GET", f"networks/{segment(params.network)}")
        return Change(
            target_id=before["id"],
            request=request("DELETE", f"networks/{segment(before['id'])}"),
            before=before,
            precondition={"network": before},
            summary=f"Delete network `{before['name']}`, in which are {len(before['services'])} services.",
        )

    async def observe(self, change: Change, call: Call) -> Json:
        """The network now."""
        return {"network": await find(f"networks/{segment(change.target_id)}", call)}

    async def apply(self, change: Change, call: Call) -> Deleted:
        """Delete it. Raises Conflict INVALID_STATE where services are in it."""
        return told(await send(change, call), Deleted)
