"""/v1/daemon: the daemon itself: what it is, what it holds, its settings, its end."""

from typing import Annotated

import msgspec
from msgspec import Meta

from api.daemon.door import Ending
from api.daemon.endpoint import Answer, Asked, Endpoint, NoQuery
from api.daemon.times import moment, seconds, stamp

SHUTDOWN_SECONDS = 30.0
"""How long services may take to end, where a request says nothing (the seed's default)."""


class ReloadQuery(msgspec.Struct, frozen=True, kw_only=True):
    """With `dry_run` nothing is applied."""

    dry_run: bool = False


class SamplesQuery(msgspec.Struct, frozen=True, kw_only=True):
    """From when, until when, and how many at most."""

    since: str | None = None
    until: str | None = None
    limit: Annotated[int, Meta(ge=0, le=100_000)] = 100


class Shutdown(msgspec.Struct, frozen=True, kw_only=True):
    """In how much time the daemon is to end, or at once."""

    timeout: str | float | None = None
    force: bool = False


async def daemon_info(asked: Asked[None, NoQuery]) -> Answer:
    """What this daemon is, since when it runs and where its files are."""
    return Answer(asked.daemon.info())


async def daemon_stats(asked: Asked[None, NoQuery]) -> Answer:
    """What there is and what it uses: services, networks, volumes, memory, CPU, requests."""
    requests = asked.door.requests
    counted = {
        "requests_total": requests.total,
        "requests_per_second": requests.per_second(),
        "errors_total": requests.errors,
    }
    return Answer({**asked.daemon.stats(), "api": counted})


async def stats_history(asked: Asked[None, SamplesQuery]) -> Answer:
    """What services used over time: a sample each `metrics_interval`, kept for `metrics_retention`, newest first."""
    query = asked.query
    found, total = asked.daemon.chronicle.history(
        since_ns=moment(query.since, "since"), until_ns=moment(query.until, "until"), limit=query.limit
    )
    samples = [
        {
            "timestamp": stamp(each.time_ns),
            "services_running": each.running,
            "memory_bytes": each.memory,
            "cpu_cores": each.cpu,
            "requests_total": each.requests,
        }
        for each in found
    ]
    return Answer({"samples": samples, "total": total})


async def reload_daemon(asked: Asked[None, ReloadQuery]) -> Answer:
    """Read the configuration again and apply what can be applied; `changes` lists what differs."""
    changes, warnings = await asked.daemon.reload(dry_run=asked.query.dry_run)
    reloaded = stamp(asked.daemon.clock.now_ns())
    return Answer(
        {"reloaded_at": reloaded, "changes": changes, "warnings": warnings, "applied": not asked.query.dry_run}
    )


async def shut_down(asked: Asked[Shutdown, NoQuery]) -> Answer:
    """End the whole process: services in reverse order of their dependencies; they run again at the next start."""
    running = asked.daemon.running()
    ending = Ending(seconds=seconds(asked.body.timeout, SHUTDOWN_SECONDS), force=asked.body.force)
    asked.door.shut_down(ending)
    how = "immediately" if ending.force else "gracefully"
    return Answer({"message": f"Daemon shutting down {how}", "services_to_stop": running})


ENDPOINTS = (
    Endpoint(method="GET", path="/v1/daemon/info", handler=daemon_info, gives={200: dict}),
    Endpoint(method="GET", path="/v1/daemon/stats", handler=daemon_stats, gives={200: dict}),
    Endpoint(method="GET", path="/v1/daemon/stats/history", handler=stats_history, gives={200: dict}),
    Endpoint(method="POST", path="/v1/daemon/reload", handler=reload_daemon, gives={200: dict}, owned=True),
    Endpoint(method="POST", path="/v1/daemon/shutdown", handler=shut_down, gives={200: dict}),
)
