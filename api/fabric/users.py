"""Routes: people."""

from typing import Annotated

import msgspec
from msgspec import UNSET, Meta, UnsetType

from api.endpoints import Answer, Asked, NoQuery
from api.fabric import shown_tenancy as shown
from api.fabric.pages import PageQuery, etag, expected_revision, listing
from api.fabric.sites import Name
from catalog.jsonvalue import Json
from engine.tenancy import Grant, User

PREFIX = "/api/v1/fabric"

Email = Annotated[str, Meta(min_length=3, max_length=254, pattern="^[^\\s@]+@[^\\s@]+$")]


class GrantBody(msgspec.Struct, kw_only=True, forbid_unknown_fields=True):
    """A role, everywhere (`sites` left out) or at some sites."""

    role: Annotated[str, Meta(min_length=1, max_length=64)]
    sites: list[str] | None = None


class UserBody(msgspec.Struct, kw_only=True, forbid_unknown_fields=True):
    """A new person."""

    name: Name
    email: Email | None = None
    grants: list[GrantBody] = []


class UserChanges(msgspec.Struct, kw_only=True, forbid_unknown_fields=True):
    """What changes; a field that is left out stays."""

    name: Name | UnsetType = UNSET
    email: Email | UnsetType | None = UNSET
    active: bool | UnsetType = UNSET
    grants: list[GrantBody] | UnsetType = UNSET


def _grants(bodies: list[GrantBody]) -> tuple[Grant, ...]:
    return tuple(Grant(each.role, None if each.sites is None else tuple(each.sites)) for each in bodies)


def _shown(user: User, status: int = 200) -> Answer:
    headers = etag(user.revision)
    if status == 201:
        headers["location"] = f"{PREFIX}/users/{user.id}"
    return Answer(shown.user(user), status, headers)


async def list_users(asked: Asked[None, PageQuery]) -> Answer:
    """People, by name."""
    page = await asked.application.administration.list(
        User, asked.actor.organisation_id, asked.query.limit, asked.query.cursor
    )
    return Answer(listing(page, shown.user))


async def create_user(asked: Asked[UserBody, NoQuery]) -> Answer:
    """Create a person. Granting roles takes an unscoped org-admin."""
    body = asked.body
    user = await asked.application.administration.add_user(asked.actor, body.name, body.email, _grants(body.grants))
    return _shown(user, 201)


async def get_user(asked: Asked[None, NoQuery]) -> Answer:
    """One person."""
    return _shown(await asked.application.administration.user(asked.actor.organisation_id, asked.path["user_id"]))


async def update_user(asked: Asked[UserChanges, NoQuery]) -> Answer:
    """Change a person: name, e-mail, `active`, roles. It counts from the next request on. If-Match is honoured."""
    changes: dict[str, Json] = {
        name: value for name, value in msgspec.structs.asdict(asked.body).items() if value is not UNSET
    }
    if "grants" in changes:
        changes["grants"] = _grants(changes["grants"])
    user = await asked.application.administration.change_user(
        asked.actor, asked.path["user_id"], changes, expected_revision(asked)
    )
    return _shown(user)


async def delete_user(asked: Asked[None, NoQuery]) -> Answer:
    """Delete a person; his credentials stop at once, and his Connections are denied from the next firing on."""
    await asked.application.administration.delete(asked.actor, User, asked.path["user_id"])
    return Answer(status=204)
