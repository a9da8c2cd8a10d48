"""Author and Targets: the little the compiler must know of people and controllers."""

from typing import Protocol

import msgspec


class Author(msgspec.Struct, frozen=True, kw_only=True):
    """Who writes a Connection: his organisation, standing and permissions (exact strings)."""

    identity: str
    organisation_id: str
    permissions: frozenset[str]
    active: bool = True
    org_admin: bool = False
    scoped: bool = False

    @property
    def may_author(self) -> bool:
        """Only an active, unscoped org-admin authors (the seed's permission gate)."""
        return self.active and self.org_admin and not self.scoped


class Targets(Protocol):
    """Which organisation owns a controller."""

    def owner(self, controller_id: str) -> str | None:
        """The organisation of the controller, None where there is no such controller."""
        ...
