"""Settings and credentials of the drivers of hypervisors."""

import re
from typing import Annotated

import msgspec
from msgspec import Meta

from runtime.drivers.driver import Patience
from runtime.drivers.hypervisor.place import place_of

_HOST_KEY = re.compile(r"[a-z0-9@.-]{1,64} [A-Za-z0-9+/=]{16,4096}\Z")
_Path = Annotated[str, Meta(max_length=255)]


class LibvirtSettings(Patience, frozen=True, kw_only=True):
    """The driver `libvirt`: QEMU/KVM machines of this or another machine, or libvirt's own test driver."""

    uri: Annotated[
        str,
        Meta(
            description="`qemu:///system`, `qemu:///session`, `qemu+ssh://user@host/system`, `qemu+tls://host/system`, "
            "`qemu+tcp://host/system`, or `test:///default` to try it without machines. No `?parameters`.",
            min_length=1,
            max_length=512,
        ),
    ] = "qemu:///system"
    socket: Annotated[
        _Path, Meta(description="libvirt's Unix socket at the host, where it is not at its usual place.")
    ] = ""
    ca_file: Annotated[
        _Path, Meta(description="For `qemu+tls`: a PEM file with the authority of the host's certificate.")
    ] = ""
    host_key: Annotated[
        str, Meta(description="For `qemu+ssh`: the host's public key, such as `ssh-ed25519 AAAA…`.", max_length=4200)
    ] = ""
    timeout_seconds: Annotated[
        float,
        Meta(gt=0, le=120, description="Seconds that one call may take; to start a machine takes some."),
    ] = 30.0
    snapshot_seconds: Annotated[
        float, Meta(gt=0, le=600, description="Seconds that a snapshot may take; with memory it writes all of it.")
    ] = 300.0

    def __post_init__(self) -> None:
        """Refuse what leads nowhere, or further than one should go."""
        place = place_of(self.uri)
        for name in ("socket", "ca_file"):
            path = getattr(self, name)
            if path and (not path.startswith("/") or not path.isprintable()):
                raise ValueError(f"`{name}` is not an absolute path")
        if self.socket and place.transport not in ("local", "ssh"):
            raise ValueError("`socket` is for machines reached by a local socket or by ssh")
        if self.ca_file and place.transport != "tls":
            raise ValueError("`ca_file` is for `qemu+tls`")
        if place.transport == "ssh" and not self.host_key:
            raise ValueError("`qemu+ssh` needs `host_key`, a line of `ssh-keyscan` without the host's name")
        if self.host_key and place.transport != "ssh":
            raise ValueError("`host_key` is for `qemu+ssh`")
        if self.host_key and not _HOST_KEY.match(self.host_key):
            raise ValueError("`host_key` is not a public key as `ssh-keyscan` prints it, without the host's name")


class LibvirtCredentials(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """For a host that asks who one is. All texts; empty: not given."""

    username: Annotated[str, Meta(description="For SASL.", max_length=256)] = ""
    password: Annotated[str, Meta(description="For SASL.", max_length=1024)] = ""
    private_key: Annotated[str, Meta(description="For `qemu+ssh`: the private key itself.", max_length=16_384)] = ""
    client_certificate: Annotated[str, Meta(description="For `qemu+tls`: PEM.", max_length=16_384)] = ""
    client_key: Annotated[str, Meta(description="For `qemu+tls`: PEM.", max_length=16_384)] = ""
