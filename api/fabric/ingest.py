"""Route: ingest, the inbound half of the bridge. The hot path: nothing here that one request does not need."""

import hashlib
from typing import Annotated

import msgspec
from msgspec import Meta

from api.endpoints import Answer, Asked, NoQuery, Raw
from catalog.errors import Unauthenticated
from catalog.jsonvalue import Json, parse_strict
from engine.credentials import OWN_SCHEME
from engine.ingest import EVENT_TYPE


class IngestBody(msgspec.Struct, kw_only=True, forbid_unknown_fields=True):
    """What the outside says. The name is lower-cased, stripped of `[^a-z0-9_-]`, and cut at 64."""

    name: Annotated[str, Meta(pattern="[A-Za-z0-9_-]")]
    payload: Json = {}


class Accepted(msgspec.Struct, kw_only=True):
    """The event is kept: this is sent after its commit, and never before."""

    accepted: bool
    event_type: str
    name: str
    event_id: str


async def ingest_event(asked: Asked[Raw, NoQuery]) -> Answer:
    """Emit `ingest.external` onto the organisation's bus. 202 means kept, through whatever happens next.

    `Idempotency-Key` is honoured for 24 hours. Where the API key has a signing secret, the delivery must be signed.
    """
    raw = asked.body
    key = asked.header("idempotency-key")
    if asked.credential.signing_scheme is not None:
        key = _verified(asked) or key  # the signature covers the delivery's id and not the Idempotency-Key
    body = parse_strict(raw)
    accepted = await asked.application.ingest.accept(asked.actor.organisation_id, body, raw, key)
    event = accepted.event
    return Answer(Accepted(accepted=True, event_type=EVENT_TYPE, name=event.payload["name"], event_id=event.id), 202)


def _verified(asked: Asked[Raw, NoQuery]) -> str | None:
    """Refuse a delivery that the key's secrets do not vouch for; what its repeats share, for the Idempotency-Key."""
    # cryptography is slow to import, and most keys have no secret.
    from runtime.signatures.verifying import delivery_id, own_scheme, verify  # noqa: PLC0415

    application, credential = asked.application, asked.credential
    pairs = [(name, str(value)) for name, value in asked.request.headers.items()]
    scheme = own_scheme(pairs) if credential.signing_scheme == OWN_SCHEME else str(credential.signing_scheme)
    secrets = application.credentials.signing_secrets(credential)
    code = verify(scheme, pairs, asked.body, secrets, application.clock.now())
    if code != "OK":
        raise Unauthenticated(
            code, "The delivery's signature does not hold.", hint="Sign the exact body with the key's signing secret."
        )
    repeated = delivery_id(pairs) if scheme == "standard" else None
    return None if repeated is None else f"delivery:{hashlib.sha256(repeated.encode()).hexdigest()}"
