"""/v1/health: how services are, how they were, and asking them now."""

from collections import Counter
from typing import Annotated

import msgspec
from msgspec import Meta

from api.daemon.endpoint import Answer, Asked, Endpoint, NoQuery
from api.daemon.times import moment, stamp
from catalog.jsonvalue import Json
from runtime.daemon.health import Probe
from runtime.daemon.services.operations import require
from runtime.forms.scalars import print_duration

CHECK_SECONDS = 60.0
"""How long all of a service's checks may take beyond the request timeout."""


class HistoryQuery(msgspec.Struct, frozen=True, kw_only=True):
    """From when, until when, and how many at most."""

    since: str | None = None
    until: str | None = None
    limit: Annotated[int, Meta(ge=0, le=10_000)] = 100


async def daemon_health(asked: Asked[None, NoQuery]) -> Answer:
    """That the daemon answers, and how many services are in which health."""
    found: Counter[str] = Counter(each.health for each in asked.daemon.services.list())
    return Answer({"health": "healthy", "services": dict(found)})


async def service_health(asked: Asked[None, NoQuery]) -> Answer:
    """A service's health, and that of each replica; without a check, `last_check` is null."""
    service = asked.daemon.services.get(asked.path["id"])
    instances: list[Json] = []
    for each in service.instances:
        facts = asked.daemon.health.facts(service.id, each.id)
        instances.append(
            {
                "id": each.id,
                "health": each.health,
                "last_check": stamp(facts.last_check_ns),
                "consecutive_failures": facts.consecutive_failures,
            }
        )
    return Answer({"id": service.id, "health": service.health, "instances": instances})


async def health_history(asked: Asked[None, HistoryQuery]) -> Answer:
    """What a service's checks came to, newest first."""
    query, service = asked.query, asked.daemon.services.get(asked.path["id"])
    found = asked.daemon.health.history(
        service.id,
        since_ns=moment(query.since, "since"),
        until_ns=moment(query.until, "until"),
        limit=query.limit,
    )
    return Answer({"id": service.id, "history": [_probe(each) for each in found]})


async def check_health(asked: Asked[None, NoQuery]) -> Answer:
    """Ask every replica of a service now, and wait for what they say."""
    service = asked.daemon.services.get(asked.path["id"])
    require(service, "check")
    asked.allow(CHECK_SECONDS)
    await asked.daemon.health.check(service.id)
    now = stamp(asked.daemon.clock.now_ns())
    return Answer({"id": service.id, "health": service.health, "checked_at": now})


def _probe(probe: Probe) -> dict[str, Json]:
    return {
        "timestamp": stamp(probe.time_ns),
        "instance": probe.instance,
        "status": probe.status,
        "response_time": print_duration(probe.response_time),
        "detail": probe.detail,
    }


ENDPOINTS = (
    Endpoint(method="GET", path="/v1/health", handler=daemon_health, gives={200: dict}),
    Endpoint(method="GET", path="/v1/health/{id}", handler=service_health, gives={200: dict}),
    Endpoint(method="GET", path="/v1/health/{id}/history", handler=health_history, gives={200: dict}),
    Endpoint(method="POST", path="/v1/health/{id}/check", handler=check_health, gives={200: dict}, owned=True),
)
