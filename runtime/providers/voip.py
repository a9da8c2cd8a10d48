"""Telephones. The driver comes later."""

from typing import Annotated, Literal

import msgspec
from msgspec import Meta

from catalog.operations import OperationSet
from runtime.providers.fields import ControllerId, Moment
from runtime.providers.native import NativeProvider


class PhoneQuery(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Say what a telephone is doing now."""

    controller_id: ControllerId
    phone_id: Annotated[str, Meta(description="The telephone on its controller.", min_length=1, max_length=128)]


class PhoneStatus(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """A telephone's present state."""

    phone_id: str
    registered: bool
    state: Literal["idle", "ringing", "in_call", "offline"]
    extension: str | None = None
    since: Moment | None = None


operations = OperationSet("voip")
operations.declare("phone.live_status", permission="voip.view", params=PhoneQuery, output=PhoneStatus)

VOIP = NativeProvider(operations)
