"""Pending changes as rows."""

import msgspec

from engine.changes import ChangeState, PendingChange

CHANGE_COLUMNS = "change.state, change.token, change.body"

_encode = msgspec.json.Encoder().encode
_decode = msgspec.json.Decoder(PendingChange).decode


def change_body(change: PendingChange) -> bytes:
    """The body column of a change."""
    return _encode(change)


def change_of(state: str, token: int, body: bytes) -> PendingChange:
    """The change of a row of CHANGE_COLUMNS."""
    change = _decode(body)
    change.state, change.token = ChangeState(state), token
    return change
