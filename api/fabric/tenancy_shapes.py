"""Shapes: what REST shows of people, places, credentials and the journal. Allow-lists, like `shapes`."""

from datetime import datetime

from api.fabric.shapes import Shown
from catalog.jsonvalue import Json


class ShownSite(Shown):
    """A place of the organisation."""

    id: str
    name: str
    created_at: datetime


class ShownController(Shown):
    """A managed target. Its settings are for who manages controllers; its credentials are never shown."""

    id: str
    site_id: str
    name: str
    driver: str
    read_only: bool
    has_credentials: bool
    settings: dict[str, Json] | None
    created_at: datetime
    revision: int


class ShownDriver(Shown):
    """A driver. `extra` is what `pip install "fabricksd[EXTRA]"` brings; `installed` says that all it needs is there.

    `settings` and `credentials` are JSON Schemas of what a controller of it takes.
    """

    name: str
    module: str
    title: str
    extra: str | None
    installed: bool
    devices: bool
    settings: dict[str, Json]
    credentials: dict[str, Json]


class ShownCheck(Shown):
    """One step of a test: what it was, whether it worked, and if not why and what to do."""

    name: str
    ok: bool
    detail: str
    code: str
    hint: str | None


class TriedController(Shown):
    """What came of a test, and how long it took."""

    ok: bool
    checks: list[ShownCheck]
    seconds: float


class ShownRotation(Shown):
    """A rotation of the seal's key: how far it has come. `moved` and `unopened` count the organisation's own values.

    `unopened` are values that no key opens; they stay as they are and want to be set anew.
    """

    state: str
    keep_old: bool
    rows: int
    rows_done: int
    moved: dict[str, int]
    unopened: dict[str, int]
    started_at: datetime
    ended_at: datetime | None
    code: str | None
    detail: str | None


class ShownSeal(Shown):
    """The seal: how many keys it opens with (one, unless old ones were kept or a rotation was cut off)."""

    keys: int
    rotation: ShownRotation | None


class ShownGrant(Shown):
    """A role, everywhere (`sites` null) or at some sites."""

    role: str
    sites: list[str] | None


class ShownUser(Shown):
    """A person."""

    id: str
    name: str
    email: str | None
    active: bool
    grants: list[ShownGrant]
    created_at: datetime
    revision: int


class ShownRole(Shown):
    """A set of exact permissions; built-in ones cannot be changed."""

    name: str
    permissions: list[str]
    built_in: bool


class ShownKey(Shown):
    """A token or API key. Neither its text nor its hash nor its signing secrets are shown again.

    An assistant's has a budget, and what of it is spent today.
    """

    id: str
    user_id: str
    kind: str
    name: str
    scopes: list[str] | None
    signing_scheme: str | None
    signing_secrets: int
    daily_calls: int | None
    calls_today: int | None
    created_at: datetime
    expires_at: datetime | None
    revoked_at: datetime | None


class IssuedKey(ShownKey):
    """A credential just issued: `text` is shown this once."""

    text: str


class ShownSecret(Shown):
    """A secret's name, and when it was last set."""

    name: str
    updated_at: datetime


class ShownNotification(Shown):
    """An in-app notification."""

    id: str
    title: str
    body: str
    source: str
    created_at: datetime
    read_at: datetime | None


class ShownAudit(Shown):
    """Who did what, when, from where; `hash` chains it to the row before."""

    seq: int
    time: datetime
    actor_id: str
    action: str
    subject: str
    address: str | None
    details: Json
    previous: str
    hash: str


class Me(Shown):
    """Who is asking, and what he may do; a permission maps to the sites where it is held (null: everywhere)."""

    id: str
    name: str
    kind: str
    organisation_id: str
    organisation: str
    permissions: dict[str, list[str] | None]
    unscoped_admin: bool
    credential_id: str | None
