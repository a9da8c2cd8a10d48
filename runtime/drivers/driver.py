"""Driver: one kind of controller, declared. Peer: a controller that a driver has opened. What both tell."""

from collections.abc import Mapping, Sequence
from typing import Annotated, Protocol

import msgspec
from msgspec import UNSET, Meta, UnsetType

from catalog.jsonvalue import Json
from runtime.drivers.link import Link


class Driver(msgspec.Struct, frozen=True, kw_only=True):
    """One kind of controller. Pure data: listing drivers loads no client library.

    `settings` and `credentials` are the structs that a controller's own must fit; `credentials` has text fields alone.
    `code` is `package.module:Class`, whose instances are Peers made of a Link. `extra` is what
    `pip install "fabricksd[EXTRA]"` brings, and `needs` are the packages that it consists of as they are imported.
    `devices` says that its controllers manage devices; they are looked at every `poll_seconds`, unless the controller's
    own setting of that name says otherwise.
    """

    name: str
    module: str
    title: str
    settings: type[msgspec.Struct]
    credentials: type[msgspec.Struct]
    code: str
    extra: str | None = None
    needs: tuple[str, ...] = ()
    devices: bool = False
    poll_seconds: float = 60.0


class Patience(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """What every driver's settings have: how long one call may take, and how often the controller is looked at."""

    timeout_seconds: Annotated[float, Meta(gt=0, le=120, description="Seconds that one call may take.")] = 10.0
    poll_seconds: Annotated[
        Annotated[float, Meta(ge=0, le=604_800)] | UnsetType,
        Meta(description="Seconds between two looks at its devices; 0: never."),
    ] = UNSET


class NoCredentials(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """For a driver that needs none."""


class Check(msgspec.Struct, frozen=True, kw_only=True):
    """One thing that `fabric controllers test` tried: `name` such as `connect`, `sign in`, `list machines`."""

    name: str
    ok: bool
    detail: str = ""
    code: str = ""
    hint: str | None = None


class Device(msgspec.Struct, frozen=True, kw_only=True):
    """A device as a controller tells of it now.

    `device_id` is unique on its controller and the same as long as the device is the same one. `facts` is its record
    (address, model, firmware …): a difference in it is `device.updated`, so nothing belongs here that moves by itself.
    `reason` says in words why it is offline, where the controller knows.
    """

    device_id: str
    name: str
    kind: str
    online: bool
    facts: Mapping[str, Json] = {}
    reason: str | None = None


class Peer(Protocol):
    """A controller, opened by its driver for one call. Every method ends within the link's seconds."""

    def __init__(self, link: Link) -> None: ...

    async def check(self) -> Sequence[Check]:
        """Really connect and say what works: what failed is a Check that is not ok, never an error."""
        ...

    async def devices(self) -> Sequence[Device]:
        """What it manages, as it is now; empty for a controller that has no devices. Raises FabricError TARGET_*."""
        ...
