"""Routes: bearer tokens and API keys, and the secrets by which a key's deliveries are signed."""

import base64
import secrets
from datetime import datetime
from typing import Annotated, Literal

import msgspec
from msgspec import Meta

from api.endpoints import Answer, Asked, NoQuery
from api.fabric import shown_tenancy as shown
from api.fabric.pages import PageQuery, listing
from api.fabric.roles import Permission
from api.fabric.sites import Name
from engine.credentials import OWN_SCHEME, require_issuer
from engine.tenancy import CredentialKind

PREFIX = "/api/v1/fabric"

Scheme = Literal["own", "standard", "fabric", "github", "stripe"]
SigningSecret = Annotated[str, Meta(min_length=16, max_length=512)]
SigningSecrets = Annotated[list[SigningSecret], Meta(max_length=2)]


class KeyBody(msgspec.Struct, kw_only=True, forbid_unknown_fields=True):
    """A new credential: a machine's `key`, a person's `token`, or an `assistant`'s for /mcp.

    Scopes only narrow what its owner may do. `daily_calls` is an assistant's budget.
    """

    name: Name
    kind: CredentialKind = CredentialKind.KEY
    user_id: str | None = None
    scopes: Annotated[list[Permission], Meta(max_length=500)] | None = None
    expires_at: Annotated[datetime, Meta(tz=True)] | None = None
    signing_scheme: Scheme | None = None
    signing_secrets: SigningSecrets = []
    daily_calls: Annotated[int, Meta(ge=1, le=1_000_000)] | None = None


class SigningBody(msgspec.Struct, kw_only=True, forbid_unknown_fields=True):
    """How deliveries to this key are signed: one or two secrets; none, and no scheme, turns signing off."""

    scheme: Scheme | None = None
    secrets: SigningSecrets = []


class RotatedSecret(msgspec.Struct, kw_only=True):
    """A signing secret made here, shown this once."""

    secret: str


async def list_keys(asked: Asked[None, PageQuery]) -> Answer:
    """Tokens and keys, newest first; never their text."""
    application = asked.application
    page = await application.credentials.list(asked.actor.organisation_id, asked.query.limit, asked.query.cursor)
    spent = await application.budgets.spent_today(page.items)
    return Answer(listing(page, lambda each: shown.key(each, spent)))


async def create_key(asked: Asked[KeyBody, NoQuery]) -> Answer:
    """Issue a credential; its text is in this answer and nowhere else.

    For somebody else it takes an unscoped org-admin.
    """
    body, actor, application = asked.body, asked.actor, asked.application
    owner = body.user_id or actor.id
    require_issuer(actor, asked.credential.scopes, owner, body.scopes)
    if owner != actor.id:
        await application.administration.user(actor.organisation_id, owner)
    credential, text = await application.credentials.issue(
        actor,
        owner,
        body.kind,
        body.name,
        scopes=None if body.scopes is None else tuple(body.scopes),
        expires_at=None if body.expires_at is None else body.expires_at.timestamp(),
        signing_scheme=body.signing_scheme or (OWN_SCHEME if body.signing_secrets else None),
        signing_secrets=tuple(body.signing_secrets),
        daily_calls=body.daily_calls,
    )
    headers = {"location": f"{PREFIX}/keys/{credential.id}", "cache-control": "no-store"}
    return Answer(shown.issued(credential, text), 201, headers)


async def get_key(asked: Asked[None, NoQuery]) -> Answer:
    """One token or key, without its text."""
    found = await asked.application.store.get_credential(asked.actor.organisation_id, asked.path["key_id"])
    return Answer(shown.key(found, await asked.application.budgets.spent_today([found])))


async def revoke_key(asked: Asked[None, NoQuery]) -> Answer:
    """End a credential at once; its row stays for the record."""
    await asked.application.credentials.revoke(asked.actor, asked.path["key_id"])
    return Answer(status=204)


async def set_signing(asked: Asked[SigningBody, NoQuery]) -> Answer:
    """Set how deliveries to this key must be signed. Two secrets during a rotation; none turns signing off."""
    body, key_id = asked.body, asked.path["key_id"]
    scheme = body.scheme or (OWN_SCHEME if body.secrets else None)
    await asked.application.credentials.set_signing(asked.actor, key_id, scheme, tuple(body.secrets))
    return Answer(shown.key(await asked.application.store.get_credential(asked.actor.organisation_id, key_id)))


async def rotate_signing(asked: Asked[None, NoQuery]) -> Answer:
    """Make a new signing secret and show it once. The one before it stays good until the next rotation."""
    application, key_id = asked.application, asked.path["key_id"]
    credential = await application.store.get_credential(asked.actor.organisation_id, key_id)
    before = application.credentials.signing_secrets(credential)[:1]
    made = "whsec_" + base64.b64encode(secrets.token_bytes(32)).decode()
    scheme = credential.signing_scheme or OWN_SCHEME
    await application.credentials.set_signing(asked.actor, key_id, scheme, (made, *before))
    return Answer(RotatedSecret(secret=made), headers={"cache-control": "no-store"})
