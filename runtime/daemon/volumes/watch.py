"""Watch: measures volumes while services write to them, and says when a backup is due."""

import asyncio
import time
from collections.abc import Callable, Mapping

import structlog

from catalog.errors import FabricError
from runtime.clock import Clock
from runtime.daemon.volumes.contents import Contents
from runtime.daemon.volumes.held import Held
from runtime.daemon.volumes.tree import ENTRY_BYTES, Measured
from runtime.daemon.volumes.volume import Volume

PERIOD = 1.0
"""Seconds between two looks. A volume whose files take long to count is counted less often: see SHARE."""

SHARE = 20
"""A measurement is followed by at least so many times its own length without one."""

_log = structlog.get_logger()


class Watch:
    """Costs nothing while no service has a volume and none is to be copied."""

    def __init__(
        self,
        contents: Contents,
        clock: Clock,
        full: Callable[[Held, str], None],
        due: Callable[[Held], None],
    ) -> None:
        self._contents = contents
        self._clock = clock
        self._full = full
        self._due = due

    async def run(self, volumes: Mapping[str, Held]) -> None:
        """Look at `volumes` again and again."""
        while True:
            await self.look(tuple(volumes.values()))
            await asyncio.sleep(PERIOD)

    async def look(self, volumes: tuple[Held, ...]) -> None:
        """Look once."""
        now, now_ns = self._clock.monotonic(), self._clock.now_ns()
        for held in volumes:
            if held.due_ns is not None and held.due_ns <= now_ns:
                held.due_ns = None
                self._due(held)
        wanted = [each for each in volumes if each.mounts and each.writers() and now >= each.scan_at]
        if wanted:
            for held, found in await asyncio.to_thread(self._measured, [(each, each.volume) for each in wanted]):
                self._judge(held, found)

    def _measured(self, wanted: list[tuple[Held, Volume]]) -> list[tuple[Held, Measured]]:
        """In a thread: all of them in one go."""
        results = []
        for held, volume in wanted:
            begun = time.perf_counter()
            try:
                results.append((held, self._contents.measure(volume, held.allowance + ENTRY_BYTES)))
            except FabricError as error:
                _log.warning("volume_not_measured", volume=volume.spec.name, why=error.message)
            held.scan_at = self._clock.monotonic() + (time.perf_counter() - begun) * SHARE
        return results

    def _judge(self, held: Held, found: Measured) -> None:
        held.used = found.used
        if found.whole and found.used <= held.allowance:
            held.told.clear()
            return
        for service_id in held.writers():
            if service_id not in held.told:
                held.told.add(service_id)
                self._full(held, service_id)
