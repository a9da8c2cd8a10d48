"""The routes of the services API: the one list."""

from api.daemon import daemon, events
from api.daemon.endpoint import Endpoint

ENDPOINTS: tuple[Endpoint, ...] = (*daemon.ENDPOINTS, *events.ENDPOINTS)
