"""Routes: sites."""

from typing import Annotated, cast

import msgspec
from msgspec import Meta

from api.endpoints import Answer, Asked, NoQuery
from api.fabric import shown_tenancy as shown
from api.fabric.pages import PageQuery, listing
from engine.tenancy import Site

PREFIX = "/api/v1/fabric"

Name = Annotated[str, Meta(min_length=1, max_length=128)]


class SiteBody(msgspec.Struct, kw_only=True, forbid_unknown_fields=True):
    """A new site."""

    name: Name


async def list_sites(asked: Asked[None, PageQuery]) -> Answer:
    """Sites, by name."""
    page = await asked.application.administration.list(
        Site, asked.actor.organisation_id, asked.query.limit, asked.query.cursor
    )
    return Answer(listing(page, shown.site))


async def create_site(asked: Asked[SiteBody, NoQuery]) -> Answer:
    """Create a site."""
    site = await asked.application.administration.add_site(asked.actor, asked.body.name)
    return Answer(shown.site(site), 201, {"location": f"{PREFIX}/sites/{site.id}"})


async def get_site(asked: Asked[None, NoQuery]) -> Answer:
    """One site."""
    found = await asked.application.store.get_tenant(Site, asked.actor.organisation_id, asked.path["site_id"])
    return Answer(shown.site(cast(Site, found)))


async def delete_site(asked: Asked[None, NoQuery]) -> Answer:
    """Delete a site that no controller stands in."""
    await asked.application.administration.delete(asked.actor, Site, asked.path["site_id"])
    return Answer(status=204)
