"""The routes of the services API: the one list."""

from api.daemon import daemon, events, service_logs, service_stats, services
from api.daemon.endpoint import Endpoint

ENDPOINTS: tuple[Endpoint, ...] = (
    *services.ENDPOINTS,
    *service_logs.ENDPOINTS,
    *service_stats.ENDPOINTS,
    *daemon.ENDPOINTS,
    *events.ENDPOINTS,
)
