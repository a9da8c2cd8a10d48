"""Volume: a directory with a size that services share. Copy: a backup of it. MountPoint: where a service has it."""

import msgspec

from runtime.daemon.spec import VolumeSpec


class Copy(msgspec.Struct, frozen=True, kw_only=True):
    """One backup: the file at `path`, its length and its SHA-256. Times are nanoseconds since 1970."""

    name: str
    path: str
    created_at_ns: int
    bytes: int
    sha256: str
    encrypted: bool


class Volume(msgspec.Struct, frozen=True, kw_only=True):
    """A volume that exists, as the state keeps it.

    `generation` names the content on the disk: a new content is made beside the old one and becomes the volume's when
    this record is written. `sealed`: the content is an encrypted archive, and no plain file of it is there.
    """

    id: str
    spec: VolumeSpec
    created_at_ns: int
    generation: int = 1
    sealed: bool = False
    used: int = 0
    """Bytes, as last measured before this record was written."""
    copies: tuple[Copy, ...] = ()
    deleting: bool = False
    """Its deletion has begun and will be gone through with."""

    @property
    def last_backup_ns(self) -> int | None:
        """When the newest backup was made."""
        return max((each.created_at_ns for each in self.copies), default=None)


class MountPoint(msgspec.Struct, frozen=True, kw_only=True):
    """A service that has a volume at `target`."""

    service_id: str
    target: str
    writable: bool
