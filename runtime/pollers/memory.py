"""Memory: what each watch left behind at each controller, in one file that outlives the process."""

import msgspec

from catalog.jsonvalue import Json
from runtime.state import StateStore

_KIND = "watch"


class Memory(msgspec.Struct, frozen=True, kw_only=True):
    """What one look left behind. `looks` counts those that changed something, so that their events have ids."""

    controller_id: str
    watch: str
    looks: int = 0
    kept: Json = None

    @property
    def key(self) -> str:
        """Where it is kept."""
        return f"{self.controller_id} {self.watch}"


class Memories:
    """All of them. Read once at the start; kept before the next look begins."""

    def __init__(self, state: StateStore) -> None:
        self._state = state
        self._held: dict[str, Memory] = {}

    async def open(self) -> None:
        """Open the file and read it. Raises Unavailable STATE_*."""
        await self._state.open()
        for document in self._state.load(_KIND):
            memory = msgspec.json.decode(document, type=Memory)
            self._held[memory.key] = memory

    def find(self, controller_id: str, watch: str) -> Memory:
        """What that watch left behind at that controller; an empty one where it has never looked."""
        blank = Memory(controller_id=controller_id, watch=watch)
        return self._held.get(blank.key, blank)

    async def keep(self, memory: Memory) -> None:
        """Keep it; it is on the disk when this returns. Raises Unavailable STATE_*."""
        if self._held.get(memory.key) == memory:
            return
        await self._state.put(_KIND, memory.key, msgspec.json.encode(memory))
        self._held[memory.key] = memory

    async def forget_but(self, controller_ids: frozenset[str]) -> None:
        """Forget the controllers that are no more."""
        gone = [memory for memory in self._held.values() if memory.controller_id not in controller_ids]
        if gone:
            await self._state.put_many([], gone=[(_KIND, memory.key) for memory in gone])
        for memory in gone:
            del self._held[memory.key]

    async def close(self) -> None:
        """Close the file."""
        await self._state.close()
