"""Backups, as runtime.pollers.backups tells of them."""

from typing import Annotated

import msgspec
from msgspec import Meta

from catalog.events import EventSpec
from runtime.providers.fields import Moment, SiteId, SourceId
from runtime.providers.native import NativeProvider


class ValidationFailed(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """A backup did not prove restorable."""

    controller_id: SourceId | None = None
    backup_id: Annotated[str, Meta(description="The backup's name.")]
    job_name: Annotated[str, Meta(description="The volume's name.")]
    site_id: SiteId
    checked_at: Moment
    reason: str


EVENTS = (EventSpec.of("backup.validation.failed", ValidationFailed),)

BACKUP = NativeProvider(events=EVENTS)
