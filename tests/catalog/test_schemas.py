"""Schemas from typed structs: readable alone, true of what is written out, and validators that know them."""

from typing import Annotated, Literal

import msgspec
import pytest

from catalog.errors import FabricError
from catalog.schemas import converter, output_schema_of, schema_of, validator


class _Inner(msgspec.Struct):
    """Inside."""

    x: int = 1
    u: int | msgspec.UnsetType = msgspec.UNSET


class _Outer(msgspec.Struct, forbid_unknown_fields=True):
    inner: _Inner
    several: list[_Inner] = []
    limit: Annotated[int, msgspec.Meta(ge=1, le=9)] = 5
    word: Literal["a", "b"] = "a"


class _Sparse(msgspec.Struct, omit_defaults=True):
    x: int = 1


class _Holder(msgspec.Struct):
    several: dict[str, list[_Sparse]]


class _Endless(msgspec.Struct):
    again: "_Endless | None" = None


def test_definitions_are_written_where_they_are_used() -> None:
    schema = schema_of(_Outer)
    assert "$defs" not in schema
    assert schema["properties"]["inner"]["properties"]["x"] == {"type": "integer", "default": 1}
    assert schema["properties"]["several"]["items"]["title"] == "_Inner"
    assert schema["required"] == ["inner"]
    assert schema["additionalProperties"] is False


def test_a_type_that_contains_itself_has_no_such_schema() -> None:
    with pytest.raises(TypeError):
        schema_of(_Endless)


def test_what_is_written_out_has_its_defaults() -> None:
    schema = output_schema_of(_Outer)
    assert schema["required"] == ["inner", "several", "limit", "word"]
    assert schema["properties"]["inner"]["required"] == ["x"]
    assert schema["properties"]["several"]["items"]["required"] == ["x"]
    written = msgspec.to_builtins(_Outer(_Inner()))
    assert validator(schema)(written)


@pytest.mark.parametrize("kind", [_Sparse, _Holder])
def test_an_output_that_leaves_out_its_defaults_is_refused(kind: type) -> None:
    with pytest.raises(TypeError):
        output_schema_of(kind)


@pytest.mark.parametrize(
    ("value", "code"),
    [
        ({}, "PARAM_REQUIRED"),
        ({"inner": {}, "nope": 1}, "PARAM_UNKNOWN_FIELD"),
        ({"inner": {"x": "secret"}}, "PARAM_TYPE"),
        ({"inner": {}, "limit": 0}, "PARAM_RANGE"),
        ({"inner": {}, "word": "secret - at `$.secret`"}, "PARAM_ENUM"),
    ],
)
def test_conversion_answers_in_our_codes_and_quotes_no_value(value: object, code: str) -> None:
    with pytest.raises(FabricError) as caught:
        converter(_Outer)(value)
    assert caught.value.code == code
    assert "secret" not in str(caught.value)


def test_what_is_no_schema_is_refused() -> None:
    with pytest.raises(FabricError) as caught:
        validator({"type": "nonsense"})
    assert caught.value.code == "SCHEMA_INVALID"
