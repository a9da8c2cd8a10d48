"""Storage: health, what is stored and what is to be, and what runtime.pollers.pools tells of pools."""

from typing import Annotated

import msgspec
from msgspec import Meta

from catalog.events import EventSpec
from runtime.providers.fields import Bytes, Percent, SiteId, SourceId
from runtime.providers.native import NativeProvider
from runtime.providers.storage import health, list_blobs, store_blob, text_blob


class PoolDegraded(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """A storage pool lost a disk, counts errors, or can no longer be written."""

    controller_id: SourceId
    site_id: SiteId
    pool: str
    state: Annotated[str, Meta(description="`degraded` (a disk is missing), `read_only` or `errors`.")]
    failed_disks: Annotated[int, Meta(ge=0)]


class CapacityWarning(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """A storage pool is nearly full."""

    controller_id: SourceId
    site_id: SiteId
    pool: str
    used_percent: Percent
    threshold_percent: Percent
    used_bytes: Bytes
    capacity_bytes: Bytes


EVENTS = (
    EventSpec.of("storage.pool.degraded", PoolDegraded),
    EventSpec.of("storage.capacity.warning", CapacityWarning),
)

STORAGE = NativeProvider(
    health.operations, list_blobs.operations, store_blob.operations, text_blob.operations, events=EVENTS
)
