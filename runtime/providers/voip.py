"""Telephones: what one is doing now."""

from typing import Annotated

import msgspec
from msgspec import Meta

from catalog.operations import OperationSet
from catalog.provider import Call
from runtime.clock import rfc3339
from runtime.drivers.voip.face import State, telephony_of
from runtime.drivers.voip.phone_ids import user_of
from runtime.drivers.voip.settings import PhoneId
from runtime.providers.fields import ControllerId
from runtime.providers.native import NativeProvider

operations = OperationSet("voip")


class PhoneQuery(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Which telephone."""

    controller_id: ControllerId
    phone_id: PhoneId


class PhoneStatus(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """A telephone's present state."""

    phone_id: str
    registered: Annotated[bool, Meta(description="It can be called.")]
    state: Annotated[State, Meta(description="`ringing`: a call to it or from it is being set up.")]
    calls_known: Annotated[
        bool, Meta(description="False: the controller does not follow calls; `idle` then means that it can be called.")
    ]
    extension: Annotated[str | None, Meta(description="The part of its id before the host.")] = None
    since: Annotated[str | None, Meta(description="RFC 3339, UTC: since when it rings or is in a call.")] = None
    address: Annotated[str | None, Meta(description="The host it registered from, where that is known.")] = None
    agent: Annotated[str | None, Meta(description="What it calls itself: make and version.")] = None


@operations.read("phone.live_status", permission="voip.view", title="Say what a telephone is doing now")
async def live_status(query: PhoneQuery, call: Call) -> PhoneStatus:
    """Ask whether a telephone is registered, rings or is in a call."""
    phone = await telephony_of(call).phone(query.phone_id)
    return PhoneStatus(
        phone_id=phone.phone_id,
        registered=phone.registered,
        state=phone.state,
        calls_known=phone.calls_known,
        extension=user_of(phone.phone_id),
        since=None if phone.since is None else rfc3339(int(phone.since) * 1_000_000_000),
        address=phone.address or None,
        agent=phone.agent or None,
    )


VOIP = NativeProvider(operations)
