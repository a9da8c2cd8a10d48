"""Door: the daemon as it is asked: who is let in, what is under way, what was answered."""

import asyncio
import hmac
from collections.abc import Callable
from typing import TYPE_CHECKING

import msgspec
from sanic import Request

from api.daemon.counters import Counters
from api.daemon.requests import Requests
from api.hardening import Limits
from api.owned import OwnedWork
from catalog.errors import Unauthenticated

if TYPE_CHECKING:
    from runtime.daemon.daemon import Daemon

KEY_HEADER = "x-fabricks-api-key"


class Ending(msgspec.Struct, frozen=True, kw_only=True):
    """How the daemon is to end: in how much time, or at once."""

    seconds: float
    force: bool


class Door(OwnedWork):
    """What every request needs to know besides itself. `on_shutdown` is called where a caller asks for the end."""

    def __init__(self, daemon: "Daemon", limits: Limits, *, on_shutdown: Callable[[], None] | None = None) -> None:
        super().__init__()
        self.daemon = daemon
        self.ending: Ending | None = None
        self._on_shutdown = on_shutdown
        self.limits = limits
        self.requests = Requests()
        self.counters = Counters()
        daemon.events.listen(self.counters.hear)
        self.stopping = asyncio.Event()
        self.streams = 0

    def admit(self, request: Request) -> None:
        """Look at the key, where keys are asked for. Raises Unauthenticated UNAUTHORIZED."""
        api = self.daemon.config.api
        if not api.auth_enabled:
            return
        given = request.headers.get(KEY_HEADER)
        if given is None:
            hint = "Send `X-Fabricks-API-Key`; `fabricksd api-key generate` makes one."
            raise Unauthenticated("UNAUTHORIZED", "The request carries no API key.", hint=hint)
        if api.api_key and hmac.compare_digest(given.encode("utf-8", "surrogateescape"), api.api_key.encode()):
            return
        if not self.daemon.keys.check(given):
            hint = "`fabricksd api-key list` shows which keys there are."
            raise Unauthenticated("UNAUTHORIZED", "The API key is not one of this daemon's.", hint=hint)

    def shut_down(self, ending: Ending) -> None:
        """Ask for the end of the whole process. The first who asks says how; `force` may come later."""
        if self.ending is None or ending.force:
            self.ending = ending
        if self._on_shutdown is not None:
            self._on_shutdown()
