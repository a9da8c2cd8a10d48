"""Settings that the drivers of networks share."""

from typing import Annotated

import msgspec
from msgspec import Meta

from runtime.drivers.driver import Patience


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
