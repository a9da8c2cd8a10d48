"""Routes: plugins of the organisation: added, granted hosts, enabled, disabled, removed."""

from datetime import datetime
from typing import Annotated

import msgspec
from msgspec import Meta

from api.endpoints import Answer, Asked, NoQuery
from api.fabric.pages import Listing, PageQuery
from api.fabric.shapes import Shown
from api.fabric.shown import stamp
from catalog.jsonvalue import Json
from catalog.plugins import Signature
from engine.plugins import Plugins
from engine.records import InstalledPlugin

PREFIX = "/api/v1/fabric"
Reference = Annotated[str, Meta(min_length=1, max_length=1024, description="A module of the services daemon.")]
Host = Annotated[str, Meta(min_length=3, max_length=300, description="`host:port`, as the plugin asks for it.")]


class PluginBody(msgspec.Struct, kw_only=True, forbid_unknown_fields=True):
    """A plugin to add. `signature` is needed where the server trusts keys."""

    reference: Reference
    signature: Signature | None = None


class GrantBody(msgspec.Struct, kw_only=True, forbid_unknown_fields=True):
    """The hosts that the plugin may ask, and no others."""

    hosts: Annotated[list[Host], Meta(max_length=64)]


class ShownProblem(Shown):
    """Why an enabled plugin is not in the catalog."""

    code: str
    message: str


class ShownPlugin(Shown, omit_defaults=True):
    """A plugin. `hosts` are those that were granted of those that it asks for."""

    id: str
    version: str
    reference: str
    digest: str
    enabled: bool
    signed: bool
    asks_for: list[str]
    hosts: list[str]
    permissions: list[str]
    operations: list[str]
    events: list[str]
    created_at: datetime
    updated_at: datetime
    description: str = ""
    problem: ShownProblem | None = None
    log: str = ""


class BrokenConnection(Shown):
    """A Connection that the catalog without the plugin breaks."""

    id: str
    name: str
    codes: list[str]


class Disabled(Shown):
    """The plugin, and which Connections do not compile any more."""

    plugin: ShownPlugin
    broken: list[BrokenConnection]


def _shown(plugins: Plugins, row: InstalledPlugin, *, log: bool = False) -> ShownPlugin:
    manifest, problem = row.manifest, plugins.problem(row)
    return ShownPlugin(
        id=manifest.id,
        version=manifest.version,
        reference=manifest.reference,
        digest=manifest.digest,
        enabled=row.enabled,
        signed=row.signature is not None,
        asks_for=list(manifest.hosts),
        hosts=list(row.hosts),
        permissions=list(manifest.permissions),
        operations=[each.id for each in manifest.operations],
        events=[each.event_type for each in manifest.events],
        created_at=stamp(row.created_at),
        updated_at=stamp(row.updated_at),
        description=manifest.description,
        problem=None if problem is None else ShownProblem(code=problem.code, message=problem.message),
        log=plugins.log(row) if log else "",
    )


async def list_plugins(asked: Asked[None, PageQuery]) -> Answer:
    """Plugins of the organisation, by id."""
    plugins, after = asked.application.plugins, asked.query.cursor or ""
    rest = [each for each in plugins.all(asked.actor.organisation_id) if each.id > after]
    items = [_shown(plugins, each) for each in rest[: asked.query.limit]]
    return Answer(Listing(items=items, next=items[-1].id if len(rest) > len(items) else None))


async def add_plugin(asked: Asked[PluginBody, NoQuery]) -> Answer:
    """Add the plugin in a module that the services daemon has. It is not enabled yet."""
    plugins, body = asked.application.plugins, asked.body
    row = await plugins.add(asked.actor, body.reference, body.signature)
    return Answer(_shown(plugins, row), 201, {"location": f"{PREFIX}/plugins/{row.id}"})


async def get_plugin(asked: Asked[None, NoQuery]) -> Answer:
    """One plugin; an administrator sees the end of what its guest printed."""
    plugins = asked.application.plugins
    row = plugins.get(asked.actor.organisation_id, asked.path["plugin_id"])
    return Answer(_shown(plugins, row, log=asked.actor.unscoped_admin))


async def grant_plugin(asked: Asked[GrantBody, NoQuery]) -> Answer:
    """Grant hosts that the plugin asks for; those that are not named are taken back."""
    plugins = asked.application.plugins
    return Answer(_shown(plugins, await plugins.grant(asked.actor, asked.path["plugin_id"], asked.body.hosts)))


async def enable_plugin(asked: Asked[None, NoQuery]) -> Answer:
    """Compile the plugin and show it in the catalog, at once."""
    plugins = asked.application.plugins
    return Answer(_shown(plugins, await plugins.enable(asked.actor, asked.path["plugin_id"])))


async def disable_plugin(asked: Asked[None, NoQuery]) -> Answer:
    """Take the plugin out of the catalog, at once, and tell which Connections that breaks."""
    plugins = asked.application.plugins
    row, broken = await plugins.disable(asked.actor, asked.path["plugin_id"])
    told = [BrokenConnection(id=each.id, name=each.name, codes=_codes(each.broken)) for each in broken]
    return Answer(Disabled(plugin=_shown(plugins, row), broken=told))


async def remove_plugin(asked: Asked[None, NoQuery]) -> Answer:
    """Forget a plugin that is not enabled. Its module stays."""
    await asked.application.plugins.remove(asked.actor, asked.path["plugin_id"])
    return Answer(status=204)


def _codes(broken: Json) -> list[str]:
    return sorted({str(each["code"]) for each in broken})
