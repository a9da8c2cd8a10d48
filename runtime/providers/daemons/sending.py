"""Sending: a planned request to a daemon as a change holds it, and its way there."""

import asyncio
from collections.abc import Mapping

from catalog.changes import Change
from catalog.errors import NotFound
from catalog.jsonvalue import Json
from catalog.provider import Call
from runtime.providers.daemons.finding import daemon_of

LONG = 900.0
"""Seconds for what waits until guests have ended or run: a restart goes from replica to replica."""
DEPLOY = 3600.0
"""Seconds for a deployment, which may build modules before, and wait for many services one after the other."""
MARGIN = 5.0
"""Seconds less than Apply itself waits, so that its end is told by who asked."""


def request(method: str, path: str, *, query: Mapping[str, str] | None = None, body: Json = None) -> Json:
    """What will be sent, exactly."""
    return {"method": method, "path": path, "query": dict(query or {}), "body": body}


async def send(change: Change, call: Call) -> Json:
    """Send it, once. Raises FabricError as the daemon means it."""
    asked = change.request
    left = max(1.0, call.deadline - asyncio.get_running_loop().time() - MARGIN)
    return await daemon_of(call).ask(
        asked["method"], asked["path"], query=asked["query"], body=asked["body"], seconds=left
    )


async def find(path: str, call: Call) -> Json:
    """What is there, None where nothing is."""
    try:
        return await daemon_of(call).ask("GET", path)
    except NotFound:
        return None
