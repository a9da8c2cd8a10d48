"""Parameters against each operation's input schema, and secrets where they may stand."""

from collections.abc import Callable
from weakref import WeakKeyDictionary

from catalog.catalog import Catalog
from catalog.diagnostics import pointer
from catalog.errors import Invalid
from catalog.jsonvalue import Json
from catalog.operations import Operation
from catalog.reach import Presence, lookup
from catalog.schemas import validator
from connections.passes.problems import Path, Problem
from connections.passes.values import ValueCheck, says
from connections.passes.vista import reach_reference
from connections.passes.work import Work
from connections.references import Reference
from connections.templates import Placed, Template


def run(work: Work) -> None:
    """Report PARAM_*, TEMPLATE_IN_URL_HOST, and TEMPLATE_UNKNOWN_ROOT for a secret where none may stand."""
    for number, mine in enumerate(work.steps):
        if mine.operation is not None and mine.template is not None:
            _step(work, number, mine.operation, mine.template)


def _step(work: Work, number: int, operation: Operation, template: Template) -> None:
    at = f"/steps/{number}/params"

    def schema_of(reference: Reference) -> Json:
        presence, schema = reach_reference(work, number, reference)
        return {} if presence is Presence.NEVER else schema

    found = 0
    for problem in ValueCheck(schema_of).problems(template.node, operation.input_schema, ()):
        found += 1
        if not _left_to_targets(operation, template, problem):
            work.findings.error(at + pointer(*problem.path), problem.code, problem.message, problem.hint)
    for placed in template.references:
        if placed.reference.root == "secrets" and not may_be_secret(operation.input_schema, placed):
            work.findings.error(
                at + placed.pointer,
                "TEMPLATE_UNKNOWN_ROOT",
                "Secrets may stand only in parameters that are marked for them.",
                "Use a parameter marked `x-fabric-secret`.",
            )
    if not found and template.constant and not work.findings.failed:
        _whole(work, operation, template, at)


def _left_to_targets(operation: Operation, template: Template, problem: Problem) -> bool:
    """A write's `controller_id` has codes of its own: NO_TARGET and BAD_TARGET."""
    if not operation.write or problem.path != ("controller_id",):
        return False
    written = template.value.get("controller_id")
    return problem.code == "PARAM_REQUIRED" or (problem.code == "PARAM_TYPE" and type(written) is str)


def may_be_secret(schema: Json, placed: Placed) -> bool:
    """Is the parameter, or one that holds it, marked `x-fabric-secret`, or is it a URL that is a secret as a whole?"""
    path: Path = ()
    for segment in (*placed.path, None):
        here = lookup(schema, path)[1]
        if says(here, "x-fabric-secret", True):
            return True
        if segment is None:
            return placed.whole and says(here, "format", "uri")
        path = (*path, segment)
    return False


Validator = Callable[[Json], bool]
_validators: WeakKeyDictionary[Catalog, dict[str, Validator]] = WeakKeyDictionary()
"""Compiled once for each catalog and operation."""


def _whole(work: Work, operation: Operation, template: Template, at: str) -> None:
    """Constants that the walk finds no fault with, asked of a full validator: it knows every keyword."""
    compiled = _validators.setdefault(work.catalog, {})
    if operation.id not in compiled:
        compiled[operation.id] = _validator(operation)
    if compiled[operation.id](template.value):
        return
    if operation.write and "controller_id" not in template.value:
        return  # NO_TARGET says it better, and nothing else can be told from this answer
    work.findings.error(
        at,
        "PARAM_TYPE",
        f"The parameters do not fit `{operation.id}`.",
        "Compare with the operation's input schema.",
    )


def _validator(operation: Operation) -> Validator:
    try:
        return validator(operation.input_schema)
    except Invalid:
        return lambda _value: True
