"""Settings and credentials of the drivers of telephones."""

from typing import Annotated, Literal

import msgspec
from msgspec import Meta

from catalog.errors import Invalid
from catalog.urls import parse_url
from runtime.drivers.driver import Patience
from runtime.drivers.hosts import check_host

Text = Annotated[str, Meta(min_length=1, max_length=253)]
USER = r"[A-Za-z0-9_.!~*'()&=+$,;?/%#-]+"
HOST = r"([A-Za-z0-9_.-]+|\[[0-9A-Fa-f:.]+\])"
PhoneId = Annotated[
    str,
    Meta(min_length=1, max_length=128, pattern=rf"^(sips?:)?{USER}(@{HOST})?$", description="`bob`, `bob@pbx.lan`."),
]


class KamailioSettings(Patience, frozen=True, kw_only=True):
    """The driver `kamailio`."""

    address: Annotated[str, Meta(description="Where its JSON-RPC is: `http://10.0.0.5:5060/RPC`, or `https://…`.")]
    table: Annotated[Text, Meta(description="usrloc's table of who is registered.")] = "location"
    ca_file: Annotated[
        Annotated[str, Meta(min_length=1, max_length=4096)] | msgspec.UnsetType,
        Meta(description="PEM file with the authorities to trust; the system's where it is left out."),
    ] = msgspec.UNSET

    def __post_init__(self) -> None:
        """Raises ValueError for an address that is no URL."""
        try:
            parse_url(self.address)
        except Invalid as error:
            raise ValueError(error.message) from None


class SipSettings(Patience, frozen=True, kw_only=True):
    """The driver `sip`."""

    address: Annotated[Text, Meta(description="Host name or IP address of a proxy, or of a telephone itself.")]
    port: Annotated[int, Meta(ge=0, le=65_535, description="0: 5060, or 5061 with `tls`.")] = 0
    transport: Literal["udp", "tcp", "tls"] = "udp"
    domain: Annotated[
        Annotated[str, Meta(pattern=rf"^({HOST})?$", max_length=253)],
        Meta(description="Of its telephones; empty: the address."),
    ] = ""
    phones: Annotated[
        list[PhoneId], Meta(max_length=1000, description="The telephones to watch: they are its devices.")
    ] = msgspec.field(default_factory=list)
    ca_file: Annotated[
        Annotated[str, Meta(min_length=1, max_length=4096)] | msgspec.UnsetType,
        Meta(description="PEM file with the authorities to trust; the system's where it is left out."),
    ] = msgspec.UNSET

    def __post_init__(self) -> None:
        """Raises ValueError for an address that is no host."""
        check_host(self.address)


class Login(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Who asks, where that is asked for; both or none."""

    username: Annotated[str, Meta(max_length=255)] = ""
    password: Annotated[str, Meta(max_length=255)] = ""

    def __post_init__(self) -> None:
        """Raises ValueError for one without the other."""
        if bool(self.username) != bool(self.password):
            raise ValueError("`username` and `password` belong together")
