"""Conditions: fields that can exist, constants that the operators can use, and types that can ever agree."""

from collections.abc import Iterator, Sequence

from msgspec import UNSET

from catalog.errors import FabricError
from catalog.fit import Fit, fits
from catalog.jsonvalue import Json
from catalog.reach import Presence
from connections.conditions import Check
from connections.model import Condition
from connections.operators import compile_pattern, is_number
from connections.passes.templates import not_upstream
from connections.passes.vista import reach_reference
from connections.passes.work import Work
from connections.references import Reference, Scope, reference

_ORDERED = ("gt", "gte", "lt", "lte")
_ANY_TEXT_OR_LIST: Json = {"anyOf": [{"type": "string"}, {"type": "array"}]}


def run(work: Work) -> None:
    """Report CONDITION_PATH and CONDITION_VALUE; fill `condition` of the Connection and of each step."""
    work.condition = _list(work, work.connection.conditions, "/conditions", None)
    for number, step in enumerate(work.connection.steps):
        work.steps[number].condition = _list(work, step.if_, f"/steps/{number}/if", number)


def _list(work: Work, conditions: Sequence[Condition] | None, at: str, number: int | None) -> Check | None:
    if not conditions:
        return None
    sound = True
    for leaf, place in _leaves(conditions, at):
        usable = leaf.field is not UNSET
        sound = usable and _leaf(work, leaf, place, number) and sound
    return Check(conditions, work.ids) if sound else None


def _leaves(conditions: Sequence[Condition], at: str) -> Iterator[tuple[Condition, str]]:
    """Every leaf with its pointer; a condition that could not be read comes as a leaf without a field."""
    for number, each in enumerate(conditions):
        yield from _below(each, f"{at}/{number}")


def _below(condition: Condition, at: str) -> Iterator[tuple[Condition, str]]:
    if isinstance(condition.all, tuple):
        yield from _leaves(condition.all, f"{at}/all")
    elif isinstance(condition.any, tuple):
        yield from _leaves(condition.any, f"{at}/any")
    elif isinstance(condition.not_, Condition):
        yield from _below(condition.not_, f"{at}/not")
    else:
        yield condition, at


def _leaf(work: Work, leaf: Condition, at: str, number: int | None) -> bool:
    sound = _value(work, leaf, f"{at}/value")
    found = _path(work, str(leaf.field), f"{at}/field", number)
    if found is None:
        return False
    presence, schema = reach_reference(work, number, found)
    if presence is Presence.NEVER:
        work.findings.error(
            f"{at}/field", "CONDITION_PATH", f"There is no `{found.text}`.", "Look at the event's payload schema."
        )
        return False
    return sound and _types(work, leaf, schema, f"{at}/value")


def _path(work: Work, field: str, at: str, number: int | None) -> Reference | None:
    """The field as a reference, or None after saying what is wrong with it."""
    roots = frozenset({"trigger"} if number is None else {"trigger", "steps"})
    try:
        found = reference(field, Scope(roots=roots, ids=work.ids))
    except FabricError as error:
        begin = "`trigger.`" if number is None else "`trigger.` or `steps.`"
        work.findings.error(at, "CONDITION_PATH", error.message, f"A field is a path that begins with {begin}.")
        return None
    if len(found.path) < (2 if found.step is None else 3):
        work.findings.error(
            at, "CONDITION_PATH", "A field names something below `trigger` or a step.", f"Write `{found.text}.name`."
        )
        return None
    other = found.step
    if other is not None and number is not None and (other == number or not work.reach.runs_before(other, number)):
        if number not in work.unordered:
            work.findings.error(
                at,
                "CONDITION_PATH",
                f"This step does not need step `{work.ids[other] or other}`, so it may run first.",
                not_upstream(work, number, other),
            )
        return None
    return found


def _value(work: Work, leaf: Condition, at: str) -> bool:
    """Can the operator use the constant at all?"""
    value, operator = leaf.value, leaf.operator
    problem: str | None = None
    hint: str | None = None
    if _holds_braces(value):
        problem, hint = "A condition compares with a constant; `{{` stands in this one.", "Write the value itself."
    elif operator in ("in", "not_in") and (type(value) is not list or not value):
        problem, hint = f"`{operator}` needs a list with at least one value.", "Write `value: [a, b]`."
    elif operator in _ORDERED and type(value) is not str and not is_number(value):
        problem, hint = f"`{operator}` compares numbers or text.", "Write a number or text."
    elif operator == "matches" and (type(value) is not str or compile_pattern(value) is None):
        problem, hint = "The pattern is not one that google-re2 takes.", "It has no look-around and no back-references."
    if problem is not None:
        work.findings.error(at, "CONDITION_VALUE", problem, hint)
    return problem is None


def _holds_braces(value: Json) -> bool:
    if type(value) is str:
        return "{{" in value
    if type(value) is dict:
        return any("{{" in key or _holds_braces(each) for key, each in value.items())
    return type(value) is list and any(map(_holds_braces, value))


def _types(work: Work, leaf: Condition, schema: Json, at: str) -> bool:
    """Can a field of this type ever satisfy the operator?"""
    wanted = _wanted(leaf)
    if wanted is None or fits(schema, wanted) is not Fit.NEVER:
        return True
    work.findings.error(
        at,
        "CONDITION_VALUE",
        f"`{leaf.field}` can never satisfy `{leaf.operator}` with this value: their types do not meet.",
        "Look at the field's type in the payload schema.",
    )
    return False


def _wanted(leaf: Condition) -> Json:
    """The schema of the values that may satisfy the leaf; None where every value may."""
    operator, value = leaf.operator, leaf.value
    if operator == "eq":
        return {"const": value}
    if operator == "in":
        return {"enum": value}
    if operator == "matches":
        return {"type": "string"}
    if operator in _ORDERED:
        return {"type": "string" if type(value) is str else "number"}
    if operator == "contains":
        return _ANY_TEXT_OR_LIST if type(value) is str else {"type": "array"}
    return None
