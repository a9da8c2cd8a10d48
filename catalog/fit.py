"""Does an output fit an input? Both are JSON Schemas; the answer is certain in both directions, or it is MAY_FAIL.

What is not understood errs on one side only: an unknown keyword of the output makes the described set larger than it
is, an unknown keyword of the input keeps the answer from being FITS. So FITS and NEVER can be relied on.
"""

import math
from collections.abc import Callable, Iterable
from enum import StrEnum
from functools import lru_cache

import msgspec

from catalog.errors import Invalid
from catalog.jsonvalue import Json, canonical
from catalog.reach import types_of
from catalog.schemas import validator


class Fit(StrEnum):
    """Whether what one schema describes is accepted by another."""

    FITS = "fits"
    MAY_FAIL = "may_fail"
    NEVER = "never"


_ANNOTATIONS = frozenset({
    "title", "description", "default", "examples", "deprecated", "readOnly", "writeOnly", "$schema", "$id", "$comment",
    "$defs", "definitions", "discriminator", "contentMediaType", "contentEncoding", "contentSchema",
})  # fmt: skip
_UNDERSTOOD = _ANNOTATIONS | frozenset({
    "type", "enum", "const", "anyOf", "oneOf", "allOf", "minimum", "maximum", "exclusiveMinimum", "exclusiveMaximum",
    "minLength", "maxLength", "pattern", "format", "items", "minItems", "maxItems", "properties", "required",
    "additionalProperties",
})  # fmt: skip


def fits(output: Json, accepted: Json) -> Fit:
    """Is every value (FITS), some value (MAY_FAIL) or no value (NEVER) that `output` describes valid by `accepted`?"""
    if accepted is True or accepted == {}:
        return Fit.FITS
    if accepted is False:
        return Fit.NEVER if output is not False else Fit.MAY_FAIL
    if output is False:
        return Fit.MAY_FAIL
    output = {} if output is True or "$ref" in output or "$dynamicRef" in output else output
    parts = [_union(fits(each, accepted) for each in output[key]) for key in ("anyOf", "oneOf") if key in output]
    parts += [fits(each, accepted) for each in output.get("allOf", ())]
    parts.append(_base_into(output, accepted))
    return _narrowed(parts)


def _union(verdicts: Iterable[Fit]) -> Fit:
    """For values of any of several kinds."""
    found = set(verdicts)
    return found.pop() if len(found) == 1 else Fit.MAY_FAIL


def _narrowed(verdicts: Iterable[Fit]) -> Fit:
    """For values that are of several kinds at once: one kind's certainty decides."""
    certain = set(verdicts) - {Fit.MAY_FAIL}
    return certain.pop() if len(certain) == 1 else Fit.MAY_FAIL


def _every(verdicts: Iterable[Fit]) -> Fit:
    """For a value that must pass several tests."""
    found = set(verdicts)
    if Fit.NEVER in found:
        return Fit.NEVER
    return Fit.MAY_FAIL if Fit.MAY_FAIL in found else Fit.FITS


def _base_into(output: Json, accepted: Json) -> Fit:
    values = [output["const"]] if "const" in output else output.get("enum")
    if values is not None:
        return _values_into([each for each in values if _valid(output, each)], accepted)
    return _union(_kind_into(output, kind, accepted) for kind in types_of(output))


def _values_into(values: list[Json], accepted: Json) -> Fit:
    valid = [_valid(accepted, each) for each in values]
    if valid and not any(valid):
        return Fit.NEVER
    certain = valid and all(valid) and b'"format"' not in canonical(accepted)
    return Fit.FITS if certain else Fit.MAY_FAIL


def _valid(schema: Json, value: Json) -> bool:
    """Validity without formats; a schema that is none accepts everything."""
    try:
        return _validator(canonical(schema))(value)
    except (Invalid, ValueError):
        return True


@lru_cache(maxsize=512)
def _validator(schema: bytes) -> Callable[[Json], bool]:
    return validator(msgspec.json.decode(schema))


def _kind_into(output: Json, kind: str, accepted: Json) -> Fit:
    """One JSON type of the output against the whole of the input."""
    if accepted is True or accepted is False or "$ref" in accepted or "$dynamicRef" in accepted:
        return Fit.NEVER if accepted is False else Fit.FITS if accepted is True else Fit.MAY_FAIL
    parts = [_kind_into(output, kind, each) for each in accepted.get("allOf", ())]
    if "anyOf" in accepted:
        found = [_kind_into(output, kind, each) for each in accepted["anyOf"]]
        parts.append(Fit.FITS if Fit.FITS in found else _union(found))
    if "oneOf" in accepted:
        parts.append(_exactly_one([_kind_into(output, kind, each) for each in accepted["oneOf"]]))
    if any(each not in _UNDERSTOOD and not each.startswith("x-") for each in accepted):
        parts.append(Fit.MAY_FAIL)
    parts.append(_kind_into_base(output, kind, accepted))
    return _every(parts)


def _exactly_one(verdicts: list[Fit]) -> Fit:
    if all(each is Fit.NEVER for each in verdicts):
        return Fit.NEVER
    others = [each for each in verdicts if each is not Fit.NEVER]
    return Fit.FITS if others == [Fit.FITS] else Fit.MAY_FAIL


def _kind_into_base(output: Json, kind: str, accepted: Json) -> Fit:
    values = [accepted["const"]] if "const" in accepted else accepted.get("enum")
    if values is not None:
        return _kind_into_values({**output, "type": kind}, kind, [each for each in values if _valid(accepted, each)])
    kinds = types_of(accepted)
    if kind == "integer" and "number" in kinds:
        kind = "number"
    if kind not in kinds:
        partly = kind == "number" and "integer" in kinds and _number(output, accepted) is not Fit.NEVER
        return Fit.MAY_FAIL if partly else Fit.NEVER
    check = _CHECKS.get(kind)
    return check(output, accepted) if check else Fit.FITS


def _kind_into_values(output: Json, kind: str, values: list[Json]) -> Fit:
    possible = [each for each in values if _valid(output, each)]
    if not possible:
        return Fit.NEVER
    exhausted = kind == "null" or (kind == "boolean" and {True, False} <= {each for each in possible if each in (0, 1)})
    return Fit.FITS if exhausted else Fit.MAY_FAIL


def _interval(low: float, high: float, wanted_low: float, wanted_high: float) -> Fit:
    if high < wanted_low or low > wanted_high:
        return Fit.NEVER
    return Fit.FITS if low >= wanted_low and high <= wanted_high else Fit.MAY_FAIL


def _bounds(schema: Json) -> tuple[float, float, bool, bool]:
    """Lowest and highest number, and whether each is excluded."""
    low, high = schema.get("minimum", -math.inf), schema.get("maximum", math.inf)
    above, below = schema.get("exclusiveMinimum", -math.inf), schema.get("exclusiveMaximum", math.inf)
    return max(low, above), min(high, below), above >= low and above > -math.inf, below <= high and below < math.inf


def _number(output: Json, accepted: Json) -> Fit:
    low, high, no_low, no_high = _bounds(output)
    wanted_low, wanted_high, no_wanted_low, no_wanted_high = _bounds(accepted)
    verdict = _interval(low, high, wanted_low, wanted_high)
    if high == wanted_low and (no_high or no_wanted_low):
        return Fit.NEVER
    if low == wanted_high and (no_low or no_wanted_high):
        return Fit.NEVER
    if (low == wanted_low and no_wanted_low and not no_low) or (high == wanted_high and no_wanted_high and not no_high):
        return Fit.MAY_FAIL
    return verdict


def _length(output: Json, accepted: Json, shortest: str, longest: str) -> Fit:
    return _interval(
        output.get(shortest, 0),
        output.get(longest, math.inf),
        accepted.get(shortest, 0),
        accepted.get(longest, math.inf),
    )


def _string(output: Json, accepted: Json) -> Fit:
    verdicts = [_length(output, accepted, "minLength", "maxLength")]
    verdicts += [
        Fit.MAY_FAIL for each in ("pattern", "format") if each in accepted and accepted[each] != output.get(each)
    ]
    return _every(verdicts)


def _array(output: Json, accepted: Json) -> Fit:
    verdicts = [_length(output, accepted, "minItems", "maxItems")]
    # `items` speaks of the rest where there are `prefixItems`, so then it says nothing of every item.
    items = {} if "prefixItems" in output else output.get("items", {})
    item = fits(items, {} if "prefixItems" in accepted else accepted.get("items", {}))
    if item is Fit.NEVER and output.get("minItems", 0) < 1:
        item = Fit.MAY_FAIL
    if output.get("maxItems") != 0 and items is not False:
        verdicts.append(item)
    return _every(verdicts)


def _object(output: Json, accepted: Json) -> Fit:
    given, wanted = output.get("properties", {}), accepted.get("properties", {})
    always = set(output.get("required", ()))
    others: Json = {} if "patternProperties" in output else output.get("additionalProperties", {})
    verdicts = []
    for name in accepted.get("required", ()):
        if name not in always:
            impossible = given[name] is False if name in given else others is False
            verdicts.append(Fit.NEVER if impossible else Fit.MAY_FAIL)
    for name in {**given, **wanted, **dict.fromkeys(always)}:
        schema = given.get(name, others)
        if schema is False:
            continue
        verdict = fits(schema, _property(accepted, name))
        verdicts.append(verdict if name in always or verdict is Fit.FITS else Fit.MAY_FAIL)
    if others is not False and fits(others, accepted.get("additionalProperties", {})) is not Fit.FITS:
        verdicts.append(Fit.MAY_FAIL)
    return _every(verdicts)


def _property(accepted: Json, name: str) -> Json:
    if name in accepted.get("properties", {}):
        return accepted["properties"][name]
    if "patternProperties" in accepted:
        return {}
    return accepted.get("additionalProperties", {})


_CHECKS: dict[str, Callable[[Json, Json], Fit]] = {
    "number": _number,
    "integer": _number,
    "string": _string,
    "array": _array,
    "object": _object,
}
