"""Telephone ids: `bob`, or `bob@example.com`, as a SIP registrar names who can be called."""

import re

_SCHEME = re.compile(r"\Asips?:", re.IGNORECASE)


def record_of(phone_id: str) -> str:
    """The address of record: without scheme, password, port and parameters."""
    plain = _SCHEME.sub("", phone_id).partition(";")[0].partition("?")[0]
    user, at, place = plain.rpartition("@")
    return f"{user.partition(':')[0]}@{host_of(place)}" if at else plain


def host_of(place: str) -> str:
    """`pbx.lan` of `PBX.lan:5060`, `[::1]` of `[::1]:5060`."""
    host, bracket, _ = place.partition("]")
    return (host + bracket if bracket else place.partition(":")[0]).lower()


def user_of(phone_id: str) -> str:
    """The part before the host: the extension."""
    record = record_of(phone_id)
    return record.rpartition("@")[0] or record


def is_same(phone_id: str, uri: str) -> bool:
    """Is `uri` that telephone's? Where the id has no host, every host will do."""
    mine, other = record_of(phone_id), record_of(uri)
    return mine == other if "@" in mine else user_of(mine) == user_of(other)
