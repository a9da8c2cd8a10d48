"""`fabric.notify`: one notification over several channels at once."""

import asyncio
from collections.abc import Awaitable
from typing import Annotated

import msgspec
from msgspec import UNSET, Meta, UnsetType

from catalog.errors import Invalid, TargetFailed
from catalog.operations import OperationSet
from catalog.provider import Call
from runtime.providers.fabric.channels import (
    Channels,
    Note,
    Outcome,
    tell_by_email,
    tell_in_app,
    tell_slack,
    tell_webhook,
)

operations = OperationSet("fabric")

MAX_TITLE = 200
MAX_BODY = 4000


class Notification(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """What to tell, and over which channels."""

    channels: Channels
    title: Annotated[str, Meta(description="Cut at 200 characters.")] = ""
    body: Annotated[str, Meta(description="Cut at 4,000 characters.")] = ""


class Outcomes(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """One outcome for each channel that was asked for."""

    in_app: Outcome | UnsetType = UNSET
    email: Outcome | UnsetType = UNSET
    slack: Outcome | UnsetType = UNSET
    webhook: Outcome | UnsetType = UNSET


class Notified(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """What became of a notification."""

    ok: Annotated[bool, Meta(description="Did every channel take it?")]
    channels: Outcomes
    title_truncated: bool
    body_truncated: bool


# Its channels send to whatever URL or address they name, with nobody to look first: that is for people to wire.
@operations.read("notify", permission=None, ai=False, title="Send a notification")
async def notify(notification: Notification, call: Call) -> Notified:
    """Tell people, by e-mail, Slack, webhook or in the app.

    The channels are told side by side. The step fails with `NOTIFY_FAILED` only where no channel took it; the output
    says what became of each.
    """
    note = Note(title=notification.title[:MAX_TITLE], body=notification.body[:MAX_BODY])
    telling = _telling(notification.channels, note, call)
    if not telling:
        raise Invalid("NOTIFY_NO_CHANNEL", "`channels` names no channel.", hint="Add `in_app: true`.")
    outcomes = dict(zip(telling, await asyncio.gather(*telling.values()), strict=True))
    notified = Notified(
        ok=all(outcome.ok for outcome in outcomes.values()),
        channels=Outcomes(**outcomes),
        title_truncated=len(notification.title) > MAX_TITLE,
        body_truncated=len(notification.body) > MAX_BODY,
    )
    if not any(outcome.ok for outcome in outcomes.values()):
        raise TargetFailed(
            "NOTIFY_FAILED",
            "No channel took the notification.",
            hint="`output.channels` says why.",
            output=msgspec.to_builtins(notified),
        )
    return notified


def _telling(channels: Channels, note: Note, call: Call) -> dict[str, Awaitable[Outcome]]:
    telling: dict[str, Awaitable[Outcome]] = {}
    if channels.in_app:
        telling["in_app"] = tell_in_app(note, call)
    if channels.email is not UNSET:
        telling["email"] = tell_by_email(note, call, channels.email)
    if channels.slack is not UNSET:
        telling["slack"] = tell_slack(note, call, channels.slack)
    if channels.webhook is not UNSET:
        telling["webhook"] = tell_webhook(note, call, channels.webhook)
    return telling
