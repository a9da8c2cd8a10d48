"""Arrival: something that this process will have in a moment, and those who wait for it meanwhile."""

import asyncio
from contextlib import suppress


class Arrival:
    """Nothing is waited for until somebody says `expect`, and from `over` on."""

    def __init__(self) -> None:
        self._coming: asyncio.Event | None = None

    def expect(self) -> None:
        """It will come."""
        self._coming = asyncio.Event()

    def over(self) -> None:
        """It is there, or will not come."""
        coming, self._coming = self._coming, None
        if coming is not None:
            coming.set()

    async def wait(self, seconds: float) -> None:
        """Wait while it is expected, for so long at most."""
        if self._coming is not None:
            with suppress(TimeoutError):
                async with asyncio.timeout(seconds):
                    await self._coming.wait()
