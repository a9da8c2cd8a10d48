"""Artifacts: a step that accepts one takes it from the nearest producer above, or from the event."""

from catalog.artifacts import accepts_any
from catalog.operations import Operation
from connections.passes.work import Work
from connections.plan import Source


def run(work: Work) -> None:
    """Report ARTIFACT_REQUIRED; fill `artifact_from`."""
    for number, mine in enumerate(work.steps):
        if mine.operation is not None and mine.operation.accepts:
            mine.artifact_from = _sources(work, number, mine.operation)
            if not mine.artifact_from and work.origin.known and _all_known(work, number):
                named = " or ".join(f"`{each}`" for each in mine.operation.accepts)
                work.findings.error(
                    f"/steps/{number}/operation_id",
                    "ARTIFACT_REQUIRED",
                    f"`{mine.operation.id}` needs an artifact ({named}), and nothing above it gives one.",
                    "Put a step before it that produces one, or choose an event that brings one.",
                )


def _sources(work: Work, number: int, operation: Operation) -> tuple[Source, ...]:
    found: list[Source] = []
    for above in work.reach.nearest_above(number):
        other = work.steps[above].operation
        # A step that runs for each item gives no artifact of its own: which of many would it be?
        single = work.connection.steps[above].foreach is None
        if other is not None and single and accepts_any(other.produces, operation.accepts):
            found.append(above)
    if not work.origin.known or accepts_any(work.origin.produces, operation.accepts):
        found.append("trigger")
    return tuple(found)


def _all_known(work: Work, number: int) -> bool:
    return all(work.steps[above].operation is not None for above in work.reach.nearest_above(number))
