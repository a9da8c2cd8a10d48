"""/v1/services/{id}/stats: what a service uses now, once or once a second."""

import asyncio
from collections.abc import AsyncGenerator
from contextlib import aclosing

import msgspec

from api.daemon.endpoint import Answer, Asked, Endpoint
from api.daemon.shown_service import stats_shown
from api.daemon.stream import EVENT_STREAM, pour, sse
from catalog.errors import NotFound
from catalog.jsonvalue import Json

STREAM_SECONDS = 1.0


class StatsQuery(msgspec.Struct, frozen=True, kw_only=True):
    """Once, or as a stream of server-sent events."""

    stream: bool = False


async def service_stats(asked: Asked[None, StatsQuery]) -> Answer:
    """What a service uses: CPU, memory, bytes, requests; with `stream=true` as an event a second."""
    services = asked.daemon.services
    service = services.get(asked.path["id"])
    if not asked.query.stream:
        return Answer(stats_shown(service, services.stats(service.id)))
    async with aclosing(_each_second(asked, service.id)) as seconds:
        return await pour(asked, seconds, lambda each: sse(each, event="stats"), EVENT_STREAM)


async def _each_second(asked: Asked[None, StatsQuery], service_id: str) -> AsyncGenerator[Json, None]:
    services = asked.daemon.services
    while True:
        try:
            yield stats_shown(services.get(service_id), services.stats(service_id))
        except NotFound:
            return
        await asyncio.sleep(STREAM_SECONDS)


ENDPOINTS = (Endpoint(method="GET", path="/v1/services/{id}/stats", handler=service_stats, gives={200: dict}),)
