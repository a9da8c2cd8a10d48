"""What a services daemon's controller is told."""

from pathlib import PurePosixPath
from typing import Annotated

import msgspec
from msgspec import UNSET, Meta, UnsetType

from runtime.drivers.driver import Patience


class DaemonSettings(Patience, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Where the daemon is: `socket` or `address`, one of them."""

    socket: Annotated[
        Annotated[str, Meta(min_length=2, max_length=107)] | UnsetType,
        Meta(description="Path of its Unix socket on this machine, such as `/run/fabricks/fabricks.sock`."),
    ] = UNSET
    address: Annotated[
        Annotated[str, Meta(pattern="^https?://", max_length=2048)] | UnsetType,
        Meta(description="URL of its API on another machine; takes the credential `api_key`."),
    ] = UNSET

    def __post_init__(self) -> None:
        """Refuse what names no place or two."""
        if (self.socket is UNSET) == (self.address is UNSET):
            raise ValueError("give one of `socket` and `address`")
        if isinstance(self.socket, str) and (not PurePosixPath(self.socket).is_absolute() or "\0" in self.socket):
            raise ValueError("`socket` is no absolute path")


class DaemonCredentials(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """How it knows us."""

    api_key: Annotated[
        Annotated[str, Meta(pattern=r"^[\x20-\x7e]{1,512}$")] | UnsetType,
        Meta(description="A key of that daemon's; needed with `address`."),
    ] = UNSET
