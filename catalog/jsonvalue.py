"""JSON values: the one loose type of the code base, their canonical bytes and their strict reading."""

import hashlib
import json
import math
from typing import Any

import msgspec

from catalog.errors import Invalid

Json = Any
"""A JSON value: None, bool, int, float, str, list of these or dict of str to these."""

MAX_DEPTH = 32
INT64 = range(-(2**63), 2**63)

_canonical = msgspec.json.Encoder(order="sorted")
_compact = msgspec.json.Encoder()


def canonical(value: Json) -> bytes:
    """The bytes two equal values share: UTF-8, keys sorted, no white space. Basis of every digest."""
    return _canonical.encode(value)


def compact(value: Json) -> bytes:
    """UTF-8 JSON without white space, keys in their own order."""
    return _compact.encode(value)


def digest(value: Json) -> str:
    """Hex SHA-256 of `canonical(value)`."""
    return hashlib.sha256(_canonical.encode(value)).hexdigest()


def _refuse_constant(text: str) -> Json:
    raise Invalid("JSON_NUMBER", f"`{text}` is not a JSON number.", hint="Send null or a finite number.")


def _bounded_int(text: str) -> int:
    if len(text) <= 20 and (number := int(text)) in INT64:
        return number
    raise Invalid("JSON_NUMBER", "An integer lies outside 64 bits.", hint="Send it as a string.")


def _finite_float(text: str) -> float:
    number = float(text)
    if math.isfinite(number):
        return number
    raise Invalid("JSON_NUMBER", "A number is too large for a double.", hint="Send it as a string.")


def _unique(pairs: list[tuple[str, Json]]) -> dict[str, Json]:
    found = dict(pairs)
    if len(found) != len(pairs):
        raise Invalid("JSON_DUPLICATE_KEY", "An object names the same key twice.", hint="Send each key once.")
    return found


_decoder = json.JSONDecoder(
    object_pairs_hook=_unique,
    parse_constant=_refuse_constant,
    parse_int=_bounded_int,
    parse_float=_finite_float,
)


def _depth_within(value: Json, limit: int) -> bool:
    level = [value]
    for _ in range(limit):
        level = [
            inner
            for outer in level
            if type(outer) is dict or type(outer) is list
            for inner in (outer.values() if type(outer) is dict else outer)
            if type(inner) is dict or type(inner) is list
        ]
        if not level:
            return True
    return False


def parse_strict(body: bytes) -> Json:
    """Read one JSON document from outside: UTF-8, no NaN, no duplicate keys, int64, 32 deep, no lone surrogates.

    Raises Invalid with code JSON_SYNTAX, JSON_ENCODING, JSON_NUMBER, JSON_DUPLICATE_KEY or JSON_TOO_DEEP.
    """
    try:
        text = body.decode("utf-8")
        value = _decoder.decode(text)
        if "\\u" in text:
            _compact.encode(value)
    except UnicodeError:
        raise Invalid("JSON_ENCODING", "The body is not UTF-8.", hint="Send UTF-8 without lone surrogates.") from None
    except RecursionError:
        raise Invalid("JSON_TOO_DEEP", "The body is nested too deeply.", hint=f"Keep it {MAX_DEPTH} deep.") from None
    except ValueError as error:
        place = f" at line {error.lineno} column {error.colno}" if isinstance(error, json.JSONDecodeError) else ""
        raise Invalid("JSON_SYNTAX", f"The body is not JSON{place}.", hint="Send one JSON document.") from None
    if body.count(b"{") + body.count(b"[") > MAX_DEPTH and not _depth_within(value, MAX_DEPTH):
        raise Invalid("JSON_TOO_DEEP", "The body is nested too deeply.", hint=f"Keep it {MAX_DEPTH} deep.")
    return value
