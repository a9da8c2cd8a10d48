"""Reading streams in tests."""

import asyncio

from runtime.daemon.events import DaemonEvent, Subscription


async def read_now(subscription: Subscription, most: int = 1_000_000) -> list[DaemonEvent]:
    """What the stream has for its reader at this moment."""
    found: list[DaemonEvent] = []
    while len(found) < most:
        step = asyncio.ensure_future(anext(subscription, None))
        await asyncio.sleep(0)
        await asyncio.sleep(0)
        if not step.done():
            step.cancel()
            await asyncio.wait([step])
            return found
        event = step.result()
        if event is None:
            return found
        found.append(event)
    return found
