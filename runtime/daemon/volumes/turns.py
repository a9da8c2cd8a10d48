"""Turns: how a volume's content becomes another one: emptied, sealed, unsealed, brought back, removed.

Each makes the new content beside the old, writes the record, then removes what the record does not name. Whoever calls
one holds the volume's lock.
"""

import asyncio

import msgspec

from runtime.daemon.volumes.contents import Contents
from runtime.daemon.volumes.copies import bring_back
from runtime.daemon.volumes.held import Held
from runtime.daemon.volumes.volume import Copy, Volume
from runtime.state import StateStore

KIND = "volume"


class Turns:
    """Every method raises FabricError, and then the volume is what it was."""

    def __init__(self, contents: Contents, state: StateStore) -> None:
        self._contents = contents
        self._state = state

    async def keep(self, held: Held, volume: Volume) -> None:
        """Write the record."""
        await self._state.put(KIND, volume.id, msgspec.json.encode(volume))
        held.volume = volume

    async def make(self, held: Held) -> None:
        """Bring a new volume into being."""
        await asyncio.to_thread(self._contents.make_empty, held.volume)
        await self.keep(held, held.volume)
        if held.volume.spec.encrypted and held.volume.spec.type == "persistent":
            await self.seal(held)

    async def make_ready(self, held: Held) -> None:
        """Have the plain files there for whoever mounts the volume."""
        if held.dirty:
            await self.empty(held)
        if held.volume.sealed:
            new = msgspec.structs.replace(held.volume, sealed=False)
            await asyncio.to_thread(self._contents.unseal, new)
            await self._turn(held, new)

    async def rest(self, held: Held) -> None:
        """Nobody has the volume: empty it, encrypt it, or only measure it, by its kind."""
        if held.dirty:
            await self.empty(held)
        elif held.volume.spec.encrypted and not held.volume.sealed:
            await self.seal(held)
        elif not held.volume.sealed:
            await self.measure(held)

    async def seal(self, held: Held) -> None:
        """Encrypt the content; no plain file of it is left."""
        await self.measure(held)
        old = held.volume
        new = msgspec.structs.replace(old, generation=old.generation + 1, sealed=True)
        await asyncio.to_thread(self._contents.seal, old, new)
        await self._turn(held, new)

    async def empty(self, held: Held) -> None:
        """Begin anew with nothing."""
        new = msgspec.structs.replace(held.volume, generation=held.volume.generation + 1, sealed=False, used=0)
        await asyncio.to_thread(self._contents.make_empty, new)
        await self._turn(held, new)
        held.dirty, held.used = False, 0

    async def bring_back(self, held: Held, copy: Copy) -> None:
        """Take the content of a backup, once it is verified."""
        old = held.volume
        new = msgspec.structs.replace(old, generation=old.generation + 1, sealed=old.spec.encrypted)
        held.used = await asyncio.to_thread(bring_back, self._contents, old, new, copy)
        await self._turn(held, msgspec.structs.replace(new, used=held.used))
        held.dirty = False

    async def measure(self, held: Held) -> None:
        """Count what the plain files take."""
        found = await asyncio.to_thread(self._contents.measure, held.volume)
        held.used = found.used
        if found.used != held.volume.used:
            await self.keep(held, msgspec.structs.replace(held.volume, used=found.used))

    async def remove(self, held: Held) -> None:
        """Remove the files and then the record; a record that is being deleted is finished with at the next start."""
        await self.keep(held, msgspec.structs.replace(held.volume, deleting=True))
        await asyncio.to_thread(self._contents.remove, held.volume)
        await self._state.delete(KIND, held.volume.id)

    async def _turn(self, held: Held, new: Volume) -> None:
        try:
            await self.keep(held, new)
        finally:
            await asyncio.to_thread(self._contents.tidy, held.volume)
