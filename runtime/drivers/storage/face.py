"""Storage: what every storage driver can do, whatever it speaks."""

from collections.abc import Sequence
from typing import Annotated, Literal, Protocol, cast

import msgspec
from msgspec import Meta

from catalog.jsonvalue import Json
from catalog.provider import Call
from runtime.drivers.driver import Peer
from runtime.drivers.opening import peer_of

Size = Annotated[int, Meta(ge=0)]
PoolState = Literal["ok", "read_only", "errors", "degraded"]


class Pool(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """A mounted file system or a bucket: its room and its state."""

    pool: Annotated[str, Meta(description="The mount point, or the bucket's name.")]
    device: Annotated[str | None, Meta(description="What is mounted there.")] = None
    filesystem: str | None = None
    capacity_bytes: Annotated[Size | None, Meta(description="Null where no bound is known.")] = None
    used_bytes: Size
    at_least: Annotated[bool, Meta(description="There is more than was counted: `used_bytes` is a lower bound.")] = (
        False
    )
    free_bytes: Annotated[Size | None, Meta(description="Bytes that the server may still use.")] = None
    used_percent: Annotated[float, Meta(ge=0, le=100)] | None = None
    read_only: bool = False
    errors: Annotated[Size | None, Meta(description="Errors it counted; null where it keeps no count.")] = None
    failed_disks: Annotated[int, Meta(ge=0)] = 0
    state: PoolState = "ok"


class Condition(msgspec.Struct, frozen=True, kw_only=True):
    """How a storage is. The first pool is the one that blobs are stored in."""

    writable: bool
    pools: tuple[Pool, ...]


class Blob(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """One stored thing."""

    path: str
    size: Annotated[int, Meta(ge=0, description="Bytes.")]
    changed: Annotated[str, Meta(description="RFC 3339, UTC.")]
    sha256: Annotated[str | None, Meta(description="Null where telling it would mean reading much.")] = None


class Storage(Peer, Protocol):
    """A storage, opened. Paths are relative ones that `check_path` takes."""

    async def condition(self) -> Condition:
        """Room and state. Raises FabricError TARGET_*, STORAGE_DIRECTORY."""
        ...

    async def blobs(self, prefix: str, after: str, limit: int) -> Sequence[Blob]:
        """At most `limit` whose paths begin with `prefix` and come after `after` ("": from the first).

        In the order of their paths' UTF-8 bytes. Raises FabricError TARGET_*, STORAGE_*.
        """
        ...

    async def look(self, path: str) -> Json:
        """What stands at `path`: `{kind}` of absent, file (with size and sha256, or what else tells it from another).

        Raises Invalid PATH_INVALID; FabricError TARGET_*, STORAGE_*.
        """
        ...

    async def write(self, path: str, content: bytes, media_type: str, key: str, before: Json) -> None:
        """Put `content` at `path` whole, if there still stands what `before` says; `key` is the same at every repeat.

        Raises Conflict TARGET_MOVED; TargetTimeout where it is not known whether it was written; what `look` raises.
        """
        ...


def storage_of(call: Call) -> Storage:
    """The call's target. Raises Invalid DRIVER_UNFIT and what `opening.peer_of` raises."""
    return cast(Storage, peer_of(call, "storage"))
