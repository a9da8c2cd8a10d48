"""Targets: which controller a step touches, and whose it is."""

from catalog.jsonvalue import Json
from connections.passes.work import StepWork, Work
from connections.references import Reference
from connections.render_careful import Text
from connections.uuids import is_canonical_uuid


def run(work: Work) -> None:
    """Report NO_TARGET and BAD_TARGET for writes; CROSS_TENANT_TARGET wherever a controller is named.

    A templated target is checked at firing, on the value it resolves to.
    """
    for number, mine in enumerate(work.steps):
        if mine.operation is None or mine.template is None:
            continue
        at = f"/steps/{number}/params/controller_id"
        node = mine.template.node
        if "controller_id" in node:
            _check(work, mine, node["controller_id"], at)
        elif mine.operation.write:
            work.findings.error(
                at,
                "NO_TARGET",
                f"`{mine.operation.id}` is a write, and no `controller_id` says on what.",
                "Add `controller_id:` with the controller's id.",
            )


def _check(work: Work, mine: StepWork, node: Json, at: str) -> None:
    operation = mine.operation
    if operation is None or type(node) in (Reference, Text) or work.broken(at):
        return
    declared = "controller_id" in operation.input_schema.get("properties", {})
    if type(node) is not str or not is_canonical_uuid(node):
        if operation.write and _was_read(node):
            work.findings.error(
                at,
                "BAD_TARGET",
                "`controller_id` is not a UUID in its canonical form.",
                "Write it in lower case: `fabric controllers ls`.",
            )
        return
    if work.targets is None or work.author is None or not (operation.write or declared):
        return
    if work.targets.owner(node) != work.author.organisation_id:
        work.findings.error(
            at,
            "CROSS_TENANT_TARGET",
            "There is no such controller in this organisation.",
            "Choose one of this organisation's: `fabric controllers ls`.",
        )


def _was_read(node: Json) -> bool:
    return isinstance(node, str | int | float | list | dict) or node is None
