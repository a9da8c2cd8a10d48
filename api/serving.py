"""Serving: what phase this process is in, and what its requests have under way."""

import asyncio

from api.hardening import Limits
from api.owned import OwnedWork
from api.wiring import Application
from catalog.errors import Unavailable


class Serving(OwnedWork):
    """Starting until an application is handed over, then ready, then stopping."""

    def __init__(self, limits: Limits) -> None:
        super().__init__()
        self.limits = limits
        self.stopping = asyncio.Event()
        self.streams = 0
        self._application: Application | None = None

    @property
    def ready(self) -> bool:
        """Is the engine up, and not on its way down?"""
        return self._application is not None and not self.stopping.is_set()

    def open(self, application: Application) -> None:
        """The engine is up."""
        self._application = application

    def application(self) -> Application:
        """The application. Raises Unavailable NOT_READY while it starts."""
        if self._application is None:
            raise Unavailable("NOT_READY", "The server is starting.", hint="Ask again in a second.")
        return self._application
