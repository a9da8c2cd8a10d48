"""Organisation → Site → Controller; who acts (Actor) and what he may do."""

from collections.abc import Mapping
from enum import StrEnum

import msgspec

from catalog.authority import Author
from catalog.jsonvalue import Json

ORG_ADMIN = "org_admin"


class Organisation(msgspec.Struct, frozen=True, kw_only=True):
    """A tenant. Everything else belongs to exactly one."""

    id: str
    name: str
    created_at: float


class Site(msgspec.Struct, frozen=True, kw_only=True):
    """A place of an organisation; controllers stand in sites."""

    id: str
    organisation_id: str
    name: str
    created_at: float


class Controller(msgspec.Struct, frozen=True, kw_only=True):
    """A managed target. `sealed` holds its credentials, readable only with the data directory's key."""

    id: str
    organisation_id: str
    site_id: str
    name: str
    driver: str
    settings: Mapping[str, Json] = msgspec.field(default_factory=dict)
    sealed: bytes | None = None
    read_only: bool = False
    created_at: float = 0.0
    revision: int = 1


class Grant(msgspec.Struct, frozen=True):
    """A role held by a person, everywhere in the organisation (`sites` None) or at some sites."""

    role: str
    sites: tuple[str, ...] | None = None


class User(msgspec.Struct, frozen=True, kw_only=True):
    """A person of one organisation."""

    id: str
    organisation_id: str
    name: str
    email: str | None = None
    active: bool = True
    grants: tuple[Grant, ...] = ()
    created_at: float = 0.0
    revision: int = 1


class Role(msgspec.Struct, frozen=True, kw_only=True):
    """An organisation's own role: a set of exact permission strings. The built-in ones are in `permissions.py`."""

    organisation_id: str
    name: str
    permissions: tuple[str, ...]


class CredentialKind(StrEnum):
    """A bearer token is a person's, an API key a machine's; an assistant's token opens the assistant's door alone."""

    TOKEN = "token"  # noqa: S105 - a kind, not a secret
    KEY = "key"
    ASSISTANT = "assistant"


class Credential(msgspec.Struct, frozen=True, kw_only=True):
    """A token or key. Only the SHA-256 (hex) of its text is kept; the text is shown once.

    `scopes` None narrows nothing. `sealed_signing` holds up to two inbound signing secrets, `signing_scheme` how
    they sign (`standard`, `fabric`, `github` or `stripe`). `daily_calls` is an assistant's budget; others have none.
    """

    id: str
    organisation_id: str
    user_id: str
    kind: CredentialKind
    name: str
    sha256: str
    scopes: tuple[str, ...] | None = None
    signing_scheme: str | None = None
    sealed_signing: tuple[bytes, ...] = ()
    created_at: float = 0.0
    expires_at: float | None = None
    revoked_at: float | None = None
    last_used_at: float | None = None
    daily_calls: int | None = None


class ActorKind(StrEnum):
    """Who may apply is a person; nothing else ever is."""

    PERSON = "person"
    KEY = "key"
    CONNECTION = "connection"
    ASSISTANT = "assistant"
    SYSTEM = "system"


class Actor(msgspec.Struct, frozen=True, kw_only=True):
    """Somebody at work now: who, in which organisation, through what, holding which permissions where.

    `permissions` maps an exact permission to the sites where it is held (None: everywhere).
    """

    id: str
    organisation_id: str
    name: str
    kind: ActorKind
    active: bool = True
    permissions: Mapping[str, frozenset[str] | None] = msgspec.field(default_factory=dict)
    unscoped_admin: bool = False
    credential_id: str | None = None
    address: str | None = None

    def holds(self, permission: str, site_id: str | None = None) -> bool:
        """Does he hold `permission`, and at `site_id` where one is given? An inactive actor holds nothing."""
        if not self.active or permission not in self.permissions:
            return False
        sites = self.permissions[permission]
        return sites is None or site_id is None or site_id in sites

    @property
    def author(self) -> Author:
        """The compiler's view of this actor."""
        return Author(
            identity=self.id,
            organisation_id=self.organisation_id,
            permissions=frozenset(self.permissions),
            active=self.active,
            org_admin=self.unscoped_admin,
            scoped=not self.unscoped_admin,
        )
