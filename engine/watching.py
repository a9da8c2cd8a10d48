"""Watching: every organisation's controllers as what watches them is given them."""

from collections.abc import Callable
from typing import cast

import structlog

from catalog.errors import Unavailable
from catalog.provider import Managed, Target
from engine.directory import TOPIC
from engine.owned_ports import TenancyStore
from engine.ports import Bus
from engine.targets import TargetFinder
from engine.tenancy import Controller

_log = structlog.get_logger()
_PAGE = 200


class WatchedControllers:
    """Implements `catalog.provider.Controllers`. One that has not changed is not unsealed again."""

    def __init__(self, store: TenancyStore, targets: TargetFinder, bus: Bus) -> None:
        self._store = store
        self._targets = targets
        self._bus = bus
        self._opened: dict[str, tuple[Controller, Target | None]] = {}

    async def every(self) -> Managed:
        """See Controllers. Raises Unavailable STORE_*."""
        opened: dict[str, tuple[Controller, Target | None]] = {}
        for organisation in await self._store.organisations():
            cursor: str | None = None
            while True:
                page = await self._store.list_tenants(Controller, organisation.id, _PAGE, cursor)
                for each in page.items:
                    controller = cast(Controller, each)
                    opened[controller.id] = self._open(controller)
                cursor = page.next
                if cursor is None:
                    break
        self._opened = opened
        return Managed(
            targets=tuple(target for _, target in opened.values() if target is not None),
            closed=frozenset(key for key, (_, target) in opened.items() if target is None),
        )

    def changed(self, listener: Callable[[], None]) -> Callable[[], None]:
        """See Controllers."""
        return self._bus.subscribe(TOPIC, lambda _message: listener())

    def _open(self, controller: Controller) -> tuple[Controller, Target | None]:
        held = self._opened.get(controller.id)
        if held is not None and held[0] == controller:
            return held
        try:
            return controller, self._targets.opened(controller)
        except Unavailable as error:
            # Said once for each time that it is changed.
            _log.error("controller_sealed", controller=controller.id, code=error.code)
            return controller, None
