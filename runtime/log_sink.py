"""StructuredLog: where `fabric.log` writes in a running server."""

import structlog

from catalog.provider import Call


class StructuredLog:
    """Implements `catalog.provider.LogSink` over structlog, as that is configured when this is made."""

    def __init__(self) -> None:
        self._info = structlog.get_logger("fabric.log").bind().info

    def line(self, message: str | None, call: Call) -> None:
        """Record one line with what it belongs to."""
        self._info(
            "fabric_log",
            message=message,
            organisation=call.organisation_id,
            connection=call.connection,
            run=call.run_id,
            step=call.step,
        )
