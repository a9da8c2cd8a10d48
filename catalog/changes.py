"""Change: what a write would do, as its provider planned it."""

import msgspec

from catalog.jsonvalue import Json, digest


class Change(msgspec.Struct, frozen=True, kw_only=True):
    """A planned write.

    `request` is exactly what will be sent. `before` and `after` are the readable state of the target around it
    (None where it cannot be read). `precondition` is what must still hold at Apply: an etag, a version or the
    observed state; the provider's `observe` returns it again and any difference is drift. `hidden` are JSON pointers
    into `request`: secrets that are sent and never shown.
    """

    target_id: str
    request: Json
    before: Json = None
    after: Json = None
    precondition: Json = None
    summary: str = ""
    hidden: tuple[str, ...] = ()

    def digest(self, operation_id: str, controller_id: str, artifact_sha256: str | None) -> str:
        """Hex SHA-256 of all a person approves: operation, controller, artifact and this change."""
        return digest([operation_id, controller_id, artifact_sha256, msgspec.to_builtins(self)])
