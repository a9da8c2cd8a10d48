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
            near = work.catalog.nearest_operation(step.operation_id)
            hint = f"Did you mean `{near}`?" if near else "See `fabric catalog ls`."
            message = f"There is no operation `{step.operation_id[:80]}`."
            work.findings.error("OP_UNKNOWN", f"{at}/operation_id", message, hint)
        elif operation.write:
            _write(work, operation, step, at)


def _write(work: Work, operation: Operation, step: Step, at: str) -> None:
    if operation.tier is Tier.PLUGIN:
        message = f"`{operation.id}` is a plugin's write; only native operations write."
        work.findings.error("PLUGIN_WRITE_FORBIDDEN", f"{at}/operation_id", message, "Use a native operation.")
    if step.retry is not None:
        message = f"`{operation.id}` is a write; it is staged once and never retried."
        work.findings.error("WRITE_RETRY", f"{at}/retry", message, "Remove `retry`.")
    if step.on_missing == "empty":
        message = f"`{operation.id}` is a write; no partial value is staged."
        work.findings.error("WRITE_ON_MISSING", f"{at}/on_missing", message, "Use `error` or `skip`.")
