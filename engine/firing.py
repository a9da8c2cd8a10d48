"""Firing: one run while it is under way: its plan, its context for templates, and what it has staged so far."""

from collections.abc import Mapping

import msgspec

from catalog.artifacts import ArtifactRef
from catalog.jsonvalue import Json
from connections.plan import Plan
from engine.changes import PendingChange
from engine.runs import Run, StepRecord
from engine.timestamps import rfc3339


class Ending:
    """A run that is over, with what it staged: what one commit keeps."""

    __slots__ = ("changes", "records", "run")

    def __init__(self, run: Run) -> None:
        self.run = run
        self.changes: list[PendingChange] = []
        self.records: list[StepRecord] = []


class Firing(Ending):
    """What the runner works on. `context` is what templates and conditions look things up in."""

    __slots__ = ("context", "due", "outputs", "plan")

    def __init__(self, run: Run, plan: Plan, due: float, secrets: Mapping[str, str]) -> None:
        event = run.event
        super().__init__(run)
        self.plan = plan
        self.due = due
        self.records = [StepRecord(index=step.index, operation_id=step.operation.id, id=step.id) for step in plan.steps]
        self.outputs: list[Json] = [None] * len(plan.steps)
        self.context: dict[str, Json] = {
            "trigger": event.payload,
            "steps": self.outputs,
            "run": {"id": run.id},
            "connection": {"name": run.connection_name},
        }
        if "event" in plan.uses_roots:
            self.context["event"] = {"id": event.id, "type": event.type, "time": rfc3339(event.time)}
        if secrets:
            self.context["secrets"] = secrets

    def keep_output(self, index: int, output: Json, artifact: ArtifactRef | None, success: bool) -> None:
        """Let later steps see what this one gave."""
        self.outputs[index] = {
            "output": output,
            "artifact": msgspec.to_builtins(artifact) if artifact is not None else None,
            "success": success,
        }
