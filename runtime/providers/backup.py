"""Backups. What watches them comes later."""

import msgspec

from catalog.events import EventSpec
from runtime.providers.fields import Moment, SiteId
from runtime.providers.native import NativeProvider


class ValidationFailed(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """A backup did not prove restorable."""

    backup_id: str
    job_name: str
    site_id: SiteId
    checked_at: Moment
    reason: str


EVENTS = (EventSpec.of("backup.validation.failed", ValidationFailed, driver_missing=True),)

BACKUP = NativeProvider(events=EVENTS)
