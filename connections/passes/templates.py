"""Parse every template of every step, and let it refer to steps above only."""

from catalog.errors import FabricError
from catalog.jsonvalue import Json
from connections.passes.work import Work
from connections.references import PLAIN_ROOTS, ROOTS, Scope
from connections.templates import Placed, Template, build


def run(work: Work) -> None:
    """Report TEMPLATE_* mistakes of text and order, and STEP_NOT_UPSTREAM; fill `template` and `foreach_in`."""
    for number, step in enumerate(work.connection.steps):
        at = f"/steps/{number}"
        own = (step.foreach.as_,) if step.foreach is not None else ()
        if not work.broken(at) and not work.broken(f"{at}/params"):
            template = _parse(work, step.params, Scope(roots=ROOTS.union(own), ids=work.ids), f"{at}/params")
            work.steps[number].template = template
            _order(work, number, template, f"{at}/params")
        if step.foreach is not None:
            parsed = _list(work, step.foreach.in_, f"{at}/foreach/in")
            work.steps[number].foreach_in = parsed
            if parsed is not None:
                _order(work, number, parsed, f"{at}/foreach/in")


def _parse(work: Work, value: Json, scope: Scope, at: str) -> Template:
    def report(error: FabricError, pointer: str) -> None:
        work.findings.error(at + pointer, error.code, error.message, error.hint)

    return build(value, scope, report)


def _list(work: Work, text: str, at: str) -> Template | None:
    before = len(work.findings.items)
    template = _parse(work, text, Scope(roots=PLAIN_ROOTS, ids=work.ids), at)
    if len(work.findings.items) > before:
        return None
    if len(template.references) != 1 or not template.references[0].whole:
        work.findings.error(
            at, "SCHEMA_PATTERN", "`in` is not exactly one reference.", 'Write `in: "{{trigger.items}}"`.'
        )
        return None
    return template


def _order(work: Work, number: int, template: Template, at: str) -> None:
    for placed in template.references:
        other = placed.reference.step
        if other is not None and not (work.reach.runs_before(other, number) and other != number):
            _out_of_order(work, number, other, placed, at)


def _out_of_order(work: Work, number: int, other: int, placed: Placed, at: str) -> None:
    name = work.ids[other] or str(other)
    place = at + placed.pointer
    if other == number or work.reach.runs_before(number, other):
        which = "is this step itself" if other == number else "runs after this one"
        work.findings.error(
            place, "TEMPLATE_FORWARD_REF", f"Step `{name}` {which}.", "Refer to a step that runs before."
        )
    elif number not in work.unordered:
        work.findings.error(
            place,
            "STEP_NOT_UPSTREAM",
            f"This step does not need step `{name}`, so it may run first.",
            not_upstream(work, number, other),
        )


def not_upstream(work: Work, number: int, other: int) -> str:
    """The line that would mend a reference to a step that is not needed."""
    name = work.ids[other]
    wanted = [*(work.ids[each] for each in work.reach.needs[number]), name]
    if None in wanted:
        unnamed = next(each for each in (*work.reach.needs[number], other) if work.ids[each] is None)
        return f"Give step {unnamed} an `id`, and name it in `needs`."
    return f"Write `needs: [{', '.join(str(each) for each in wanted)}]`."
