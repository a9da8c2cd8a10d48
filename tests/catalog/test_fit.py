"""What `fits` is certain of is true of every value; what people rely on is decided, not left open."""

from collections.abc import Callable

import pytest
from hypothesis import example, given, settings

from catalog.fit import Fit, fits
from catalog.jsonvalue import Json
from catalog.schemas import validator
from tests.catalog.schema_strategies import schemas, world

_WORLD = world()
_STRING: Json = {"type": "string"}
_UUID: Json = {"type": "string", "format": "uuid"}
_CLOSED: Json = {"type": "object", "properties": {"a": _STRING}, "required": ["a"], "additionalProperties": False}


@settings(max_examples=1500, deadline=None)
@given(schemas, schemas)
@example({"oneOf": [{}, {}]}, {"type": "string"})
def test_a_certain_answer_holds_for_every_value(output: Json, accepted: Json) -> None:
    verdict = fits(output, accepted)
    given_out: Callable[[Json], bool] = validator(output)
    taken: Callable[[Json], bool] = validator(accepted)
    outcomes = {taken(each) for each in _WORLD if given_out(each)}
    if verdict is Fit.FITS:
        assert False not in outcomes
    if verdict is Fit.NEVER:
        assert True not in outcomes


@settings(max_examples=300, deadline=None)
@given(schemas)
def test_nothing_fits_false_and_everything_fits_true(output: Json) -> None:
    assert fits(output, True) is Fit.FITS
    assert fits(output, False) is not Fit.FITS


@pytest.mark.parametrize(
    ("output", "accepted", "verdict"),
    [
        (_STRING, _STRING, Fit.FITS),
        (_STRING, {"type": "integer"}, Fit.NEVER),
        ({"type": "integer"}, {"type": "number"}, Fit.FITS),
        ({"type": "number"}, {"type": "integer"}, Fit.MAY_FAIL),
        ({"type": "boolean"}, {"type": "number"}, Fit.NEVER),
        (_STRING, _UUID, Fit.MAY_FAIL),
        (_UUID, _UUID, Fit.FITS),
        (_UUID, _STRING, Fit.FITS),
        ({}, _STRING, Fit.MAY_FAIL),
        (_STRING, {}, Fit.FITS),
        ({"type": ["string", "null"]}, _STRING, Fit.MAY_FAIL),
        (_STRING, {"anyOf": [_STRING, {"type": "null"}]}, Fit.FITS),
        ({"type": "null"}, {"anyOf": [_STRING, {"type": "integer"}]}, Fit.NEVER),
        ({"enum": ["a", "b"]}, {"enum": ["a", "b", "c"]}, Fit.FITS),
        ({"enum": ["a", "b"]}, {"enum": ["c"]}, Fit.NEVER),
        ({"enum": ["a", "b"]}, {"enum": ["a"]}, Fit.MAY_FAIL),
        (_STRING, {"enum": ["a"]}, Fit.MAY_FAIL),
        ({"type": "integer"}, {"enum": ["a"]}, Fit.NEVER),
        ({"type": "integer", "maximum": 0}, {"type": "integer", "minimum": 1}, Fit.NEVER),
        ({"type": "integer", "minimum": 1, "maximum": 9}, {"type": "integer", "minimum": 1}, Fit.FITS),
        ({"type": "string", "minLength": 3}, {"type": "string", "maxLength": 2}, Fit.NEVER),
        ({"type": "array", "items": _STRING}, {"type": "array", "items": _STRING}, Fit.FITS),
        ({"type": "array", "items": _STRING}, {"type": "array", "items": {"type": "null"}}, Fit.MAY_FAIL),
        (
            {"type": "array", "items": _STRING, "minItems": 1},
            {"type": "array", "items": {"type": "null"}},
            Fit.NEVER,
        ),
        (_CLOSED, _CLOSED, Fit.FITS),
        (_CLOSED, {"type": "object", "required": ["b"]}, Fit.NEVER),
        (_CLOSED, {"type": "object", "properties": {"a": {"type": "null"}}}, Fit.NEVER),
        ({"type": "object"}, _CLOSED, Fit.MAY_FAIL),
        ({"$ref": "#/x"}, _STRING, Fit.MAY_FAIL),
        (_STRING, {"$ref": "#/x"}, Fit.MAY_FAIL),
        (_STRING, {"type": "string", "x-fabric-secret": True}, Fit.FITS),
    ],
)
def test_ordinary_pairs_are_decided(output: Json, accepted: Json, verdict: Fit) -> None:
    assert fits(output, accepted) is verdict
