"""Status: how a deployed project is, from how its services are."""

from collections.abc import Sequence

import msgspec

from runtime.daemon.mortar.records import Deployment
from runtime.daemon.services import Service


class Status(msgspec.Struct, frozen=True, kw_only=True):
    """A project in numbers. `state`: running, starting, degraded, failed, stopped, deploying.

    A command that has ended well counts as running. `updated_at_ns` is when the project or one of its services last
    changed.
    """

    project: str
    deployment: Deployment
    state: str
    health: str
    total: int
    running: int
    failed: int
    updated_at_ns: int


def status_of(deployment: Deployment, services: Sequence[Service], *, deploying: bool) -> Status:
    """What can be said of it now."""
    running = sum(_runs(each) for each in services)
    failed = sum(each.state == "failed" for each in services)
    missing = len(set(deployment.services) - {each.name for each in services})
    return Status(
        project=deployment.project,
        deployment=deployment,
        state="deploying" if deploying else _state(services, running, failed, missing),
        health=_health(services),
        total=len(services),
        running=running,
        failed=failed,
        updated_at_ns=max(deployment.updated_at_ns, *(each.updated_at_ns for each in services), 0),
    )


def _runs(service: Service) -> bool:
    return service.state == "running" or any(each.state == "completed" for each in service.instances)


def _state(services: Sequence[Service], running: int, failed: int, missing: int) -> str:
    if running == len(services) and not missing:
        return "degraded" if any(each.degraded for each in services) else "running"
    if failed:
        return "degraded" if running else "failed"
    if any(each.state in ("pending", "starting") for each in services):
        return "starting"
    return "degraded" if running else "stopped"


def _health(services: Sequence[Service]) -> str:
    found = {each.health for each in services if each.state not in ("stopped", "stopping")}
    return next((each for each in ("unhealthy", "starting", "unknown") if each in found), "healthy")
