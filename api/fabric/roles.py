"""Routes: roles, built in and an organisation's own."""

from typing import Annotated

import msgspec
from msgspec import Meta

from api.endpoints import Answer, Asked, NoQuery
from api.fabric import shown_tenancy as shown
from api.fabric.pages import Listing, PageQuery, listing
from api.fabric.tenancy_shapes import ShownRole
from engine.permissions import BUILT_IN, role_permissions
from engine.tenancy import Role

Permission = Annotated[str, Meta(pattern="^[a-z0-9][a-z0-9_.:-]{0,127}$")]


class RoleBody(msgspec.Struct, kw_only=True, forbid_unknown_fields=True):
    """The permissions that a role is made of, each an exact string."""

    permissions: Annotated[list[Permission], Meta(max_length=500)]


async def list_roles(asked: Asked[None, PageQuery]) -> Answer:
    """Roles: on the first page the built-in ones, then the organisation's own by name."""
    application, query = asked.application, asked.query
    page = await application.administration.list(Role, asked.actor.organisation_id, query.limit, query.cursor)
    own = listing(page, shown.role)
    if query.cursor is not None:
        return Answer(own)
    operations = application.registry.current().operations.values()
    declared = frozenset(each.permission for each in operations if each.permission is not None)
    built_in = [
        ShownRole(name=name, permissions=sorted(role_permissions(name, declared, {})), built_in=True)
        for name in sorted(BUILT_IN)
    ]
    return Answer(Listing(items=[*built_in, *own.items], next=own.next))


async def put_role(asked: Asked[RoleBody, NoQuery]) -> Answer:
    """Make or replace a role of the organisation's own."""
    role = await asked.application.administration.put_role(
        asked.actor, asked.path["role"], tuple(asked.body.permissions)
    )
    return Answer(shown.role(role))


async def delete_role(asked: Asked[None, NoQuery]) -> Answer:
    """Delete a role; who holds it holds nothing by it any more."""
    await asked.application.administration.delete(asked.actor, Role, asked.path["role"])
    return Answer(status=204)
