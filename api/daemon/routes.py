"""The routes of the services API: the one list."""

from api.daemon import (
    daemon,
    events,
    health,
    modules,
    mortar,
    mortar_plan,
    networks,
    openapi,
    proxy,
    service_logs,
    service_revisions,
    service_stats,
    services,
    volumes,
)
from api.daemon.endpoint import Endpoint

ENDPOINTS: tuple[Endpoint, ...] = (
    *services.ENDPOINTS,
    *service_logs.ENDPOINTS,
    *service_revisions.ENDPOINTS,
    *service_stats.ENDPOINTS,
    *proxy.ENDPOINTS,
    *health.ENDPOINTS,
    *networks.ENDPOINTS,
    *volumes.ENDPOINTS,
    *mortar.ENDPOINTS,
    *mortar_plan.ENDPOINTS,
    *modules.ENDPOINTS,
    *daemon.ENDPOINTS,
    *events.ENDPOINTS,
    *openapi.ENDPOINTS,
)
