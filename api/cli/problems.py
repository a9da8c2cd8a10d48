"""Problems: what the server answers becomes the FabricError it was there."""

import json
from collections.abc import Mapping

import msgspec

from catalog import errors
from catalog.diagnostics import Diagnostic
from catalog.errors import ConnectionInvalid, FabricError, TooMany
from catalog.jsonvalue import Json

_CLASSES: dict[int, type[FabricError]] = {
    kind.status: kind
    for kind in (
        errors.Invalid,
        errors.Unauthenticated,
        errors.Forbidden,
        errors.NotFound,
        errors.Conflict,
        errors.PreconditionFailed,
        errors.TooLarge,
        errors.Unsupported,
        errors.Unavailable,
        errors.TargetFailed,
        errors.TargetTimeout,
    )
}


class ServerBug(FabricError):
    """The server answered 500, or something that no server of ours answers."""


def problem_from(status: int, headers: Mapping[str, str], body: bytes) -> FabricError:
    """The failure that an answer of 400 and above stands for; `body` is its application/problem+json, if it is."""
    found = _read(body)
    code = str(found.get("code") or f"HTTP_{status}")
    message = str(found.get("detail") or found.get("message") or found.get("title") or f"The server answers {status}.")
    hint = found.get("hint")
    if found.get("diagnostics"):
        return ConnectionInvalid(diagnostics_from(found["diagnostics"]))
    if status == TooMany.status:
        return TooMany(code, message, hint=hint, retry_after=_seconds(headers.get("retry-after", "")))
    kind = _CLASSES.get(status) or (errors.Invalid if 400 <= status < 500 else ServerBug)
    details = {key: value for key, value in found.items() if key not in _SHOWN}
    return kind(code, message, hint=hint, details=details)


def trouble_from(status: int, headers: Mapping[str, str], body: bytes) -> FabricError:
    """The failure that an error envelope of the services API stands for."""
    found = _read(body)
    trouble = found.get("error") if found.get("status") == "error" else None
    if not isinstance(trouble, dict):
        return problem_from(status, headers, body)
    details = dict(trouble.get("details") or {})
    code, hint = str(trouble.get("code")), details.pop("hint", None)
    if status == errors.GuestFailed.status and code != "INTERNAL_ERROR":
        return errors.GuestFailed(code, str(trouble.get("message")), hint=hint, details=details)
    flat = {**details, "code": code, "message": trouble.get("message"), "hint": hint}
    return problem_from(status, headers, json.dumps(flat).encode())


_SHOWN = frozenset({"code", "detail", "message", "title", "hint", "status", "type"})


def diagnostics_from(found: Json) -> list[Diagnostic]:
    """Diagnostics as REST sends them: with `span` or with `line` and `column` beside the rest."""
    return [msgspec.convert(_with_span(each), Diagnostic) for each in found]


def _with_span(each: Json) -> Json:
    kept = {key: value for key, value in each.items() if key in Diagnostic.__struct_fields__}
    if kept.get("span") is None and each.get("line"):
        kept["span"] = {"line": each["line"], "column": each.get("column") or 1, "width": each.get("width") or 1}
    return kept


def _read(body: bytes) -> Json:
    try:
        found = json.loads(body)
    except ValueError:
        return {}  # a proxy's page: the status is all that it tells
    return found if isinstance(found, dict) else {}


def _seconds(text: str) -> float:
    return float(text) if text.isdecimal() else 1.0
