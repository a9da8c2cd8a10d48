"""Directory: people as actors and controllers as targets, never older than a second, forgotten at once when changed."""

from collections.abc import Iterable, Mapping
from typing import cast

from catalog.errors import NotFound
from catalog.jsonvalue import Json
from catalog.registry import Registry
from engine.owned_ports import TenancyStore
from engine.permissions import held, is_unscoped_admin
from engine.ports import Bus, Clock
from engine.tenancy import Actor, ActorKind, Controller, Role, User

TOPIC = "tenancy"
"""Bus topic: somebody's rights or some controller changed."""

FRESH_SECONDS = 1.0
"""How long a look-up may be believed where no message tells of a change (another process made it)."""


class KnownTargets:
    """Controllers looked up beforehand, as the compiler asks for them (catalog.authority.Targets)."""

    def __init__(self, owners: Mapping[str, str]) -> None:
        self._owners = owners

    def owner(self, controller_id: str) -> str | None:
        """The organisation of the controller, None where there is no such controller."""
        return self._owners.get(controller_id)


async def all_roles(store: TenancyStore, organisation_id: str) -> list[Role]:
    """The organisation's own roles, however many."""
    found: list[Role] = []
    cursor: str | None = None
    while True:
        page = await store.list_tenants(Role, organisation_id, 200, cursor)
        found.extend(page.items)
        cursor = page.next
        if cursor is None:
            return found


class Directory:
    """Finds actors and controllers for the permission gate and for staging."""

    def __init__(self, store: TenancyStore, registry: Registry, clock: Clock, bus: Bus) -> None:
        self._store = store
        self._registry = registry
        self._monotonic = clock.monotonic
        self._actors: dict[tuple[str, str], tuple[float, Actor | None]] = {}
        """Who was looked up, and until when that may be believed."""
        self._controllers: dict[str, tuple[float, Controller | None]] = {}
        self._revision = 0
        bus.subscribe(TOPIC, self._forget)

    def _forget(self, _message: Json) -> None:
        self._revision += 1
        self._actors.clear()
        self._controllers.clear()

    def fresh_actor(self, organisation_id: str, user_id: str) -> Actor | None:
        """The actor if he was looked up within the last second; no wait. None: use `find_actor`."""
        entry = self._actors.get((organisation_id, user_id))
        return entry[1] if entry is not None and self._monotonic() <= entry[0] else None

    async def find_actor(self, organisation_id: str, user_id: str) -> Actor | None:
        """The person as he stands now; None where there is no such person in the organisation.

        What changes while he is looked up is not overlooked: he is looked up again.
        """
        while True:
            known = self.fresh_actor(organisation_id, user_id)
            if known is not None:
                return known
            good_until, revision = self._monotonic() + FRESH_SECONDS, self._revision
            actor = await self._load(organisation_id, user_id)
            if revision == self._revision:
                self._actors[organisation_id, user_id] = (good_until, actor)
                return actor

    async def _load(self, organisation_id: str, user_id: str) -> Actor | None:
        try:
            user = cast(User, await self._store.get_tenant(User, organisation_id, user_id))
        except NotFound:
            return None
        roles = [grant.role for grant in user.grants]
        custom = {role.name: frozenset(role.permissions) for role in await self._custom_roles(organisation_id, roles)}
        declared = frozenset(
            op.permission for op in self._registry.current().operations.values() if op.permission is not None
        )
        return Actor(
            id=user.id,
            organisation_id=organisation_id,
            name=user.name,
            kind=ActorKind.PERSON,
            active=user.active,
            permissions=held(user.grants, declared, custom),
            unscoped_admin=is_unscoped_admin(user.grants) and user.active,
        )

    async def _custom_roles(self, organisation_id: str, names: Iterable[str]) -> list[Role]:
        wanted = set(names) - {"org_admin", "operator", "viewer"}
        if not wanted:
            return []
        return [role for role in await all_roles(self._store, organisation_id) if role.name in wanted]

    async def find_controller(self, organisation_id: str, controller_id: str) -> Controller | None:
        """The organisation's controller; None where it is absent or another's."""
        entry = self._controllers.get(controller_id)
        while entry is None or self._monotonic() > entry[0]:
            good_until, revision = self._monotonic() + FRESH_SECONDS, self._revision
            found = await self._store.find_controllers([controller_id])
            if revision == self._revision:
                entry = self._controllers[controller_id] = (good_until, found[0] if found else None)
                break
        controller = entry[1]
        return controller if controller is not None and controller.organisation_id == organisation_id else None

    async def targets(self, controller_ids: Iterable[str]) -> KnownTargets:
        """Owners of these controllers, for the compiler."""
        found = await self._store.find_controllers(sorted(set(controller_ids)))
        return KnownTargets({each.id: each.organisation_id for each in found})
