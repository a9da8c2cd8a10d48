"""Routes: Connections as their authors write, read, try and remove them."""

from typing import Annotated

import msgspec
from msgspec import UNSET, Meta, UnsetType

import connections
from api.endpoints import Answer, Asked, Fields, NoQuery, Source
from api.fabric import shown
from api.fabric.pages import PageQuery, etag, expected_revision, listing
from api.fabric.runs import ended_or_under_way, run_rows
from api.problems import Finding, finding
from catalog.diagnostics import Severity
from catalog.errors import ConnectionInvalid
from catalog.jsonvalue import Json
from connections.suggest import Suggestion
from engine.records import StoredConnection
from engine.tenancy import Actor

PREFIX = "/api/v1/fabric"


class TestBody(msgspec.Struct, kw_only=True, forbid_unknown_fields=True):
    """The payload to run with (left out: that of the last event that matches), and its event type."""

    payload: Json | UnsetType = UNSET
    event_type: str | None = None


PATTERN = r"^([a-z0-9][a-z0-9_-]*(\.[a-z0-9][a-z0-9_-]*)*\.([a-z0-9][a-z0-9_-]*|\*|#)|\*)$"
"""An event pattern: `a.b.c`, `a.b.*`, `a.b.#` or `*`."""


class SuggestQuery(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """The event that a Connection would start with."""

    source_event: Annotated[str, Meta(max_length=256, pattern=PATTERN, description="An event type or pattern.")]


class Verdict(msgspec.Struct, kw_only=True):
    """What the compiler finds: `valid` says that none of it is an error."""

    valid: bool
    diagnostics: list[Finding]


class Suggestions(msgspec.Struct, kw_only=True):
    """Operations that can follow an event: how well each matches, and whether the asker may use it."""

    items: list[Suggestion]
    next: str | None = None


def _shown(stored: StoredConnection, actor: Actor, status: int = 200) -> Answer:
    headers = etag(stored.revision)
    if status == 201:
        headers["location"] = f"{PREFIX}/connections/{stored.id}"
    return Answer(shown.connection(stored, actor), status, headers)


async def create_connection(asked: Asked[Source, NoQuery]) -> Answer:
    """Create a Connection from YAML or JSON. 422 lists every problem, not only the first."""
    return _shown(await asked.application.authoring.create(asked.actor, asked.body), asked.actor, 201)


async def list_connections(asked: Asked[None, PageQuery]) -> Answer:
    """List Connections by name; step params are redacted for all but their author."""
    page = await asked.application.authoring.list(asked.actor.organisation_id, asked.query.limit, asked.query.cursor)
    return Answer(listing(page, lambda each: shown.connection(each, asked.actor)))


async def suggest_operations(asked: Asked[None, SuggestQuery]) -> Answer:
    """Operations compatible with a source event, annotated with `match` and `allowed`."""
    catalog = asked.application.registry.seen_by(asked.actor.organisation_id)
    found = connections.suggest(asked.query.source_event, catalog, author=asked.actor.author)
    return Answer(Suggestions(items=found))


async def validate_connection(asked: Asked[Source, NoQuery]) -> Answer:
    """Compile a Connection as the asker would author it, and store nothing."""
    found = await asked.application.authoring.validate(asked.actor, asked.body)
    valid = not any(each.severity is Severity.ERROR for each in found)
    return Answer(Verdict(valid=valid, diagnostics=[finding(each) for each in found]))


async def get_connection(asked: Asked[None, NoQuery]) -> Answer:
    """Get one Connection by id or name; step params are redacted for all but its author."""
    stored = await asked.application.authoring.get(asked.actor.organisation_id, asked.path["connection_id"])
    return _shown(stored, asked.actor)


async def update_connection(asked: Asked[Fields, NoQuery]) -> Answer:
    """Replace the fields that the body names (null removes one). The editor becomes the author.

    If-Match is honoured.
    """
    authoring, actor, name = asked.application.authoring, asked.actor, asked.path["connection_id"]
    try:
        stored = await authoring.update(actor, name, asked.body, revision=expected_revision(asked))
    except ConnectionInvalid as error:
        stored = await authoring.get(actor.organisation_id, name)
        raise shown.sealed(error, stored, actor, asked.body) from None
    return _shown(stored, actor)


async def delete_connection(asked: Asked[None, NoQuery]) -> Answer:
    """Delete a Connection; its runs and audit rows stay."""
    await asked.application.authoring.delete(asked.actor, asked.path["connection_id"])
    return Answer(status=204)


async def list_connection_runs(asked: Asked[None, PageQuery]) -> Answer:
    """Runs of a Connection, newest first."""
    application, actor = asked.application, asked.actor
    stored = await application.authoring.get(actor.organisation_id, asked.path["connection_id"])
    return Answer(await run_rows(asked, asked.query, stored.id))


async def try_connection(asked: Asked[TestBody, NoQuery]) -> Answer:
    """Run a Connection once with this payload. The path and the gates of an event; writes stage; a run is recorded."""
    payload = None if asked.body.payload is UNSET else asked.body.payload
    run = await asked.application.trials.test(asked.actor, asked.path["connection_id"], payload, asked.body.event_type)
    return ended_or_under_way(run, asked.actor)
