"""The smaller records the store keeps: stored Connections, audit rows, notifications, the feed, pages of lists."""

from enum import StrEnum
from typing import Generic, TypeVar

import msgspec

from catalog.events import Event
from catalog.jsonvalue import Json
from catalog.plugins import PluginManifest, Signature
from engine.runs import Run

T = TypeVar("T")

FEED = "feed"
"""Bus topic: the feed of the organisation that the message names has grown. The store publishes it after a commit."""


class StoredConnection(msgspec.Struct, frozen=True, kw_only=True):
    """A Connection as stored: `source` is its canonical JSON, `routing` what the index needs without compiling it.

    `broken` lists the diagnostics that a later catalog raised against it.
    """

    id: str
    organisation_id: str
    name: str
    author_id: str
    source: Json
    routing: Json
    enabled: bool = True
    revision: int = 1
    created_at: float = 0.0
    updated_at: float = 0.0
    broken: Json = None


class InstalledPlugin(msgspec.Struct, frozen=True, kw_only=True):
    """A plugin that an organisation has added: its manifest as it was then, and the hosts that were granted."""

    organisation_id: str
    manifest: PluginManifest
    enabled: bool = False
    hosts: tuple[str, ...] = ()
    signature: Signature | None = None
    created_at: float = 0.0
    updated_at: float = 0.0

    @property
    def id(self) -> str:
        """The plugin's."""
        return self.manifest.id


class AuditRow(msgspec.Struct, frozen=True, kw_only=True):
    """Who did what, when, from where. `hash` chains it to the row before it in its organisation."""

    organisation_id: str
    time: float
    actor_id: str
    action: str
    subject: str
    address: str | None = None
    details: Json = None
    seq: int = 0
    previous: str = ""
    hash: str = ""


class Notification(msgspec.Struct, frozen=True, kw_only=True):
    """An in-app message; one (organisation, delivery id) is one notification."""

    id: str
    organisation_id: str
    delivery_id: str
    title: str
    body: str
    source: str
    created_at: float
    read_at: float | None = None


class FeedEntry(msgspec.Struct, frozen=True, kw_only=True):
    """One move of a run or change, numbered without gaps that a reader could see: what GET /stream sends."""

    seq: int
    organisation_id: str
    kind: str
    subject: str
    state: str
    time: float


class Spent(msgspec.Struct, frozen=True, kw_only=True):
    """The outcome of counting an assistant's call: the day (ISO date) it counts for, calls of that day by now, and the
    event that was due with it. `refused`: the limit had been reached, and nothing was counted.
    """

    day: str
    calls: int
    refused: bool = False
    event: Event | None = None


class Page(msgspec.Struct, Generic[T], frozen=True):
    """A slice of a list, newest first; `next` is the cursor of the following slice, None at the end."""

    items: list[T]
    next: str | None = None


class SealedKind(StrEnum):
    """Where something sealed stands: a controller's credentials, a secret, a key's signing secrets."""

    CONTROLLER = "controllers"
    SECRET = "secrets"  # noqa: S105 - a kind, not a secret
    CREDENTIAL = "keys"


class Resealed(msgspec.Struct, frozen=True):
    """A batch: rows looked at, and by organisation the sealed values that were written anew and that no key opens.

    `next` is the cursor of the following batch, None at the end.
    """

    rows: int
    moved: dict[str, int]
    broken: dict[str, int]
    next: str | None


class Accepted(msgspec.Struct, frozen=True):
    """The outcome of accepting an event: `event` is the first one where `repeated` (same Idempotency-Key), `runs` those
    that were inserted with it.
    """

    event: Event
    repeated: bool = False
    runs: tuple[Run, ...] = ()
