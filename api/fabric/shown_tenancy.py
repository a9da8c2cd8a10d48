"""What is shown of an organisation's people, places, credentials and journal: allow-lists, like `shown`."""

from datetime import datetime

import msgspec

from api.fabric.shown import Shown, moment, stamp
from catalog.jsonvalue import Json
from engine.records import AuditRow, Notification
from engine.tenancy import Actor, Controller, Credential, Grant, Organisation, Role, Site, User


class ShownSite(Shown):
    """A place of the organisation."""

    id: str
    name: str
    created_at: datetime


class ShownController(Shown):
    """A managed target. Its settings are for who manages controllers; its credentials are never shown."""

    id: str
    site_id: str
    name: str
    driver: str
    read_only: bool
    has_credentials: bool
    settings: dict[str, Json] | None
    created_at: datetime
    revision: int


class ShownGrant(Shown):
    """A role, everywhere (`sites` null) or at some sites."""

    role: str
    sites: list[str] | None


class ShownUser(Shown):
    """A person."""

    id: str
    name: str
    email: str | None
    active: bool
    grants: list[ShownGrant]
    created_at: datetime
    revision: int


class ShownRole(Shown):
    """A set of exact permissions; built-in ones cannot be changed."""

    name: str
    permissions: list[str]
    built_in: bool


class ShownKey(Shown):
    """A token or API key. Neither its text nor its hash nor its signing secrets are shown again."""

    id: str
    user_id: str
    kind: str
    name: str
    scopes: list[str] | None
    signing_scheme: str | None
    signing_secrets: int
    created_at: datetime
    expires_at: datetime | None
    revoked_at: datetime | None


class IssuedKey(ShownKey):
    """A credential just issued: `text` is shown this once."""

    text: str


class ShownSecret(Shown):
    """A secret's name, and when it was last set."""

    name: str
    updated_at: datetime


class ShownNotification(Shown):
    """An in-app notification."""

    id: str
    title: str
    body: str
    source: str
    created_at: datetime
    read_at: datetime | None


class ShownAudit(Shown):
    """Who did what, when, from where; `hash` chains it to the row before."""

    seq: int
    time: datetime
    actor_id: str
    action: str
    subject: str
    address: str | None
    details: Json
    previous: str
    hash: str


class Me(Shown):
    """Who is asking, and what he may do; a permission maps to the sites where it is held (null: everywhere)."""

    id: str
    name: str
    kind: str
    organisation_id: str
    organisation: str
    permissions: dict[str, list[str] | None]
    unscoped_admin: bool
    credential_id: str | None


def site(record: Site) -> ShownSite:
    """A site."""
    return ShownSite(id=record.id, name=record.name, created_at=stamp(record.created_at))


def controller(record: Controller, actor: Actor) -> ShownController:
    """A controller."""
    manages = actor.holds("controllers.manage", record.site_id)
    return ShownController(
        id=record.id,
        site_id=record.site_id,
        name=record.name,
        driver=record.driver,
        read_only=record.read_only,
        has_credentials=record.sealed is not None,
        settings=dict(record.settings) if manages else None,
        created_at=stamp(record.created_at),
        revision=record.revision,
    )


def _grant(grant: Grant) -> ShownGrant:
    return ShownGrant(role=grant.role, sites=None if grant.sites is None else list(grant.sites))


def user(record: User) -> ShownUser:
    """A person."""
    return ShownUser(
        id=record.id,
        name=record.name,
        email=record.email,
        active=record.active,
        grants=[_grant(each) for each in record.grants],
        created_at=stamp(record.created_at),
        revision=record.revision,
    )


def role(record: Role) -> ShownRole:
    """An organisation's own role."""
    return ShownRole(name=record.name, permissions=list(record.permissions), built_in=False)


def key(record: Credential) -> ShownKey:
    """A credential."""
    return ShownKey(
        id=record.id,
        user_id=record.user_id,
        kind=record.kind.value,
        name=record.name,
        scopes=None if record.scopes is None else list(record.scopes),
        signing_scheme=record.signing_scheme,
        signing_secrets=len(record.sealed_signing),
        created_at=stamp(record.created_at),
        expires_at=moment(record.expires_at),
        revoked_at=moment(record.revoked_at),
    )


def issued(record: Credential, text: str) -> IssuedKey:
    """A credential with its text, this once."""
    return IssuedKey(**msgspec.structs.asdict(key(record)), text=text)


def notification(record: Notification) -> ShownNotification:
    """A notification."""
    return ShownNotification(
        id=record.id,
        title=record.title,
        body=record.body,
        source=record.source,
        created_at=stamp(record.created_at),
        read_at=moment(record.read_at),
    )


def audit(record: AuditRow) -> ShownAudit:
    """An audit row."""
    return ShownAudit(
        seq=record.seq,
        time=stamp(record.time),
        actor_id=record.actor_id,
        action=record.action,
        subject=record.subject,
        address=record.address,
        details=record.details,
        previous=record.previous,
        hash=record.hash,
    )


def me(actor: Actor, organisation: Organisation) -> Me:
    """Who is asking."""
    return Me(
        id=actor.id,
        name=actor.name,
        kind=actor.kind.value,
        organisation_id=actor.organisation_id,
        organisation=organisation.name,
        permissions={
            permission: None if sites is None else sorted(sites)
            for permission, sites in sorted(actor.permissions.items())
        },
        unscoped_admin=actor.unscoped_admin,
        credential_id=actor.credential_id,
    )
