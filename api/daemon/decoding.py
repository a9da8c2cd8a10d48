"""Decoding: a request's query and body as its handler wants them, or INVALID_REQUEST with what was probably meant."""

import re
from collections.abc import Iterable
from typing import TypeVar, get_args, get_origin, get_type_hints
from urllib.parse import parse_qsl

import msgspec

from api.daemon.endpoint import AnyQuery, Document, Endpoint, NoQuery, Raw
from catalog.catalog import nearest
from catalog.errors import Invalid
from catalog.jsonvalue import Json, parse_strict

T = TypeVar("T")

PARAMETERS_MOST = 32

_NO_QUERY = NoQuery()
_UNKNOWN = re.compile(r"Object contains unknown field `(.*?)`")
_PLACE = re.compile(r" - at `\$\.?(.*?)`\Z")


def decode_query(endpoint: Endpoint, text: str) -> Json:
    """The query as the handler wants it. Raises Invalid INVALID_REQUEST."""
    kind = endpoint.query
    if not text or kind is AnyQuery:
        return _NO_QUERY if kind is NoQuery else kind()
    try:
        pairs = parse_qsl(text, keep_blank_values=True, max_num_fields=PARAMETERS_MOST, errors="strict")
    except ValueError:
        raise Invalid("INVALID_REQUEST", "The query is malformed.", hint="Send name=value pairs in UTF-8.") from None
    types = get_type_hints(kind)
    found: dict[str, Json] = {}
    for name, value in pairs:
        if name not in types:
            raise _unknown("query parameter", name, types)
        if get_origin(types[name]) is tuple:
            found.setdefault(name, []).append(value)
        elif name in found:
            raise Invalid("INVALID_REQUEST", f"The query names `{name}` twice.", hint="Send it once.")
        else:
            found[name] = value
    return _converted(found, kind, "query", strict=False)


def decode_body(endpoint: Endpoint, body: bytes) -> Json:
    """The body as the handler wants it. Raises Invalid INVALID_REQUEST, JSON_*."""
    kind = endpoint.body
    if kind is None or kind is Raw:
        return body if kind is Raw else None
    value = parse_strict(body) if body else {}
    if not isinstance(value, dict):
        raise Invalid("INVALID_REQUEST", "The body is not a JSON object.", hint="Send one object.")
    if kind is Document:
        return value
    unknown = next((name for name in value if name not in kind.__struct_encode_fields__), None)
    if unknown is not None:
        raise _unknown("field", unknown, kind.__struct_encode_fields__)
    return _converted(value, kind, "body", strict=True)


def _converted(value: Json, kind: type[T], what: str, *, strict: bool) -> T:
    try:
        return msgspec.convert(value, kind, strict=strict)
    except msgspec.ValidationError as error:
        text = str(error)
        found = _UNKNOWN.match(text)
        if found is not None:
            raise _unknown("field", found[1], _all_fields(kind)) from None
        place = _PLACE.search(text)
        sentence = _PLACE.sub("", text)
        name = place[1] if place else ""
        where = f"`{name}` of the {what}" if name else f"The {what}"
        details = {"field": name} if name else {}
        raise Invalid("INVALID_REQUEST", f"{where} does not fit: {sentence}.", details=details) from None


def _unknown(what: str, name: str, known: Iterable[str]) -> Invalid:
    names = sorted(known)
    near = nearest(name, names)
    listed = f"There are {', '.join(f'`{each}`' for each in names)}." if names else "Leave it out."
    hint = f"Did you mean `{near}`?" if near else listed
    details = {"field": name, "known": names}
    return Invalid("INVALID_REQUEST", f"There is no {what} `{name}` here.", hint=hint, details=details)


def _all_fields(kind: Json) -> set[str]:
    found: set[str] = set()
    if isinstance(kind, type) and issubclass(kind, msgspec.Struct):
        found |= set(kind.__struct_encode_fields__)
        for inner in get_type_hints(kind).values():
            found |= _all_fields(inner)
    for inner in get_args(kind):
        found |= _all_fields(inner)
    return found
