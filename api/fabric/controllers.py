"""Routes: controllers, the managed targets."""

from typing import Annotated
from uuid import UUID

import msgspec
from msgspec import UNSET, Meta, UnsetType

from api.endpoints import Answer, Asked, NoQuery
from api.fabric import shown_tenancy as shown
from api.fabric.pages import PageQuery, etag, expected_revision, listing
from api.fabric.sites import Name
from catalog.jsonvalue import Json
from engine.tenancy import Actor, Controller

PREFIX = "/api/v1/fabric"


class ControllerBody(msgspec.Struct, kw_only=True, forbid_unknown_fields=True):
    """A new controller. Its credentials are sealed and never shown again."""

    site_id: str
    name: Name
    driver: Annotated[str, Meta(pattern="^[a-z][a-z0-9_-]{0,31}$", description="Such as `local`.")]
    settings: dict[str, Json] = {}
    credentials: dict[str, str] = {}
    read_only: bool = False
    id: Annotated[
        UUID | UnsetType, Meta(description="An id of your own, which Connections may name already; else one is made.")
    ] = UNSET


class ControllerChanges(msgspec.Struct, kw_only=True, forbid_unknown_fields=True):
    """What changes; a field that is left out stays."""

    name: Name | UnsetType = UNSET
    settings: dict[str, Json] | UnsetType = UNSET
    credentials: dict[str, str] | UnsetType = UNSET
    read_only: bool | UnsetType = UNSET


def _shown(controller: Controller, actor: Actor, status: int = 200) -> Answer:
    headers = etag(controller.revision)
    if status == 201:
        headers["location"] = f"{PREFIX}/controllers/{controller.id}"
    return Answer(shown.controller(controller, actor), status, headers)


async def list_controllers(asked: Asked[None, PageQuery]) -> Answer:
    """Controllers, by name."""
    page = await asked.application.administration.list(
        Controller, asked.actor.organisation_id, asked.query.limit, asked.query.cursor
    )
    return Answer(listing(page, lambda each: shown.controller(each, asked.actor)))


async def create_controller(asked: Asked[ControllerBody, NoQuery]) -> Answer:
    """Create a controller."""
    body = asked.body
    controller = await asked.application.administration.add_controller(
        asked.actor,
        site_id=body.site_id,
        name=body.name,
        driver=body.driver,
        settings=body.settings,
        credentials=body.credentials,
        read_only=body.read_only,
        controller_id=None if body.id is UNSET else str(body.id),
    )
    return _shown(controller, asked.actor, 201)


async def get_controller(asked: Asked[None, NoQuery]) -> Answer:
    """One controller."""
    controller = await asked.application.administration.controller(
        asked.actor.organisation_id, asked.path["controller_id"]
    )
    return _shown(controller, asked.actor)


async def update_controller(asked: Asked[ControllerChanges, NoQuery]) -> Answer:
    """Change a controller's name, settings, credentials or `read_only`. If-Match is honoured."""
    changes = {name: value for name, value in msgspec.structs.asdict(asked.body).items() if value is not UNSET}
    controller = await asked.application.administration.change_controller(
        asked.actor, asked.path["controller_id"], changes, expected_revision(asked)
    )
    return _shown(controller, asked.actor)


class RemovalQuery(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """How to remove it."""

    force: Annotated[
        bool, Meta(description="Remove it though changes wait for it: what is pending expires with it.")
    ] = False


async def delete_controller(asked: Asked[None, RemovalQuery]) -> Answer:
    """Delete a controller. One that changes wait for stays, with 409 `IN_USE`, unless `force` is true."""
    await asked.application.removal.remove(asked.actor, asked.path["controller_id"], force=asked.query.force)
    return Answer(status=204)
