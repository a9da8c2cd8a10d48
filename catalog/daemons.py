"""Daemons as targets: the driver of controllers that are one, and the controller of the daemon in this process."""

from collections.abc import Mapping
from typing import Protocol

from catalog.jsonvalue import Json

DRIVER = "fabricksd"
"""A controller of this driver is a services daemon: by `settings.socket`, or by `settings.address` and a key."""

LOCAL_DAEMON = "fab00000-0000-4000-8000-000000000001"
"""The controller of the daemon in this very process. It exists from the start, in the first organisation alone."""

ANSWER_SECONDS = 30.0


class DaemonApi(Protocol):
    """The services API of one daemon, wherever it runs."""

    async def ask(
        self,
        method: str,
        path: str,
        *,
        query: Mapping[str, str] | None = None,
        body: Json = None,
        seconds: float = ANSWER_SECONDS,
    ) -> Json:
        """The data of its answer. `path` is what follows /v1/, with its segments percent-encoded.

        `seconds` bounds the wait for one that is elsewhere. Raises FabricError as the daemon means it, and where it
        does not answer Unavailable SERVICES_UNAVAILABLE, TargetTimeout EGRESS_TIMEOUT, TargetFailed DAEMON_*, EGRESS_*.
        """
        ...
