"""Masking: a controller's credentials leave no trace in what is told of it, whatever a client library says."""

import functools
from collections.abc import Mapping
from urllib.parse import quote

from catalog.jsonvalue import Json
from catalog.provider import Target

MASK = "…"
IN_SENTENCES = 3
"""Characters that a credential must have to be masked in a sentence; one or two would mask every word."""

IN_DATA = 8
"""In data it takes more: `public` is an SNMP community and may be a network's name as well."""


def masked(target: Target, text: str) -> str:
    """A sentence about the controller without its credentials."""
    return _without(text, _forms(target.credentials, IN_SENTENCES))


def masked_data(target: Target, value: Json) -> Json:
    """JSON about the controller without its credentials; names of fields stay."""
    forms = _forms(target.credentials, IN_DATA)
    return _walked(value, forms) if forms else value


def _walked(value: Json, forms: tuple[str, ...]) -> Json:
    if isinstance(value, str):
        return _without(value, forms)
    if isinstance(value, Mapping):
        return {key: _walked(each, forms) for key, each in value.items()}
    if isinstance(value, list | tuple):
        return [_walked(each, forms) for each in value]
    return value


def _without(text: str, forms: tuple[str, ...]) -> str:
    return functools.reduce(lambda kept, form: kept.replace(form, MASK), forms, text)


def _forms(credentials: Mapping[str, str], least: int) -> tuple[str, ...]:
    """Each as it stands and as it stands in a URL; the longest first, so that none leaves half of another behind."""
    plain = [each for each in credentials.values() if len(each) >= least]
    return tuple(sorted({*plain, *(quote(each, safe="") for each in plain)}, key=len, reverse=True))
