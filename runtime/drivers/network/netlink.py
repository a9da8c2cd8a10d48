"""The driver `netlink`: the neighbour table and the bridges of this machine, or of one of its network namespaces."""

import os
import time
from collections.abc import Sequence
from itertools import chain, islice
from typing import cast

from pyroute2 import IPRoute, netns
from pyroute2.netlink.exceptions import NetlinkError

from runtime.drivers.driver import Check, Device
from runtime.drivers.failures import not_found, refused
from runtime.drivers.lanes import Lanes
from runtime.drivers.link import Link
from runtime.drivers.network.face import MAX_ADDRESSES, MAX_CLIENTS, Client, devices_of
from runtime.drivers.network.netlink_tables import Heard, clients_of, forwarded_of, interfaces_of, neighbour_of
from runtime.drivers.network.settings import NetlinkSettings
from runtime.drivers.trying import counted, tried

_LANES = Lanes()


class Netlink:
    """Implements face.Network. The kernel is asked in a thread of its own: it is threads that enter a namespace."""

    def __init__(self, link: Link) -> None:
        self._link = link
        self._settings = cast(NetlinkSettings, link.settings)

    async def check(self) -> Sequence[Check]:
        """Read both tables."""

        async def read() -> str:
            clients = await self.clients()
            return f"{counted(len(clients), 'client')}, {sum(each.online for each in clients)} online"

        return [await tried("read the neighbour table", read)]

    async def devices(self) -> Sequence[Device]:
        """The clients, where the setting `watch_clients` wants that."""
        clients = await self.clients()
        return devices_of(clients) if self._settings.watch_clients else ()

    async def clients(self) -> Sequence[Client]:
        """See Network."""
        now = time.time()
        async with self._link.reaching("with its tables"):
            heard = await _LANES.run(self._link.target, self._read, fresh=bool(self._settings.namespace))
        return clients_of(heard, now)

    def _read(self) -> list[Heard]:
        target, namespace = self._link.target, self._settings.namespace
        try:
            if namespace:
                # Without O_CREAT: a namespace that is not there is not made. The thread ends with this call.
                netns.setns(namespace, flags=0)
            with IPRoute() as kernel:
                interfaces = interfaces_of(kernel.get_links(), self._settings.interfaces)
                within = self._settings.seen_within_seconds
                neighbours = (neighbour_of(each, interfaces, within) for each in kernel.get_neighbours())
                forwarded = (forwarded_of(each, interfaces, within) for each in kernel.fdb("dump"))
                heard = (each for each in chain(neighbours, forwarded) if each is not None)
                return list(islice(heard, MAX_CLIENTS * MAX_ADDRESSES))
        except FileNotFoundError:
            raise not_found(target, f"no network namespace `{namespace}`", "`ip netns` lists them.") from None
        except PermissionError:
            hint = "Run it with CAP_SYS_ADMIN, or leave the setting `namespace` out."
            raise refused(target, "the server may not enter its network namespace", hint) from None
        except NetlinkError as error:
            raise refused(target, f"the kernel says {os.strerror(error.code)}") from None
