"""The driver `snmp`: clients, VLANs and wireless networks from the tables of an SNMP agent (v2c or v3)."""

from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from typing import cast

from catalog.errors import TargetTimeout
from runtime.drivers.driver import Check, Device
from runtime.drivers.link import Link
from runtime.drivers.network import snmp_tables as tables
from runtime.drivers.network.face import Client, Vlan, Wifi, devices_of
from runtime.drivers.network.settings import SnmpSettings
from runtime.drivers.network.snmp_session import Session
from runtime.drivers.network.snmp_walk import Bind, Oid, walk
from runtime.drivers.trying import counted, tried


class Snmp:
    """Implements face.Tables."""

    def __init__(self, link: Link) -> None:
        self._link = link
        self._settings = cast(SnmpSettings, link.settings)
        self._session: Session | None = None

    async def check(self) -> Sequence[Check]:
        """Ask for its name, then read each table."""

        async def clients() -> str:
            return counted(len(await self.clients()), "client")

        async def vlans() -> str:
            return counted(len(await self.vlans()), "VLAN")

        async def wifis() -> str:
            return counted(len(await self.wifis()), "wireless network")

        first = await tried("answer", self._name)
        if not first.ok:
            return [first]
        tables = {"list clients": clients, "list VLANs": vlans, "list wireless networks": wifis}
        return [first, *[await tried(name, work) for name, work in tables.items()]]

    async def devices(self) -> Sequence[Device]:
        """The clients, where the setting `watch_clients` wants that; otherwise it is only asked whether it is there."""
        if self._settings.watch_clients:
            return devices_of(await self.clients())
        await self._name()
        return ()

    async def clients(self) -> Sequence[Client]:
        """See Network."""
        read = self._column
        async with self._reading("with its tables"):
            q_port = await read(tables.Q_PORT)
            bridge_port = {} if q_port else await read(tables.BRIDGE_PORT)
            heard = bool(q_port or bridge_port)
            return tables.clients_of(
                tables.Tables(
                    arp_mac=await read(tables.ARP_MAC),
                    arp_type=await read(tables.ARP_TYPE),
                    neighbour_mac=await read(tables.NEIGHBOUR_MAC),
                    neighbour_state=await read(tables.NEIGHBOUR_STATE),
                    q_port=q_port,
                    q_status=await read(tables.Q_STATUS) if q_port else {},
                    q_vlan_table_of=await read(tables.Q_VLAN_TABLE_OF) if q_port else {},
                    bridge_port=bridge_port,
                    bridge_status=await read(tables.BRIDGE_STATUS) if bridge_port else {},
                    port_interface=await read(tables.PORT_INTERFACE) if heard else {},
                    if_name=await read(tables.IF_NAME),
                    if_type=await read(tables.IF_TYPE) if heard else {},
                )
            )

    async def vlans(self) -> Sequence[Vlan]:
        """See Tables."""
        async with self._reading("with its VLANs"):
            return tables.vlans_of(await self._column(tables.Q_VLAN_NAME))

    async def wifis(self) -> Sequence[Wifi]:
        """See Tables."""
        async with self._reading("with its wireless networks"):
            ssids = await self._column(tables.DOT11_SSID)
            return tables.wifis_of(ssids, await self._column(tables.IF_ADMIN_STATUS) if ssids else {})

    async def _name(self) -> str:
        async with self._reading("with its name"):
            found = (await self._column(tables.SYS_NAME)).get((0,), b"")
        return tables.text_of(found) if isinstance(found, bytes) else ""

    @asynccontextmanager
    async def _reading(self, what: str) -> AsyncIterator[None]:
        try:
            async with self._link.reaching(what):
                yield
        except TargetTimeout as error:
            error.hint = (
                "Is SNMP on there, for this server's address? An agent does not answer a wrong community at all."
            )
            raise

    async def _column(self, column: Oid) -> dict[Oid, int | bytes]:
        return await walk(self._ask, column, self._link.target)

    async def _ask(self, oid: Oid) -> list[Bind]:
        if self._session is None:
            found = await self._link.ports.http.pin(self._settings.address, self._settings.port)
            self._session = Session(self._link, found[0])
        return await self._session.after(oid)
