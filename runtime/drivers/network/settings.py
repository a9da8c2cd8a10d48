"""Settings that the drivers of networks share."""

from typing import Annotated, Literal

import msgspec
from msgspec import Meta

from runtime.drivers.driver import Patience
from runtime.drivers.hosts import check_host

MIN_PASSWORD = 8
"""Characters that RFC 3414 asks of an SNMP v3 password."""


class Watching(Patience, frozen=True, kw_only=True):
    """Whether clients are devices, and how patient one is with those that are silent."""

    watch_clients: Annotated[
        bool, Meta(description="Make each client a device: `device.discovered`, `device.status.changed` tell of it.")
    ] = False
    offline_after: Annotated[
        int, Meta(ge=1, le=1000, description="Looks in a row that must miss a client before it counts as offline.")
    ] = 5


class NetlinkSettings(Watching, frozen=True, kw_only=True):
    """The driver `netlink`: this machine's own neighbour table."""

    namespace: Annotated[
        str,
        Meta(
            pattern=r"\A([A-Za-z0-9_][A-Za-z0-9._-]{0,62})?\Z",
            description="Network namespace to look in, as `ip netns` names it; empty: the server's own.",
        ),
    ] = ""
    interfaces: Annotated[
        list[Annotated[str, Meta(min_length=1, max_length=15)]],
        Meta(max_length=64, description="Only these interfaces; empty: all."),
    ] = msgspec.field(default_factory=list)
    seen_within_seconds: Annotated[
        float, Meta(gt=0, le=86_400, description="Who was heard of so recently is online.")
    ] = 900.0


class SnmpSettings(Watching, frozen=True, kw_only=True):
    """The driver `snmp`: a switch, router or access point that answers SNMP."""

    address: Annotated[str, Meta(min_length=1, max_length=253, description="Host name or IP address.")]
    port: Annotated[int, Meta(ge=1, le=65_535, description="UDP port.")] = 161
    auth: Annotated[
        Literal["sha-512", "sha-384", "sha-256", "sha-224", "sha", "md5"],
        Meta(description="SNMP v3: what `auth_password` signs with."),
    ] = "sha-256"
    priv: Annotated[
        Literal["aes-256", "aes-192", "aes", "des"], Meta(description="SNMP v3: what `priv_password` encrypts with.")
    ] = "aes"
    context: Annotated[str, Meta(max_length=255, description="SNMP v3: the context name, mostly empty.")] = ""
    watch_tables: Annotated[
        bool, Meta(description="Tell of VLANs and wireless networks that come, change and go: `network.vlan.*` …")
    ] = True

    def __post_init__(self) -> None:
        """Raises ValueError for an address that is no host."""
        check_host(self.address)


class SnmpCredentials(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Either a community (SNMP v2c) or a user (v3), who may have a password to sign with and one to encrypt with."""

    community: Annotated[str, Meta(max_length=255)] = ""
    username: Annotated[str, Meta(max_length=32)] = ""
    auth_password: Annotated[str, Meta(max_length=255)] = ""
    priv_password: Annotated[str, Meta(max_length=255)] = ""

    def __post_init__(self) -> None:
        """What SNMP itself asks of them. Raises ValueError, which never holds a value."""
        if bool(self.community) == bool(self.username):
            raise ValueError("either `community` (SNMP v2c) or `username` (v3) is needed")
        if (self.auth_password or self.priv_password) and not self.username:
            raise ValueError("passwords belong to a `username`")
        if self.priv_password and not self.auth_password:
            raise ValueError("`priv_password` needs an `auth_password`")
        if any(0 < len(each) < MIN_PASSWORD for each in (self.auth_password, self.priv_password)):
            raise ValueError(f"a password has at least {MIN_PASSWORD} characters (RFC 3414)")
