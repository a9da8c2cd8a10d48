"""Staging: a write becomes a pending change, after the seed's five checks in their order."""

import uuid

from catalog.artifacts import ArtifactRef, accepts_any
from catalog.errors import Invalid, Unavailable
from catalog.jsonvalue import Json
from catalog.operations import Operation, Tier, Write
from catalog.provider import Call
from catalog.schemas import converter
from engine.changes import PendingChange
from engine.ports import Clock, DurableArtifacts
from engine.targets import TargetFinder
from engine.tenancy import Actor

_NAMESPACE = uuid.UUID("6f0d3c0a-93f0-4a64-9d0a-6c1f5f3e7a11")


class Staging:
    """Plans changes. It holds no way to apply one: `Write` carries `plan` alone."""

    def __init__(
        self, targets: TargetFinder, artifacts: DurableArtifacts | None, clock: Clock, *, lifetime: float
    ) -> None:
        self._targets = targets
        self._artifacts = artifacts
        self._clock = clock
        self._lifetime = lifetime

    async def stage(
        self, actor: Actor, operation: Operation, code: Write, params: Json, call: Call, place: str
    ) -> PendingChange:
        """The change these rendered params would make; it is not stored yet.

        `place` names run, step and item: a run that starts over stages the same ids. Raises FabricError NO_DB,
        NO_TARGET, BAD_TARGET, CROSS_TENANT_TARGET, ARTIFACT_REQUIRED, PARAM_*, PLUGIN_WRITE_FORBIDDEN, or whatever
        reading the target for `before` raises.
        """
        if operation.tier is not Tier.NATIVE:
            raise Invalid("PLUGIN_WRITE_FORBIDDEN", f"Plugin operation `{operation.id}` may not write.")
        if self._artifacts is None:
            raise Unavailable("NO_DB", "There is no database to keep the change in.", hint="Start the server with one.")
        target = await self._targets.find(actor, operation, params)
        artifact = call.artifact
        if operation.accepts and artifact is None:
            raise Invalid(
                "ARTIFACT_REQUIRED",
                f"`{operation.id}` needs an artifact and the chain holds none.",
                hint="Put a step that produces one before it.",
            )
        typed: object = converter(code.params)(params)
        if artifact is not None:
            artifact = await self._artifacts.keep(artifact)
        call.target, call.artifact = target, artifact
        change = await code.plan(typed, call)
        now = self._clock.now()
        return PendingChange(
            id=str(uuid.uuid5(_NAMESPACE, place)),
            organisation_id=actor.organisation_id,
            operation_id=operation.id,
            controller_id=target.id,
            site_id=target.site_id,
            vendor=target.driver,
            change=change,
            digest=change.digest(operation.id, target.id, artifact.sha256 if artifact else None),
            staged_by=actor.id,
            staged_at=now,
            expires_at=now + self._lifetime,
            artifact=artifact,
        )


def staged_output(change: PendingChange) -> dict[str, Json]:
    """What a write step gives: the seed's `{staged, change_id, feature}`."""
    return {"staged": True, "change_id": change.id, "feature": change.operation_id}


def offered_artifact(sources: list[ArtifactRef | None], accepts: tuple[str, ...]) -> ArtifactRef | None:
    """The first artifact among `sources` (nearest producer first) whose media type `accepts` takes."""
    return next((each for each in sources if each is not None and accepts_any((each.media_type,), accepts)), None)
