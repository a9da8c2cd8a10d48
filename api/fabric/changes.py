"""Routes: pending changes, and the one way out of them."""

import asyncio
from typing import Annotated

import msgspec
from msgspec import Meta

from api.endpoints import Answer, Asked, NoQuery
from api.fabric import shown
from api.fabric.pages import PageQuery, listing
from api.fabric.shapes import ShownChange
from catalog.jsonvalue import Json
from engine.changes import ChangeState, PendingChange
from engine.trials import WAIT_SECONDS

PREFIX = "/api/v1/fabric"


class ChangeQuery(PageQuery, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Which changes."""

    state: ChangeState | None = None


class ApplyBody(msgspec.Struct, kw_only=True, forbid_unknown_fields=True):
    """A person's word: `force` is true, and `digest` is the one he was shown."""

    digest: Annotated[str, Meta(pattern="^[0-9a-f]{64}$", description="The change's digest, hex SHA-256.")]
    force: bool = False


class RejectBody(msgspec.Struct, kw_only=True, forbid_unknown_fields=True):
    """Why not, for the record."""

    note: Annotated[str, Meta(max_length=2000)] | None = None


def _shown(asked: Asked[Json, Json], change: PendingChange) -> ShownChange:
    operation = asked.application.registry.current().find_operation(change.operation_id)
    return shown.change(change, asked.actor, operation.permission if operation is not None else None)


async def list_changes(asked: Asked[None, ChangeQuery]) -> Answer:
    """Staged writes, newest first, in one state if asked for."""
    query = asked.query
    page = await asked.application.store.list_changes(
        asked.actor.organisation_id, query.limit, query.cursor, state=query.state
    )
    return Answer(listing(page, lambda each: _shown(asked, each)))


async def get_change(asked: Asked[None, NoQuery]) -> Answer:
    """One change: what would be sent, the state before and after, and the digest that applies it."""
    change = await asked.application.store.get_change(asked.actor.organisation_id, asked.path["change_id"])
    return Answer(_shown(asked, change))


async def apply_change(asked: Asked[ApplyBody, NoQuery]) -> Answer:
    """Apply a change once. A person, `force`, and the digest he saw; drift sends nothing and answers the difference.

    An outcome that takes longer than 25 s is answered 202, with where to ask for it.
    """
    application, change_id = asked.application, asked.path["change_id"]
    work = application.applier.apply(asked.actor, change_id, force=asked.body.force, digest=asked.body.digest)
    task = asyncio.get_running_loop().create_task(work)
    done, _ = await asyncio.wait([task], timeout=WAIT_SECONDS)
    if done:
        return Answer(_shown(asked, task.result()))
    asked.serving.keep(task)
    change = await application.store.get_change(asked.actor.organisation_id, change_id)
    return Answer(_shown(asked, change), 202, {"location": f"{PREFIX}/changes/{change_id}"})


async def reject_change(asked: Asked[RejectBody, NoQuery]) -> Answer:
    """Decline a change for good."""
    change = await asked.application.applier.reject(asked.actor, asked.path["change_id"], asked.body.note)
    return Answer(_shown(asked, change))
