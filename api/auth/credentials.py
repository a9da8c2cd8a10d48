"""Credentials on the wire: `Authorization: Bearer` for people, `X-API-Key` for machines, one of them at a time.

At the assistant's door the bearer is an assistant, and nobody else comes in there.
"""

from sanic import Request

from catalog.errors import Unauthenticated
from engine.credentials import Credentials
from engine.tenancy import Actor, Credential, CredentialKind

_LONGEST = 256


def identify_fresh(credentials: Credentials, request: Request) -> tuple[Actor, Credential] | None:
    """Who sends this request, where that was looked up within the last second; None: ask `identify`.

    Raises what `identify` raises.
    """
    kind, text = _shown(request)
    return credentials.fresh(text, kind, request.ip)


async def identify(credentials: Credentials, request: Request) -> tuple[Actor, Credential]:
    """Who sends this request.

    Raises Unauthenticated CREDENTIAL_AMBIGUOUS, CREDENTIAL_MISSING, CREDENTIAL_UNKNOWN.
    """
    kind, text = _shown(request)
    return await credentials.authenticate(text, kind, request.ip)


async def identify_assistant(credentials: Credentials, request: Request) -> tuple[Actor, Credential]:
    """Which assistant sends this request. Raises what `identify` raises, for a person's token and a key as well."""
    kind, text = _shown(request)
    if kind is CredentialKind.KEY:
        raise Unauthenticated(
            "CREDENTIAL_MISSING",
            "The request shows no assistant's token.",
            hint="Send `Authorization: Bearer faba_…`; `fabric keys create NAME --kind assistant` makes one.",
        )
    wanted = CredentialKind.ASSISTANT
    return credentials.fresh(text, wanted, request.ip) or await credentials.authenticate(text, wanted, request.ip)


def _shown(request: Request) -> tuple[CredentialKind, str]:
    bearers = request.headers.getall("authorization", ())
    keys = request.headers.getall("x-api-key", ())
    if len(bearers) + len(keys) > 1:
        raise Unauthenticated(
            "CREDENTIAL_AMBIGUOUS", "The request shows more than one credential.", hint="Send a token or a key, once."
        )
    if keys and 0 < len(keys[0]) <= _LONGEST:
        return CredentialKind.KEY, keys[0]
    if bearers:
        scheme, _, text = bearers[0].partition(" ")
        if scheme.lower() == "bearer" and 0 < len(text) <= _LONGEST:
            return CredentialKind.TOKEN, text
    raise Unauthenticated(
        "CREDENTIAL_MISSING",
        "The request shows no credential.",
        hint="Send `Authorization: Bearer …` (people) or `X-API-Key: …` (machines).",
    )
