"""Credentials: bearer tokens for people, API keys for machines. Only hashes are kept; the text is shown once."""

import hashlib
import secrets

import msgspec

from catalog.errors import Conflict, Forbidden, Invalid, Unauthenticated
from catalog.jsonvalue import Json
from engine.audit import audit_row
from engine.directory import FRESH_SECONDS, TOPIC, Directory
from engine.owned_ports import CredentialStore
from engine.permissions import NOT_FOR_ASSISTANTS, NOT_FOR_MACHINES
from engine.ports import Bus, Clock, Seal
from engine.records import Page
from engine.tenancy import Actor, ActorKind, Credential, CredentialKind

OWN_SCHEME = "own"
"""Either of ours: the Standard Webhooks triple, or `timestamp.body` in X-Fabric-Signature."""

SCHEMES = (OWN_SCHEME, "standard", "fabric", "github", "stripe")
DAILY_CALLS = 1000
"""Calls a day that an assistant's token has where nobody says otherwise."""

_PREFIX = {CredentialKind.TOKEN: "fabt_", CredentialKind.KEY: "fabk_", CredentialKind.ASSISTANT: "faba_"}
_ACTS_AS = {
    CredentialKind.TOKEN: (ActorKind.PERSON, frozenset[str]()),
    CredentialKind.KEY: (ActorKind.KEY, NOT_FOR_MACHINES),
    CredentialKind.ASSISTANT: (ActorKind.ASSISTANT, NOT_FOR_ASSISTANTS),
}
"""Who a credential makes of its owner, and which of his permissions it leaves behind."""


def sha256_of(text: str) -> str:
    """What is kept of a credential's text."""
    return hashlib.sha256(text.encode()).hexdigest()


class Credentials:
    """Issues, finds and revokes credentials."""

    def __init__(self, store: CredentialStore, directory: Directory, seal: Seal, clock: Clock, bus: Bus) -> None:
        self._store = store
        self._directory = directory
        self._seal = seal
        self._clock = clock
        self._bus = bus
        self._known: dict[str, tuple[float, Credential]] = {}
        self._actors: dict[str, tuple[Actor, str | None, Credential, Actor]] = {}
        self._revision = 0
        bus.subscribe(TOPIC, self._forget)

    async def issue(
        self,
        actor: Actor,
        user_id: str,
        kind: CredentialKind,
        name: str,
        *,
        scopes: tuple[str, ...] | None = None,
        expires_at: float | None = None,
        signing_scheme: str | None = None,
        signing_secrets: tuple[str, ...] = (),
        daily_calls: int | None = None,
    ) -> tuple[Credential, str]:
        """A new credential of that person, and its text. An assistant's has a budget: DAILY_CALLS if none is named.

        Raises Invalid SIGNING_SCHEME, SIGNING_SECRETS; Conflict KEY_KIND where what is no key is to be signed, or what
        is no assistant's is to have a budget.
        """
        self._check_signing(signing_scheme, signing_secrets)
        if signing_scheme is not None and kind is not CredentialKind.KEY:
            raise _no_signing()
        if kind is CredentialKind.ASSISTANT:
            daily_calls = DAILY_CALLS if daily_calls is None else daily_calls
        elif daily_calls is not None:
            raise Conflict("KEY_KIND", "Only an assistant's token has a budget.", hint="Leave `daily_calls` out.")
        text = _PREFIX[kind] + secrets.token_urlsafe(32)
        credential = Credential(
            id=self._clock.new_id(),
            organisation_id=actor.organisation_id,
            user_id=user_id,
            kind=kind,
            name=name,
            sha256=sha256_of(text),
            scopes=scopes,
            signing_scheme=signing_scheme,
            sealed_signing=tuple(self._seal.seal(each.encode()) for each in signing_secrets),
            created_at=self._clock.now(),
            expires_at=expires_at,
            daily_calls=daily_calls,
        )
        details: Json = {"user": user_id, "scopes": scopes}
        if daily_calls is not None:
            details["daily_calls"] = daily_calls
        row = audit_row(actor, f"{kind}.issued", credential.id, self._clock, details)
        await self._store.put_credential(credential, row)
        return credential, text

    async def set_signing(self, actor: Actor, credential_id: str, scheme: str | None, plain: tuple[str, ...]) -> None:
        """Set a key's inbound signing secrets (two during rotation; none turns signing off).

        A machine may not: a key that is stolen without its secret would give itself one. Raises Forbidden
        PERSON_REQUIRED; NotFound; Conflict KEY_KIND for a person's token; Invalid SIGNING_SCHEME, SIGNING_SECRETS.
        """
        _require_person(actor)
        self._check_signing(scheme, plain)
        found = await self._store.get_credential(actor.organisation_id, credential_id)
        if found.kind is not CredentialKind.KEY:
            raise _no_signing()
        sealed = tuple(self._seal.seal(each.encode()) for each in plain)
        changed = msgspec.structs.replace(found, signing_scheme=scheme, sealed_signing=sealed)
        await self._store.put_credential(changed, audit_row(actor, "key.signing_set", credential_id, self._clock))
        self._bus.publish(TOPIC, None)

    async def revoke(self, actor: Actor, credential_id: str) -> None:
        """End a credential at once. Raises NotFound KEY_NOT_FOUND."""
        found = await self._store.get_credential(actor.organisation_id, credential_id)
        # The key of the seal may have been rotated since this was read.
        sealed = tuple(map(self._seal.renewed, found.sealed_signing))
        if not all(sealed):
            sealed = (await self._store.get_credential(actor.organisation_id, credential_id)).sealed_signing
        revoked_at = found.revoked_at or self._clock.now()
        changed = msgspec.structs.replace(found, revoked_at=revoked_at, sealed_signing=sealed)
        await self._store.put_credential(changed, audit_row(actor, f"{found.kind}.revoked", found.id, self._clock))
        self._bus.publish(TOPIC, None)

    async def list(self, organisation_id: str, limit: int, cursor: str | None) -> Page[Credential]:
        """Credentials, newest first; their hashes and seals are for nobody to show."""
        return await self._store.list_credentials(organisation_id, limit, cursor)

    def signing_secrets(self, credential: Credential) -> tuple[str, ...]:
        """A key's inbound signing secrets, opened."""
        return tuple(self._seal.open(each).decode() for each in credential.sealed_signing)

    async def authenticate(self, text: str, kind: CredentialKind, address: str | None) -> tuple[Actor, Credential]:
        """Who shows this credential. Raises Unauthenticated CREDENTIAL_UNKNOWN, alike for absent, revoked, expired."""
        return await self._known_as(sha256_of(text), kind, address)

    def fresh(self, text: str, kind: CredentialKind, address: str | None) -> tuple[Actor, Credential] | None:
        """As `authenticate`, where credential and owner were looked up within the last second; else None."""
        sha256 = sha256_of(text)
        known = self._known.get(sha256)
        if known is None or self._clock.monotonic() - known[0] > FRESH_SECONDS:
            return None
        credential = known[1]
        person = self._directory.fresh_actor(credential.organisation_id, credential.user_id)
        return None if person is None else self._acting(sha256, credential, person, kind, address)

    async def recheck(self, actor: Actor, credential: Credential) -> Actor:
        """The same actor as he stands now, for what goes on for long. Raises Unauthenticated CREDENTIAL_UNKNOWN."""
        return (await self._known_as(credential.sha256, credential.kind, actor.address))[0]

    async def _known_as(self, sha256: str, kind: CredentialKind, address: str | None) -> tuple[Actor, Credential]:
        known = self._known.get(sha256)
        if known is None or self._clock.monotonic() - known[0] > FRESH_SECONDS:
            asked_at, revision = self._clock.monotonic(), self._revision
            credential = await self._store.find_credential(sha256)
            if credential is None:
                raise _unknown()
            known = (asked_at, credential)
            if revision == self._revision:
                if len(self._known) > 10_000:
                    self._forget(None)
                self._known[sha256] = known
        credential = known[1]
        person = await self._directory.find_actor(credential.organisation_id, credential.user_id)
        if person is None:
            raise _unknown()
        return self._acting(sha256, credential, person, kind, address)

    def _acting(
        self, sha256: str, credential: Credential, person: Actor, kind: CredentialKind, address: str | None
    ) -> tuple[Actor, Credential]:
        expired = credential.expires_at is not None and credential.expires_at <= self._clock.now()
        if credential.kind is not kind or credential.revoked_at is not None or expired or not person.active:
            raise _unknown()
        made = self._actors.get(sha256)
        if made is None or made[0] is not person or made[1] != address or made[2] is not credential:
            made = self._actors[sha256] = (person, address, credential, _narrowed(person, credential, address))
        return made[3], credential

    def _forget(self, _message: Json) -> None:
        self._revision += 1
        self._known.clear()
        self._actors.clear()

    def _check_signing(self, scheme: str | None, plain: tuple[str, ...]) -> None:
        if scheme is not None and scheme not in SCHEMES:
            raise Invalid("SIGNING_SCHEME", f"`{scheme[:40]}` is no signing scheme.", hint=f"Use one of {SCHEMES}.")
        if (scheme is None) != (not plain) or len(plain) > 2 or not all(plain):
            raise Invalid(
                "SIGNING_SECRETS", "A scheme takes one or two secrets.", hint="Send two only during rotation."
            )


def _narrowed(person: Actor, credential: Credential, address: str | None) -> Actor:
    """The person as this credential lets him act: scopes only narrow, and no machine ever applies."""
    scopes = None if credential.scopes is None else frozenset(credential.scopes)
    kind, left_behind = _ACTS_AS[credential.kind]
    permissions = {
        permission: sites
        for permission, sites in person.permissions.items()
        if (scopes is None or permission in scopes) and permission not in left_behind
    }
    return msgspec.structs.replace(
        person,
        kind=kind,
        name=credential.name if kind is ActorKind.ASSISTANT else person.name,
        permissions=permissions,
        unscoped_admin=person.unscoped_admin and scopes is None,
        credential_id=credential.id,
        address=address,
    )


def require(actor: Actor, permission: str, site_id: str | None = None) -> None:
    """Refuse an actor who does not hold `permission` (at that site, where one is given; else: somewhere).

    Raises Forbidden PERMISSION_DENIED.
    """
    if not actor.holds(permission, site_id):
        raise Forbidden(
            "PERMISSION_DENIED", f"This takes the permission `{permission}`.", hint="Ask an administrator for the role."
        )


def require_everywhere(actor: Actor, permission: str) -> None:
    """Refuse an actor who holds `permission` at some sites only: what concerns the whole organisation takes more.

    Raises Forbidden PERMISSION_DENIED.
    """
    require(actor, permission)
    if actor.permissions[permission] is not None:
        raise Forbidden(
            "PERMISSION_DENIED",
            f"This takes the permission `{permission}` in the whole organisation.",
            hint="Ask an administrator for the role without a site scope.",
        )


def require_issuer(actor: Actor, own_scopes: tuple[str, ...] | None, user_id: str, scopes: Json) -> None:
    """Refuse who may not issue such a credential: machines never may, and nobody issues more than he shows.

    Raises Forbidden PERSON_REQUIRED, ADMIN_REQUIRED, SCOPES_EXCEEDED.
    """
    _require_person(actor)
    if user_id != actor.id:
        require_admin(actor)
    if own_scopes is not None and (scopes is None or not set(scopes) <= set(own_scopes)):
        raise Forbidden(
            "SCOPES_EXCEEDED",
            "The new credential would reach further than the one that asks for it.",
            hint="Name scopes among your own, or use a token without scopes.",
        )


def _require_person(actor: Actor) -> None:
    if actor.kind is not ActorKind.PERSON:
        raise Forbidden(
            "PERSON_REQUIRED", "Only a person issues credentials.", hint="Use a person's bearer token, not a key."
        )


def require_admin(actor: Actor) -> None:
    """Refuse all but an unscoped org-admin; an assistant of his is none. Raises Forbidden ADMIN_REQUIRED."""
    if not (actor.active and actor.unscoped_admin) or actor.kind is ActorKind.ASSISTANT:
        raise Forbidden(
            "ADMIN_REQUIRED",
            "This takes an administrator of the whole organisation, on a credential without scopes.",
            hint="Use an administrator's token.",
        )


def _no_signing() -> Conflict:
    return Conflict("KEY_KIND", "Only an API key has a signing secret.", hint="Use an API key.")


def _unknown() -> Unauthenticated:
    return Unauthenticated(
        "CREDENTIAL_UNKNOWN",
        "The credential is missing, unknown, revoked or expired.",
        hint="Send `Authorization: Bearer …` or `X-API-Key: …`.",
    )
