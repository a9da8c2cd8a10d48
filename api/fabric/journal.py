"""Routes: what was noted down. Events, notifications, the audit log, and who is asking."""

import msgspec

from api.endpoints import Answer, Asked, NoQuery
from api.fabric import shown, shown_tenancy
from api.fabric.pages import PageQuery, listing


class Verified(msgspec.Struct, kw_only=True):
    """Whether every audit row follows from the one before; else the first that does not."""

    intact: bool
    first_broken_seq: int | None


async def list_events(asked: Asked[None, PageQuery]) -> Answer:
    """Events, newest first."""
    page = await asked.application.store.list_events(asked.actor.organisation_id, asked.query.limit, asked.query.cursor)
    return Answer(listing(page, lambda each: shown.event(each, asked.actor)))


async def get_event(asked: Asked[None, NoQuery]) -> Answer:
    """One event."""
    event = await asked.application.store.get_event(asked.actor.organisation_id, asked.path["event_id"])
    return Answer(shown.event(event, asked.actor))


async def list_notifications(asked: Asked[None, PageQuery]) -> Answer:
    """In-app notifications, newest first."""
    page = await asked.application.store.list_notifications(
        asked.actor.organisation_id, asked.query.limit, asked.query.cursor
    )
    return Answer(listing(page, shown_tenancy.notification))


async def read_notification(asked: Asked[None, NoQuery]) -> Answer:
    """Mark a notification as read."""
    application = asked.application
    await application.store.mark_read(
        asked.actor.organisation_id, asked.path["notification_id"], application.clock.now()
    )
    return Answer(status=204)


async def list_audit(asked: Asked[None, PageQuery]) -> Answer:
    """The audit log, newest first."""
    page = await asked.application.store.list_audit(asked.actor.organisation_id, asked.query.limit, asked.query.cursor)
    return Answer(listing(page, shown_tenancy.audit))


async def verify_audit(asked: Asked[None, NoQuery]) -> Answer:
    """Follow the audit log's hash chain from its first row."""
    broken = await asked.application.store.verify_audit(asked.actor.organisation_id)
    return Answer(Verified(intact=broken is None, first_broken_seq=broken))


async def show_me(asked: Asked[None, NoQuery]) -> Answer:
    """Who the credential speaks for, and what he may do."""
    organisation_id = asked.actor.organisation_id
    organisations = await asked.application.store.organisations()
    mine = next(each for each in organisations if each.id == organisation_id)
    return Answer(shown_tenancy.me(asked.actor, mine))
