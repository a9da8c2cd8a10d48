"""Which machine an operation is about."""

from typing import Annotated

import msgspec
from msgspec import Meta

from runtime.providers.fields import ControllerId

VmId = Annotated[int, Meta(ge=1, le=2**31 - 1)] | Annotated[str, Meta(min_length=1, max_length=128)]


class Which(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """A virtual machine on its controller."""

    controller_id: ControllerId
    vm_id: Annotated[VmId, Meta(description="The machine's UUID, name or number on its controller.")]
