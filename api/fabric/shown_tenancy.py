"""What is shown of an organisation's people, places, credentials and journal, each as one of `tenancy_shapes`."""

from collections.abc import Mapping

import msgspec

from api.fabric.shown import moment, stamp
from api.fabric.tenancy_shapes import (
    IssuedKey,
    Me,
    ShownAudit,
    ShownController,
    ShownGrant,
    ShownKey,
    ShownNotification,
    ShownRole,
    ShownSite,
    ShownUser,
)
from engine.records import AuditRow, Notification
from engine.tenancy import Actor, Controller, Credential, Grant, Organisation, Role, Site, User


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


def key(record: Credential, spent: Mapping[str, int] | None = None) -> ShownKey:
    """A credential; `spent` has the calls that assistants have made today."""
    return ShownKey(
        id=record.id,
        user_id=record.user_id,
        kind=record.kind.value,
        name=record.name,
        scopes=None if record.scopes is None else list(record.scopes),
        signing_scheme=record.signing_scheme,
        signing_secrets=len(record.sealed_signing),
        daily_calls=record.daily_calls,
        calls_today=None if record.daily_calls is None else (spent or {}).get(record.id, 0),
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
