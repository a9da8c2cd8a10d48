"""Progress: the records of a run as they may be kept, ended or interrupted: with no opened secret in them."""

from collections.abc import Collection, Iterable

import msgspec

from engine.firing import Firing
from engine.redaction import hide_values
from engine.runner import without_secrets
from engine.runs import Failure, Run, StepRecord, StepState

_CANCELLED = "the run was cancelled"


def hide_secrets_of(run: Run, records: Iterable[StepRecord], secrets: Collection[str]) -> None:
    """Hide opened secrets in a run's error and records, whoever gave them back."""
    endings: list[Run | StepRecord] = [run]
    for record in records:
        record.params = hide_values(record.params, secrets)
        record.output = hide_values(record.output, secrets)
        endings.append(record)
    for ended in endings:
        if ended.error is not None:
            code, message, hint = msgspec.structs.astuple(ended.error)
            ended.error = Failure(code, hide_values(message, secrets), hide_values(hint, secrets))


def interrupted(firing: Firing) -> list[StepRecord]:
    """The records of a run that ends here and now, as copies.

    A step under way has failed; one that was staged too, for a run that does not reach its commit stages nothing.
    """
    steps = firing.plan.steps
    records = [msgspec.structs.replace(each) for each in firing.records]
    for record in records:
        if record.state is StepState.RUNNING:
            record.state, record.reason = StepState.FAILED, f"{_CANCELLED} while the step was under way"
            if record.params is not None:
                record.params = without_secrets(steps[record.index], record.params)
        elif record.state is StepState.STAGED:
            record.state, record.reason, record.output = StepState.FAILED, f"{_CANCELLED}, so it staged nothing", None
        elif record.state is StepState.PENDING:
            record.state, record.reason = StepState.SKIPPED, _CANCELLED
        record.change_ids = ()
    secrets: dict[str, str] = firing.context.get("secrets", {})
    if secrets:
        hide_secrets_of(msgspec.structs.replace(firing.run), records, secrets.values())
    return records
