"""Memory: what each watch left behind at each controller, in one file that outlives the process."""

import msgspec
import structlog

from catalog.errors import FabricError
from catalog.jsonvalue import Json
from runtime.pollers.watch import Happening
from runtime.state import StateStore

_log = structlog.get_logger()
_KIND = "watch"


class Untold(msgspec.Struct, frozen=True, kw_only=True):
    """What a look saw at `time` (seconds since 1970 UTC) and is not known to be durable elsewhere yet."""

    time: float
    happenings: tuple[Happening, ...]


class Memory(msgspec.Struct, frozen=True, kw_only=True):
    """What one look left behind. `looks` counts those that something had happened at, so that their events have ids;
    `life` is another wherever the count began anew, so that no event is taken for one that was told before.

    `untold` is told before the next look, under the same ids.
    """

    controller_id: str
    watch: str
    life: str = ""
    looks: int = 0
    kept: Json = None
    untold: Untold | None = None

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
        """Open the file and read it. What another version left and nobody can read is as if it had never been.

        Raises Unavailable STATE_*.
        """
        await self._state.open()
        for document in self._state.load(_KIND):
            try:
                memory = msgspec.json.decode(document, type=Memory)
            except msgspec.DecodeError as error:
                _log.error("watch_memory_unreadable", reason=str(error))
                continue
            self._held[memory.key] = memory

    def find(self, controller_id: str, watch: str) -> Memory:
        """What that watch left behind at that controller; an empty one where it has never looked."""
        blank = Memory(controller_id=controller_id, watch=watch)
        return self._held.get(blank.key, blank)

    async def keep(self, memory: Memory) -> None:
        """Keep it; it is on the disk when this returns. Raises Unavailable STATE_*, and then nothing has changed.

        A caller who is cancelled has kept it all the same.
        """
        before = self._held.get(memory.key)
        if before == memory:
            return
        self._held[memory.key] = memory
        try:
            await self._state.put(_KIND, memory.key, msgspec.json.encode(memory))
        except FabricError:
            self._put_back(memory, before)
            raise

    def _put_back(self, memory: Memory, before: Memory | None) -> None:
        if self._held.get(memory.key) is not memory:
            return
        if before is None:
            del self._held[memory.key]
        else:
            self._held[memory.key] = before

    async def forget_but(self, controller_ids: frozenset[str]) -> None:
        """Forget the controllers that are no more. Raises Unavailable STATE_*, and then none is forgotten."""
        gone = [memory.key for memory in self._held.values() if memory.controller_id not in controller_ids]
        if not gone:
            return
        await self._state.put_many([], gone=[(_KIND, key) for key in gone])
        for key in gone:
            self._held.pop(key, None)

    async def close(self) -> None:
        """Close the file."""
        await self._state.close()
