"""`storage.list_blobs`: what a storage holds, a page at a time."""

from typing import Annotated

import msgspec
from msgspec import Meta

from catalog.operations import OperationSet
from catalog.provider import Call
from runtime.drivers.storage.face import Blob, storage_of
from runtime.providers.fields import ControllerId, Limit

MAX_ANSWER = 200 * 1024
"""Bytes of paths and facts in one answer; a page that would be longer ends early."""

operations = OperationSet("storage")


class BlobQuery(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Which blobs, and from where on."""

    controller_id: ControllerId
    prefix: Annotated[str, Meta(description="Only paths that begin with this: `porch/`.", max_length=512)] = ""
    limit: Limit = 100
    cursor: Annotated[str, Meta(description="`next` of the page before; empty for the first.", max_length=1024)] = ""


class BlobPage(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Blobs in the order of their paths."""

    blobs: list[Blob]
    next: Annotated[str | None, Meta(description="The next page's `cursor`; null where this was the last.")] = None


@operations.read("list_blobs", permission="storage.view", title="List what a storage holds")
async def list_blobs(query: BlobQuery, call: Call) -> BlobPage:
    """List the blobs of a storage with size, time of change and, where that is cheap, their SHA-256."""
    found = await storage_of(call).blobs(query.prefix, query.cursor, query.limit + 1)
    kept: list[Blob] = []
    room = MAX_ANSWER
    for blob in found[: query.limit]:
        room -= len(msgspec.json.encode(blob))
        if room < 0:
            break
        kept.append(blob)
    more = len(kept) < len(found)
    return BlobPage(blobs=kept, next=kept[-1].path if more and kept else None)
