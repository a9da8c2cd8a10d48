"""Here: the place in this process where a services daemon may be, now or later."""

from collections.abc import Mapping

from catalog.daemons import ANSWER_SECONDS, DaemonApi
from catalog.errors import Unavailable
from catalog.jsonvalue import Json
from runtime.arrival import Arrival


class Here:
    """Implements `catalog.daemons.DaemonApi`: the daemon of this process, once it is up and until it ends."""

    def __init__(self) -> None:
        self._daemon: DaemonApi | None = None
        self._arrival = Arrival()

    def expect(self) -> None:
        """It comes up: who asks in the meantime waits."""
        self._arrival.expect()

    def open(self, daemon: DaemonApi) -> None:
        """It is up."""
        self._daemon = daemon
        self._arrival.over()

    def close(self) -> None:
        """It ends."""
        self._daemon = None
        self._arrival.over()

    async def ask(
        self,
        method: str,
        path: str,
        *,
        query: Mapping[str, str] | None = None,
        body: Json = None,
        seconds: float = ANSWER_SECONDS,
    ) -> Json:
        """See DaemonApi."""
        if self._daemon is None:
            await self._arrival.wait(seconds)
        if self._daemon is None:
            raise Unavailable(
                "SERVICES_UNAVAILABLE",
                "No services daemon runs in this process.",
                hint="Start the server with its services half, wait until it is up, or name another controller.",
            )
        return await self._daemon.ask(method, path, query=query, body=body, seconds=seconds)
