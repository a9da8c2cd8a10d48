"""Routes: secrets. They are set and removed; their values are never shown."""

from typing import Annotated

import msgspec
from msgspec import Meta

from api.endpoints import Answer, Asked, NoQuery
from api.fabric.pages import Listing, PageQuery
from api.fabric.shown import stamp
from api.fabric.tenancy_shapes import ShownSecret
from catalog.errors import NotFound
from engine.secrets import MAX_BYTES


class SecretBody(msgspec.Struct, kw_only=True, forbid_unknown_fields=True):
    """A secret's value."""

    value: Annotated[str, Meta(min_length=1, max_length=MAX_BYTES)]


async def list_secrets(asked: Asked[None, PageQuery]) -> Answer:
    """Names of the organisation's secrets, and when each was last set."""
    names = sorted(await asked.application.secrets.names(asked.actor.organisation_id))
    after = asked.query.cursor or ""
    rest = [ShownSecret(name=name, updated_at=stamp(time)) for name, time in names if name > after]
    shown = rest[: asked.query.limit]
    return Answer(Listing(items=shown, next=shown[-1].name if len(rest) > len(shown) else None))


async def get_secret(asked: Asked[None, NoQuery]) -> Answer:
    """When a secret was last set."""
    wanted = asked.path["name"]
    for name, time in await asked.application.secrets.names(asked.actor.organisation_id):
        if name == wanted:
            return Answer(ShownSecret(name=name, updated_at=stamp(time)))
    raise NotFound("SECRET_NOT_FOUND", "There is no such secret.", hint="See `GET /api/v1/fabric/secrets`.")


async def put_secret(asked: Asked[SecretBody, NoQuery]) -> Answer:
    """Set a secret; runs that start from now on see it."""
    await asked.application.secrets.put(asked.actor, asked.path["name"], asked.body.value)
    return Answer(status=204)


async def delete_secret(asked: Asked[None, NoQuery]) -> Answer:
    """Remove a secret; a run that refers to it fails."""
    await asked.application.secrets.delete(asked.actor, asked.path["name"])
    return Answer(status=204)
