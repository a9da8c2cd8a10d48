"""The driver `libvirt`: QEMU/KVM machines, through libvirtd."""

import asyncio
from collections.abc import Sequence
from typing import cast

import libvirt
import msgspec

from catalog.errors import FabricError
from runtime.drivers.driver import Check, Device
from runtime.drivers.failures import refused
from runtime.drivers.hypervisor import dialling, shell
from runtime.drivers.hypervisor.domains import find_domain, machine_of, snapshotted
from runtime.drivers.hypervisor.face import Machine, Snapshotted, Taking, Verb
from runtime.drivers.hypervisor.lines import LocalLine
from runtime.drivers.hypervisor.place import place_of
from runtime.drivers.hypervisor.relay import Relay
from runtime.drivers.hypervisor.session import Line, Sending, Session
from runtime.drivers.hypervisor.settings import LibvirtCredentials, LibvirtSettings
from runtime.drivers.hypervisor.snapshots import described, find_taken, flags_of, layout_of, way_of
from runtime.drivers.link import Link

# Without a handler of ours libvirt prints each error on standard error, before it raises it.
libvirt.registerErrorHandler(lambda _context, _error: None, None)


class Libvirt:
    """Implements Hypervisor."""

    def __init__(self, link: Link) -> None:
        self._link = link
        self._target = link.target
        self._settings = cast(LibvirtSettings, link.settings)
        self._credentials = cast(LibvirtCredentials, link.credentials)

    async def check(self) -> Sequence[Check]:
        """Connect, and list the machines."""
        try:
            version, count = await self._session().run(self._link, "", _versions)
        except FabricError as error:
            return (Check(name="connect", ok=False, detail=error.message, code=error.code, hint=error.hint),)
        return (
            Check(name="connect", ok=True, detail=f"libvirt {version}"),
            Check(name="list machines", ok=True, detail=f"{count} machine{'' if count == 1 else 's'}"),
        )

    async def devices(self) -> Sequence[Device]:
        """Its machines: online is what runs."""
        return [
            Device(
                device_id=each.vm_id,
                name=each.name,
                kind="virtual machine",
                online=each.state == "running",
                facts={"cpus": each.cpus, "memory_bytes": each.memory_bytes},
                reason=each.reason,
            )
            for each in await self.machines()
        ]

    async def machines(self) -> Sequence[Machine]:
        """Every machine, in the order of their names."""
        return await self._session().run(self._link, "which machines it has", _machines)

    async def machine(self, vm_id: int | str) -> Snapshotted:
        """One of them, with its snapshots."""

        def look(connection: libvirt.virConnect, _: Sending) -> Snapshotted:
            return snapshotted(find_domain(self._target, connection, vm_id))

        return await self._session().run(self._link, f"how `{vm_id}` is", look)

    async def move(self, vm_id: str, verb: Verb) -> Machine:
        """Start, power off, ask to shut down or to start again."""

        def move(connection: libvirt.virConnect, sending: Sending) -> Machine:
            domain = find_domain(self._target, connection, vm_id)
            sending.begin()
            _VERBS[verb](domain)
            return machine_of(find_domain(self._target, connection, vm_id))

        return await self._session().run(self._link, f"to {verb} `{vm_id}`", move)

    async def survey(self, vm_id: str, *, memory: bool) -> Taking:
        """How a snapshot can be taken now."""

        def look(connection: libvirt.virConnect, _: Sending) -> Taking:
            domain = find_domain(self._target, connection, vm_id)
            layout = layout_of(str(domain.XMLDesc()))
            return way_of(self._target, layout, active=bool(domain.isActive()), memory=memory)

        return await self._session().run(self._link, f"what can be kept of `{vm_id}`", look)

    async def take(self, vm_id: str, name: str, taking: Taking, key: str, deadline: float) -> bool:
        """Take a snapshot, once for a key."""

        def take(connection: libvirt.virConnect, sending: Sending) -> bool:
            domain = find_domain(self._target, connection, vm_id)
            taken = find_taken(domain, name, key)
            if taken is not None:
                if not taken:
                    raise refused(
                        self._target, f"`{domain.name()}` has a snapshot `{name}` already", "Take another name."
                    )
                return False
            layout = layout_of(str(domain.XMLDesc()))
            sending.begin()
            domain.snapshotCreateXML(described(name, key, taking, layout.others), flags_of(taking))
            return True

        latest = asyncio.get_running_loop().time() + self._settings.snapshot_seconds
        link = msgspec.structs.replace(self._link, deadline=min(deadline, latest))
        return await self._session().run(link, f"for a snapshot of `{vm_id}`", take)

    def _session(self) -> Session:
        settings, credentials = self._settings, self._credentials
        key = (
            "libvirt",
            self._target.id,
            settings.uri,
            settings.socket,
            settings.ca_file,
            settings.host_key,
            credentials,
        )
        # In the open a password would be anybody's.
        shown = LibvirtCredentials() if place_of(settings.uri).transport == "tcp" else credentials
        return self._link.ports.residents.keep(key, lambda: Session(self._target, self._dial, shown), Session.close)

    async def _dial(self, link: Link) -> Line:
        place = place_of(self._settings.uri)
        if not place.remote:
            return LocalLine(place, self._settings.socket)
        dial = shell.dial if place.transport == "ssh" else dialling.dial
        return await Relay.open(place, await dial(link, place, self._settings, self._credentials))


_VERBS = {
    "start": lambda domain: domain.create(),
    "stop": lambda domain: domain.destroy(),
    "shutdown": lambda domain: domain.shutdown(),
    "reboot": lambda domain: domain.reboot(),
}


def _versions(connection: libvirt.virConnect, _: Sending) -> tuple[str, int]:
    number = int(connection.getLibVersion())
    return f"{number // 1_000_000}.{number // 1000 % 1000}.{number % 1000}", len(connection.listAllDomains())


def _machines(connection: libvirt.virConnect, _: Sending) -> list[Machine]:
    return sorted((machine_of(each) for each in connection.listAllDomains()), key=lambda each: (each.name, each.vm_id))
