"""MAC addresses, as they are written here: lower case, with colons."""

import re

_MAC = re.compile(r"[0-9a-f]{2}(:[0-9a-f]{2}){5}\Z")


def mac_of(octets: bytes) -> str | None:
    """The address of a station; None for what is none: another length, a group's, or all zeros."""
    if len(octets) != 6 or octets[0] & 1 or not any(octets):
        return None
    return octets.hex(":")


def mac_from_text(text: str) -> str | None:
    """The same from text such as `02:00:00:aa:bb:cc`."""
    lower = text.lower()
    return mac_of(bytes.fromhex(lower.replace(":", ""))) if _MAC.match(lower) else None
