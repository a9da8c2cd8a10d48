"""Who: whom a route is for. The seed's column "Permission", checked before anything of a request is read."""

from collections.abc import Callable

import msgspec

from catalog.errors import Forbidden
from engine.credentials import require, require_admin, require_everywhere
from engine.tenancy import Actor, Credential

VIEW = "fabric.view"
"""The scope by which a narrowed credential may read what any member may; it is nobody's permission."""


class Who(msgspec.Struct, frozen=True):
    """`text` is what the docs say; `check` raises Forbidden for anybody else (None: a known credential is enough)."""

    text: str
    check: Callable[[Actor, Credential], None] | None = None
    decided_inside: bool = False

    @property
    def can_refuse(self) -> bool:
        """Can this answer 403?"""
        return self.check is not None or self.decided_inside


def _check_member(actor: Actor, credential: Credential) -> None:
    if credential.scopes is not None and VIEW not in credential.scopes:
        raise Forbidden(
            "PERMISSION_DENIED",
            f"This credential's scopes do not include `{VIEW}`.",
            hint=f"Issue one with `{VIEW}` among its scopes, or without scopes.",
        )


AUTHENTICATED = Who("authenticated")

MEMBER = Who("any org member", _check_member)
"""A person, or a machine whose key is not narrowed: a key that may only push events does not read runs."""

ADMIN = Who("unscoped org-admin", lambda actor, _credential: require_admin(actor))

OPERATION = Who("per-op permission, or unscoped org-admin for permissionless sinks", None, decided_inside=True)

DECIDER = Who("a person with `changes.apply` and the operation's permission", None, decided_inside=True)


def holder(permission: str) -> Who:
    """Whoever holds this permission in the whole organisation."""
    return Who(f"`{permission}`", lambda actor, _credential: require_everywhere(actor, permission))


def holder_somewhere(permission: str) -> Who:
    """Whoever holds this permission at some site; the engine checks which."""
    return Who(f"`{permission}` at the site", lambda actor, _credential: require(actor, permission))
