"""Service: one service, as it is wanted and as it is; what the API, mortar and statistics see of a supervisor."""

from runtime.daemon.services.view import View as Service

__all__ = ["Service"]
