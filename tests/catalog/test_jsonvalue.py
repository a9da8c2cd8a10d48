"""JSON from outside: strict, and never anything but our own exception."""

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from catalog.errors import FabricError
from catalog.jsonvalue import MAX_DEPTH, canonical, compact, digest, parse_strict


@pytest.mark.parametrize(
    ("body", "code"),
    [
        (b"", "JSON_SYNTAX"),
        (b"{", "JSON_SYNTAX"),
        (b"{} {}", "JSON_SYNTAX"),
        (b"NaN", "JSON_NUMBER"),
        (b"-Infinity", "JSON_NUMBER"),
        (b"1e999", "JSON_NUMBER"),
        (b"9223372036854775808", "JSON_NUMBER"),
        (b"1" * 5000, "JSON_NUMBER"),
        (b'{"a": 1, "a": 1}', "JSON_DUPLICATE_KEY"),
        (b'"\xff"', "JSON_ENCODING"),
        (b'"\\ud800"', "JSON_ENCODING"),
        (b"[" * (MAX_DEPTH + 1) + b"]" * (MAX_DEPTH + 1), "JSON_TOO_DEEP"),
        (b"[" * 100_000, "JSON_TOO_DEEP"),
    ],
)
def test_what_is_not_strict_json_is_refused(body: bytes, code: str) -> None:
    with pytest.raises(FabricError) as caught:
        parse_strict(body)
    assert caught.value.code == code


_json = st.recursive(
    st.none() | st.booleans() | st.integers(-(2**63), 2**63 - 1) | st.floats(allow_nan=False, allow_infinity=False)
    | st.text(st.characters(exclude_categories=["Cs"])),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(max_size=4), inner, max_size=4),
    max_leaves=10,
)  # fmt: skip


def test_thirty_two_levels_are_read() -> None:
    assert parse_strict(b"[" * MAX_DEPTH + b"1" + b"]" * MAX_DEPTH)


@settings(max_examples=300, deadline=None)
@given(_json)
def test_what_is_json_comes_back_equal(value: object) -> None:
    assert parse_strict(compact(value)) == value
    assert parse_strict(canonical(value)) == value


@pytest.mark.promise("P4", count=5000)
@settings(max_examples=5000, deadline=None)
@given(st.binary(max_size=40) | st.text('{}[]",:\\u0eE+-.truefalsn \x00é').map(str.encode))
def test_whatever_bytes_come_only_our_own_exception_leaves(body: bytes) -> None:
    try:
        parse_strict(body)
    except FabricError as error:
        assert error.code.startswith("JSON_")


def test_equal_values_share_their_digest() -> None:
    assert digest({"a": 1, "b": [2]}) == digest({"b": [2], "a": 1}) != digest({"a": 1, "b": [3]})
