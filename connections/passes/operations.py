"""Which operation each step calls, and what a write may not say."""

from catalog.operations import Operation, Tier
from connections.model import Step
from connections.passes.work import Work


def run(work: Work) -> None:
    """Report OP_UNKNOWN, PLUGIN_WRITE_FORBIDDEN, WRITE_RETRY and WRITE_ON_MISSING; fill each step's `operation`."""
    for number, step in enumerate(work.connection.steps):
        at = f"/steps/{number}"
        if not step.operation_id:
            continue
        operation = work.catalog.find_operation(step.operation_id)
        work.steps[number].operation = operation
        if operation is None:
            work.findings.error(
                f"{at}/operation_id",
                "OP_UNKNOWN",
                f"There is no operation `{step.operation_id[:80]}`.",
                work.catalog.hint_for(step.operation_id),
            )
        elif operation.write:
            _write(work, operation, step, at)


def _write(work: Work, operation: Operation, step: Step, at: str) -> None:
    if operation.tier is Tier.PLUGIN:
        work.findings.error(
            f"{at}/operation_id",
            "PLUGIN_WRITE_FORBIDDEN",
            f"`{operation.id}` is a plugin's write; only native operations write.",
            "Use a native operation.",
        )
    if step.retry is not None:
        work.findings.error(
            f"{at}/retry",
            "WRITE_RETRY",
            f"`{operation.id}` is a write; it is staged once and never retried.",
            "Remove `retry`.",
        )
    if step.on_missing == "empty":
        work.findings.error(
            f"{at}/on_missing",
            "WRITE_ON_MISSING",
            f"`{operation.id}` is a write; no partial value is staged.",
            "Use `error` or `skip`.",
        )
