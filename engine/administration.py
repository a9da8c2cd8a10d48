"""Administration: sites, controllers, people and roles, as an organisation's administrators handle them."""

import re
from collections.abc import Mapping
from typing import cast

import msgspec

from catalog.daemons import LOCAL_DAEMON
from catalog.errors import Conflict, Invalid
from catalog.jsonvalue import Json
from engine.audit import audit_row
from engine.credentials import require, require_admin, require_everywhere
from engine.directory import TOPIC, all_roles
from engine.owned_ports import TenancyStore
from engine.permissions import BUILT_IN
from engine.ports import Bus, Clock, DriverRules, Seal
from engine.records import Page
from engine.tenancy import Actor, Controller, Grant, Role, Site, User

_ROLE = re.compile(r"[a-z][a-z0-9_-]{0,63}\Z")


class Administration:
    """Changes to who and what an organisation consists of; each is audited and seen by the gate at once."""

    def __init__(self, store: TenancyStore, seal: Seal, clock: Clock, bus: Bus, rules: DriverRules) -> None:
        self._store = store
        self._seal = seal
        self._clock = clock
        self._bus = bus
        self._rules = rules

    async def add_site(self, actor: Actor, name: str) -> Site:
        """A new site. Raises Forbidden PERMISSION_DENIED; Conflict NAME_TAKEN; Invalid NAME."""
        require_everywhere(actor, "sites.manage")
        site = Site(
            id=self._clock.new_id(),
            organisation_id=actor.organisation_id,
            name=_named(name),
            created_at=self._clock.now(),
        )
        await self._put(actor, site, "site.created")
        return site

    async def add_controller(
        self,
        actor: Actor,
        *,
        site_id: str,
        name: str,
        driver: str,
        settings: Mapping[str, Json],
        credentials: Mapping[str, str],
        read_only: bool,
        controller_id: str | None = None,
    ) -> Controller:
        """A new controller; its credentials are sealed.

        Raises Invalid DRIVER_UNKNOWN, CONTROLLER_SETTINGS, CONTROLLER_CREDENTIALS, SITE_UNKNOWN; Conflict NAME_TAKEN,
        CONTROLLER_EXISTS. `controller_id` is for one whose id Connections already name.
        """
        require(actor, "controllers.manage", site_id)
        if controller_id is not None and await self._store.find_controllers([controller_id]):
            raise Conflict("CONTROLLER_EXISTS", f"Id `{controller_id}` is taken.", hint="Leave it out: one is made.")
        self._rules.check_settings(driver, settings)
        self._rules.check_credentials(driver, credentials)
        controller = Controller(
            id=controller_id or self._clock.new_id(),
            organisation_id=actor.organisation_id,
            site_id=site_id,
            name=_named(name),
            driver=driver,
            settings=settings,
            sealed=self._sealed(credentials),
            read_only=read_only,
            created_at=self._clock.now(),
            revision=0,
        )
        await self._put(actor, controller, "controller.created")
        return await self.controller(actor.organisation_id, controller.id)

    async def change_controller(
        self, actor: Actor, controller_id: str, changes: Mapping[str, Json], revision: int | None
    ) -> Controller:
        """Change name, settings, credentials or read_only; what stays as it was is not looked at again.

        Raises NotFound; Invalid DRIVER_UNKNOWN, CONTROLLER_SETTINGS, CONTROLLER_CREDENTIALS; Conflict
        CONTROLLER_BUILT_IN; PreconditionFailed REVISION_CHANGED.
        """
        old = await self.controller(actor.organisation_id, controller_id)
        require(actor, "controllers.manage", old.site_id)
        fields = dict(changes)
        self._check_fit(old, fields)
        if "credentials" in fields:
            fields["sealed"] = self._sealed(fields.pop("credentials"))
        elif old.sealed is not None:
            fields["sealed"] = await self._carried_over(old, old.sealed)
        if "name" in fields:
            fields["name"] = _named(fields["name"])
        fields["revision"] = old.revision if revision is None else revision
        await self._put(actor, msgspec.structs.replace(old, **fields), "controller.updated")
        return await self.controller(actor.organisation_id, controller_id)

    async def _carried_over(self, old: Controller, sealed: bytes) -> bytes | None:
        """What is sealed in a row that is written again: the key may have been rotated since it was read."""
        renewed = self._seal.renewed(sealed)
        return renewed or (await self.controller(old.organisation_id, old.id)).sealed

    def _check_fit(self, old: Controller, fields: Mapping[str, Json]) -> None:
        if old.id == LOCAL_DAEMON and (fields.get("settings") or fields.get("credentials")):
            raise Conflict(
                "CONTROLLER_BUILT_IN",
                "The controller of this server's own services daemon has neither settings nor credentials.",
                hint="Add another controller for a daemon that is elsewhere.",
            )
        if old.id != LOCAL_DAEMON and "settings" in fields:
            self._rules.check_settings(old.driver, fields["settings"])
        if old.id != LOCAL_DAEMON and "credentials" in fields:
            self._rules.check_credentials(old.driver, fields["credentials"])

    async def controller(self, organisation_id: str, controller_id: str) -> Controller:
        """The controller. Raises NotFound CONTROLLER_NOT_FOUND."""
        return cast(Controller, await self._store.get_tenant(Controller, organisation_id, controller_id))

    async def add_user(self, actor: Actor, name: str, email: str | None, grants: tuple[Grant, ...]) -> User:
        """A new person. Raises Forbidden; Conflict NAME_TAKEN; Invalid ROLE_UNKNOWN, SITE_UNKNOWN."""
        require_everywhere(actor, "users.manage")
        if grants:
            await self._check_grants(actor, grants)
        user = User(
            id=self._clock.new_id(),
            organisation_id=actor.organisation_id,
            name=_named(name),
            email=email,
            grants=grants,
            created_at=self._clock.now(),
            revision=0,
        )
        await self._put(actor, user, "user.created")
        return await self.user(actor.organisation_id, user.id)

    async def change_user(self, actor: Actor, user_id: str, changes: Mapping[str, Json], revision: int | None) -> User:
        """Change name, email, active, grants. Raises NotFound; Invalid ROLE_UNKNOWN, OWN_RIGHTS; PreconditionFailed."""
        require_everywhere(actor, "users.manage")
        old = await self.user(actor.organisation_id, user_id)
        fields = dict(changes)
        if "grants" in fields:
            await self._check_grants(actor, fields["grants"])
        if actor.id == user_id and ("grants" in fields or fields.get("active") is False):
            raise Invalid("OWN_RIGHTS", "Nobody takes rights from himself.", hint="Have another administrator do it.")
        fields["revision"] = old.revision if revision is None else revision
        await self._put(actor, msgspec.structs.replace(old, **fields), "user.updated")
        return await self.user(actor.organisation_id, user_id)

    async def user(self, organisation_id: str, user_id: str) -> User:
        """The person. Raises NotFound USER_NOT_FOUND."""
        return cast(User, await self._store.get_tenant(User, organisation_id, user_id))

    async def put_role(self, actor: Actor, name: str, permissions: tuple[str, ...]) -> Role:
        """Make or replace an organisation's own role. Raises Forbidden ADMIN_REQUIRED; Invalid ROLE_NAME."""
        require_admin(actor)
        if not _ROLE.match(name) or name in BUILT_IN:
            raise Invalid("ROLE_NAME", "The name is malformed or a built-in role's.", hint="Choose a lower-case word.")
        role = Role(organisation_id=actor.organisation_id, name=name, permissions=tuple(sorted(set(permissions))))
        await self._put(actor, role, "role.set")
        return role

    async def delete(self, actor: Actor, kind: type[Site | User | Role], row_id: str) -> None:
        """Remove a site, person or role. Raises NotFound; Conflict IN_USE. Controllers go by `engine.removing`."""
        require_everywhere(actor, "sites.manage" if kind is Site else "users.manage")
        if kind is User and row_id == actor.id:
            raise Invalid("OWN_RIGHTS", "Nobody removes himself.", hint="Have another administrator do it.")
        action = f"{kind.__name__.lower()}.deleted"
        await self._store.delete_tenant(
            kind, actor.organisation_id, row_id, audit_row(actor, action, row_id, self._clock)
        )
        self._bus.publish(TOPIC, None)

    async def list(self, kind: type, organisation_id: str, limit: int, cursor: str | None) -> Page:  # type: ignore[type-arg]  # the kind says which rows
        """Rows of that kind by name."""
        return await self._store.list_tenants(kind, organisation_id, limit, cursor)

    async def _put(self, actor: Actor, row: Site | Controller | User | Role, action: str) -> None:
        subject = row.name if isinstance(row, Role) else row.id
        await self._store.put_tenant(row, audit_row(actor, action, subject, self._clock, {"name": row.name}))
        self._bus.publish(TOPIC, None)

    def _sealed(self, credentials: Mapping[str, str]) -> bytes | None:
        return self._seal.seal(msgspec.json.encode(credentials)) if credentials else None

    async def _check_grants(self, actor: Actor, grants: tuple[Grant, ...]) -> None:
        """Nobody hands out rights by a lesser right: who gives or takes a role is the whole organisation's admin."""
        require_admin(actor)
        organisation_id = actor.organisation_id
        roles = {role.name for role in await all_roles(self._store, organisation_id)}
        for grant in grants:
            if grant.role not in BUILT_IN and grant.role not in roles:
                raise Invalid(
                    "ROLE_UNKNOWN",
                    f"There is no role `{grant.role[:64]}`.",
                    hint=f"Use one of {sorted(BUILT_IN | roles)}.",
                )
            for site_id in grant.sites or ():
                await self._store.get_tenant(Site, organisation_id, site_id)


def _named(name: str) -> str:
    kept = name.strip()
    if not 1 <= len(kept) <= 128 or any(ord(each) < 32 for each in kept):
        raise Invalid("NAME", "A name has 1 to 128 characters and no control characters.")
    return kept
