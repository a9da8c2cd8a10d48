"""`storage.health`: room and state of a storage controller."""

from typing import Annotated

import msgspec
from msgspec import Meta

from catalog.operations import OperationSet
from catalog.provider import Call, Target
from runtime.drivers.storage.face import Pool, storage_of
from runtime.providers.fields import Bytes, ControllerId, Percent

FULL_PERCENT = 95.0
"""From here on a storage is not called healthy."""

operations = OperationSet("storage")


class HealthQuery(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Whose health."""

    controller_id: ControllerId


class Health(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """A storage's state. The numbers are those of its first pool, which blobs are stored in."""

    driver: str
    healthy: Annotated[
        bool, Meta(description="It can be written, has more than 5 % of its room left, and every pool is `ok`.")
    ]
    writable: bool
    capacity_bytes: Annotated[Bytes | None, Meta(description="Null where no bound is known.")]
    used_bytes: Bytes
    free_bytes: Annotated[Bytes | None, Meta(description="Bytes that the server may still use.")]
    used_percent: Percent | None
    pools: list[Pool]


@operations.read("health", permission="storage.view", title="Tell a storage's health")
async def health(query: HealthQuery, call: Call) -> Health:
    """Say how much room a storage has left, whether it can be written, and what stands against its disks."""
    condition = await storage_of(call).condition()
    pool = condition.pools[0]
    sound = all(each.state == "ok" for each in condition.pools)
    return Health(
        driver=_driver_of(call.target),
        healthy=condition.writable and sound and (pool.used_percent or 0.0) < FULL_PERCENT,
        writable=condition.writable,
        capacity_bytes=pool.capacity_bytes,
        used_bytes=pool.used_bytes,
        free_bytes=pool.free_bytes,
        used_percent=pool.used_percent,
        pools=list(condition.pools),
    )


def _driver_of(target: Target | None) -> str:
    return "" if target is None else target.driver
