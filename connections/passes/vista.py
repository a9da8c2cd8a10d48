"""Vista: what a step sees: the schema that each reference leads to, and whether something will be there."""

from collections.abc import Sequence

from catalog.jsonvalue import Json
from catalog.operations import STAGED_SCHEMA, Operation
from catalog.reach import Presence, lookup
from connections.model import Condition, Step
from connections.passes.work import Work
from connections.references import PLAIN_ROOTS, Reference, Scope, reference

_TEXT: Json = {"type": "string"}


def _record(**properties: Json) -> Json:
    return {
        "type": "object",
        "properties": properties,
        "required": list(properties),
        "additionalProperties": False,
    }


_ARTIFACT = _record(token=_TEXT, sha256=_TEXT, size={"type": "integer"}, media_type=_TEXT, durable={"type": "boolean"})
_FIXED: dict[str, Json] = {
    "run": _record(id=_TEXT),
    "connection": _record(name=_TEXT),
    "event": _record(id=_TEXT, type=_TEXT, time=_TEXT),
}


def step_schema(step: Step, operation: Operation | None) -> Json:
    """What `{{steps.n}}` looks like: `output`, `artifact` and `success`, and nothing else."""
    output: Json = {}
    artifact: Json = {}
    if operation is not None:
        output = operation.output_schema or (STAGED_SCHEMA if operation.write else {})
        gives = operation.produces and step.foreach is None
        artifact = {"anyOf": [_ARTIFACT, {"type": "null"}]} if gives else {"type": "null"}
    if step.foreach is not None:
        output = {"type": "array", "items": output}
    return _record(output=output, artifact=artifact, success={"type": "boolean"})


def reach_reference(work: Work, number: int | None, found: Reference) -> tuple[Presence, Json]:
    """Whether something stands where the reference leads, seen from step `number`, and its schema.

    `number` None: from the Connection's own conditions, before any step.
    """
    root, *path = found.path
    if root == "trigger":
        return lookup(work.origin.schema, path)
    if root == "steps":
        return _reach_step(work, number, found)
    if root == "secrets":
        return Presence.ALWAYS if len(path) == 1 else Presence.NEVER, _TEXT
    if root in _FIXED:
        return lookup(_FIXED[root], path)
    return lookup(work.steps[number].item_schema if number is not None else {}, path)


def _reach_step(work: Work, number: int | None, found: Reference) -> tuple[Presence, Json]:
    other = found.step or 0
    path = found.path[2:]
    presence, schema = lookup(step_schema(work.connection.steps[other], work.steps[other].operation), path)
    certain = number is None or other in succeeded_before(work, number)
    if presence is Presence.ALWAYS and len(path) > 1 and not certain:
        presence = Presence.MAYBE
    return presence, schema


def succeeded_before(work: Work, number: int) -> frozenset[int]:
    """The steps that have certainly succeeded when this one runs."""
    certain: dict[int, frozenset[int]] = {}
    for each in work.reach.order:
        step = work.connection.steps[each]
        sets = []
        for need in work.reach.needs[each]:
            failed_on = work.connection.steps[need].continue_on_error
            sets.append(certain[need] if failed_on else certain[need] | {need})
        if step.join == "any" and sets:
            certain[each] = frozenset.intersection(*sets)
        else:
            certain[each] = frozenset().union(*sets)
        if each == number:
            return certain[each]
    return frozenset()


def guarded_paths(conditions: Sequence[Condition] | None, ids: Sequence[str | None]) -> set[tuple[str | int, ...]]:
    """Paths that certainly lead to something where the conditions hold: every operator but `not_exists` asks that."""
    found: set[tuple[str | int, ...]] = set()
    for each in conditions or ():
        if isinstance(each.all, tuple):
            found |= guarded_paths(each.all, ids)
        elif isinstance(each.field, str) and each.operator != "not_exists":
            found.add(reference(each.field, Scope(roots=PLAIN_ROOTS, ids=ids)).path)
    return found
