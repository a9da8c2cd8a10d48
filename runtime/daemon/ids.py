"""Ids as the API prints them: what it is, and six characters by chance."""

import secrets
import string

_CHARACTERS = string.ascii_lowercase + string.digits


def new_id(prefix: str, length: int = 6) -> str:
    """`network-x1y2z3`; the caller sees to it that it is not taken."""
    return f"{prefix}-" + "".join(secrets.choice(_CHARACTERS) for _ in range(length))
