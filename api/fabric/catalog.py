"""Routes: the catalog, and invoking one of its operations."""

import msgspec

from api.endpoints import Answer, Asked, NoQuery
from api.fabric.shapes import ShownArtifact
from api.fabric.shown import artifact
from catalog.jsonvalue import Json
from engine.changes import PendingChange
from engine.trials import Came

PREFIX = "/api/v1/fabric"


class CatalogSnapshot(msgspec.Struct, kw_only=True):
    """Everything the platform can do or can emit."""

    counts: dict[str, Json]
    operations: list[dict[str, Json]]
    events: list[dict[str, Json]]
    ai_tools: list[dict[str, Json]]


class InvokeBody(msgspec.Struct, kw_only=True, forbid_unknown_fields=True):
    """The operation's parameters, as its input schema has them."""

    params: dict[str, Json] = {}


class Invoked(msgspec.Struct, kw_only=True, omit_defaults=True):
    """What invoking came to: a read's `output`, a write's staged change, or the id to ask for later."""

    output: Json = None
    artifact: ShownArtifact | None = None
    staged: bool = False
    change_id: str | None = None
    staged_change_id: str | None = None
    feature: str | None = None
    invocation_id: str | None = None
    state: str = "succeeded"


async def show_catalog(asked: Asked[None, NoQuery]) -> Answer:
    """Full catalog: operations, events, the assistant's tools, and counts."""
    return Answer(asked.application.registry.seen_by(asked.actor.organisation_id).snapshot)


async def invoke_operation(asked: Asked[InvokeBody, NoQuery]) -> Answer:
    """Invoke a single native operation. A read answers now; a write only stages and answers with the change's id.

    What takes longer than 25 s goes on, and 202 names the invocation to ask for.
    """
    came = await asked.application.trials.invoke(asked.actor, asked.path["operation_id"], asked.body.params)
    return _running(came) if isinstance(came, str) else _came(came)


async def show_invocation(asked: Asked[None, NoQuery]) -> Answer:
    """What a slow invocation came to; 202 while it goes on. Kept for ten minutes, for who started it."""
    invocation_id = asked.path["invocation_id"]
    came = asked.application.trials.late(asked.actor, invocation_id)
    return _running(invocation_id) if came is None else _came(came)


def _came(came: Came) -> Answer:
    if isinstance(came, PendingChange):
        body: Json = {
            "staged": True,
            "change_id": came.id,
            "staged_change_id": came.id,
            "feature": came.operation_id,
        }
        return Answer(body, headers={"location": f"{PREFIX}/changes/{came.id}"})
    return Answer({"output": came.output, "artifact": artifact(came.artifact)})


def _running(invocation_id: str) -> Answer:
    where = f"{PREFIX}/operations/invocations/{invocation_id}"
    return Answer({"invocation_id": invocation_id, "state": "running"}, 202, {"location": where})
