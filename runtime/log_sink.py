"""StructuredLog: where `fabric.log` writes in a running server."""

import structlog

from catalog.provider import Call

_log = structlog.get_logger("fabric.log")


class StructuredLog:
    """Implements `catalog.provider.LogSink` over structlog."""

    def line(self, message: str | None, call: Call) -> None:
        """Record one line with what it belongs to."""
        _log.info(
            "fabric_log",
            message=message,
            organisation=call.organisation_id,
            connection=call.connection,
            run=call.run_id,
            step=call.step,
        )
