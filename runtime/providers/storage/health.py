"""`storage.health`: room and state of a storage controller."""

import asyncio
import os
from pathlib import Path
from typing import Annotated

import msgspec
import psutil
from msgspec import Meta

from catalog.operations import OperationSet
from catalog.provider import Call
from runtime.providers.fields import Bytes, ControllerId, Percent
from runtime.providers.storage.folder import no_directory
from runtime.providers.storage.local import local_directory

FULL_PERCENT = 95.0
"""From here on a storage is not called healthy."""

operations = OperationSet("storage")


class HealthQuery(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Whose health."""

    controller_id: ControllerId


class Health(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """A storage's state."""

    driver: str
    healthy: Annotated[bool, Meta(description="It can be written and has more than 5 % of its room left.")]
    writable: bool
    capacity_bytes: Bytes
    used_bytes: Bytes
    free_bytes: Annotated[int, Meta(description="Bytes that the server may still use.", ge=0)]
    used_percent: Percent


@operations.read("health", permission="storage.view", title="Tell a storage's health")
async def health(query: HealthQuery, call: Call) -> Health:
    """Say how much room a storage has left and whether it can be written."""
    return await asyncio.to_thread(_measure, local_directory(call))


def _measure(directory: Path) -> Health:
    try:
        usage = psutil.disk_usage(str(directory))
    except OSError as error:
        raise no_directory(f"cannot be looked at: {error.strerror}") from None
    writable = directory.is_dir() and os.access(directory, os.W_OK | os.X_OK)
    return Health(
        driver="local",
        healthy=writable and usage.percent < FULL_PERCENT,
        writable=writable,
        capacity_bytes=usage.total,
        used_bytes=usage.used,
        free_bytes=usage.free,
        used_percent=usage.percent,
    )
