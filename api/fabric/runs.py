"""Routes: runs, and what a person does with them."""

from contextlib import suppress
from typing import Annotated

from msgspec import Meta

from api.endpoints import Answer, Asked, NoQuery
from api.fabric import shown
from api.fabric.pages import Listing, PageQuery
from api.fabric.shapes import RunRow
from catalog.errors import ConnectionInvalid, NotFound
from catalog.jsonvalue import Json
from engine.runs import Run, RunState
from engine.tenancy import Actor

PREFIX = "/api/v1/fabric"
AT_ONCE = 10


class RunQuery(PageQuery, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Which runs."""

    state: RunState | None = None
    connection: Annotated[str, Meta(min_length=1, max_length=128, description="A Connection's id or name.")] | None = (
        None
    )


def ended_or_under_way(run: Run, actor: Actor, status: int = 200) -> Answer:
    """A run that is over, or 202 and where to ask for it."""
    where = {"location": f"{PREFIX}/runs/{run.id}"}
    return Answer(shown.run(run, actor), status if run.state.over else 202, where)


async def list_runs(asked: Asked[None, RunQuery]) -> Answer:
    """Runs, newest first, of one Connection or in one state if asked for."""
    query, organisation = asked.query, asked.actor.organisation_id
    wanted = query.connection
    if wanted is not None:
        with suppress(NotFound):  # a deleted Connection keeps its runs, under its id
            wanted = (await asked.application.authoring.get(organisation, wanted)).id
    return Answer(await run_rows(asked, query, wanted, query.state))


async def run_rows(
    asked: Asked[Json, Json], query: PageQuery, connection_id: str | None, state: RunState | None = None
) -> Listing[RunRow]:
    """A page of runs. They are read a few at a time, for each may hold megabytes that no list shows."""
    rows: list[RunRow] = []
    cursor = query.cursor
    while True:
        page = await asked.application.store.list_runs(
            asked.actor.organisation_id,
            min(AT_ONCE, query.limit - len(rows)),
            cursor,
            connection_id=connection_id,
            state=state,
        )
        rows += [shown.run_row(each, asked.actor) for each in page.items]
        cursor = page.next
        if cursor is None or len(rows) >= query.limit:
            return Listing(items=rows, next=cursor)


async def get_run(asked: Asked[None, NoQuery]) -> Answer:
    """One run with its steps; params, outputs and reasons are its author's to read."""
    run = await asked.application.store.get_run(asked.actor.organisation_id, asked.path["run_id"])
    return Answer(shown.run(run, asked.actor))


async def replay_run(asked: Asked[None, NoQuery]) -> Answer:
    """Run the same event again by the present Connection. What it stages supersedes what still waits of the first."""
    application, actor = asked.application, asked.actor
    try:
        run = await application.trials.replay(actor, asked.path["run_id"])
    except ConnectionInvalid as error:
        old = await application.store.get_run(actor.organisation_id, asked.path["run_id"])
        stored = await application.authoring.get(actor.organisation_id, old.connection_id)
        raise shown.sealed(error, stored, actor) from None
    return ended_or_under_way(run, actor, 201)


async def cancel_run(asked: Asked[None, NoQuery]) -> Answer:
    """End a run that is queued or under way."""
    run = await asked.application.trials.cancel(asked.actor, asked.path["run_id"])
    return Answer(shown.run(run, asked.actor))
