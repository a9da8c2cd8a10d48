"""The channels of a notification: how each is written in params, and how each is told."""

from typing import Annotated

import msgspec
from msgspec import UNSET, Meta, UnsetType

from catalog.errors import FabricError, TargetFailed
from catalog.jsonvalue import Json, compact
from catalog.provider import Call

SecretUrl = Annotated[str, Meta(min_length=1, extra_json_schema={"format": "uri", "x-fabric-secret": True})]
Address = Annotated[str, Meta(pattern=r"^[^@\s<>,;]+@[^@\s<>,;]+$", max_length=320)]


class Email(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """E-mail through the configured relay."""

    to: Annotated[list[Address], Meta(min_length=1, max_length=50)]


class Slack(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Slack, or what takes Slack's incoming webhooks (Mattermost, Rocket.Chat)."""

    webhook_url: SecretUrl


class Webhook(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """A JSON POST of `{title, body, connection, run_id}`."""

    url: SecretUrl


class Channels(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Where to tell; at least one."""

    in_app: Annotated[bool, Meta(description="The notifications list of this organisation.")] = False
    email: Email | UnsetType = UNSET
    slack: Slack | UnsetType = UNSET
    webhook: Webhook | UnsetType = UNSET


class Outcome(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """What became of one channel; `id` is the notification's where it was kept in the list."""

    ok: bool
    code: str = "OK"
    message: str | None = None
    id: str | None = None


class Note(msgspec.Struct, frozen=True, kw_only=True):
    """What is told, already cut."""

    title: str
    body: str


async def tell_in_app(note: Note, call: Call) -> Outcome:
    """Keep it in the organisation's list."""
    try:
        kept = await call.ports.inbox.deliver(
            call.organisation_id, call.delivery_id, note.title, note.body, call.connection
        )
    except FabricError as error:
        return _failed(error)
    return Outcome(ok=True, id=kept)


async def tell_by_email(note: Note, call: Call, email: Email) -> Outcome:
    """Hand it to the relay, as one message to all."""
    subject = note.title or f"Fabric: {call.connection or 'notification'}"
    try:
        await call.ports.mail.send(email.to, subject, note.body, call.delivery_id)
    except FabricError as error:
        return _failed(error)
    return Outcome(ok=True)


async def tell_slack(note: Note, call: Call, slack: Slack) -> Outcome:
    """Post it as text; what a payload brought cannot mention people or forge links there."""
    title, body = _slack_text(note.title), _slack_text(note.body)
    lines = [f"*{title}*"] if title else []
    return await _post(call, slack.webhook_url, {"text": "\n".join([*lines, body])}, delivery_id="")


async def tell_webhook(note: Note, call: Call, webhook: Webhook) -> Outcome:
    """Post it as JSON, signed where a secret is set."""
    payload = {"title": note.title, "body": note.body, "connection": call.connection, "run_id": call.run_id}
    return await _post(call, webhook.url, payload, delivery_id=f"{call.delivery_id}.webhook")


async def _post(call: Call, url: str, payload: Json, *, delivery_id: str) -> Outcome:
    headers = {"Content-Type": "application/json"}
    try:
        answer = await call.ports.http.send("notify", "POST", url, headers, compact(payload), delivery_id=delivery_id)
        if not 200 <= answer.status < 300:
            raise TargetFailed("WEBHOOK_STATUS", f"The channel's receiver answers {answer.status}.")
    except FabricError as error:
        return _failed(error)
    return Outcome(ok=True)


def _failed(error: FabricError) -> Outcome:
    return Outcome(ok=False, code=error.code, message=error.message)


def _slack_text(text: str) -> str:
    return text.replace("&", "&amp;").replace("<", "&lt;").replace(">", "&gt;")
