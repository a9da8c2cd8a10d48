"""Watching: every organisation's controllers as what watches them is given them."""

from collections.abc import Callable, Sequence
from typing import cast

import structlog

from catalog.errors import Unavailable
from catalog.provider import Target
from engine.directory import TOPIC
from engine.owned_ports import TenancyStore
from engine.ports import Bus
from engine.targets import TargetFinder
from engine.tenancy import Controller

_log = structlog.get_logger()
_PAGE = 200


class WatchedControllers:
    """Implements `catalog.provider.Controllers`."""

    def __init__(self, store: TenancyStore, targets: TargetFinder, bus: Bus) -> None:
        self._store = store
        self._targets = targets
        self._bus = bus

    async def every(self) -> Sequence[Target]:
        """See Controllers. Raises Unavailable STORE_*."""
        found: list[Target] = []
        for organisation in await self._store.organisations():
            cursor: str | None = None
            while True:
                page = await self._store.list_tenants(Controller, organisation.id, _PAGE, cursor)
                found.extend(target for each in page.items if (target := self._opened(cast(Controller, each))))
                cursor = page.next
                if cursor is None:
                    break
        return found

    def changed(self, listener: Callable[[], None]) -> Callable[[], None]:
        """See Controllers."""
        return self._bus.subscribe(TOPIC, lambda _message: listener())

    def _opened(self, controller: Controller) -> Target | None:
        try:
            return self._targets.opened(controller)
        except Unavailable as error:
            _log.error("controller_sealed", controller=controller.id, code=error.code)
            return None
