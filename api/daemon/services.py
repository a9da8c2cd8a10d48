"""/v1/services: what runs: created, shown, changed, moved, removed."""

from typing import Annotated

import msgspec
from msgspec import Meta

from api.daemon.endpoint import Answer, Asked, Document, Endpoint, NoQuery
from api.daemon.shown_service import listed, shown
from api.daemon.times import seconds, stamp
from catalog.jsonvalue import Json
from runtime.daemon.reading import read_service

STOP_SECONDS = 10.0
"""How long what is under way may take to end, where a request says nothing (the seed's default)."""

RESTART_SECONDS = 30.0
"""What a restart of several replicas may take besides its timeout: they go one after the other."""

Duration = str | float | None


class ServicesQuery(msgspec.Struct, frozen=True, kw_only=True):
    """Which services; a label is `key=value` or `key`, and may be repeated."""

    state: str | None = None
    network: str | None = None
    label: tuple[str, ...] = ()


class RunModule(msgspec.Struct, frozen=True, kw_only=True):
    """A stored module, and how it is run."""

    reference: Annotated[str, Meta(min_length=1)]
    args: tuple[str, ...] = ()
    env_vars: tuple[tuple[str, str], ...] = ()
    no_capabilities: bool = False
    networks: tuple[str, ...] = ()


class Ending(msgspec.Struct, frozen=True, kw_only=True):
    """How something is ended: in how much time, or at once."""

    timeout: Duration = None
    force: bool = False


class Scale(msgspec.Struct, frozen=True, kw_only=True):
    """How many replicas there should be."""

    replicas: Annotated[int, Meta(ge=0)]


class Rollback(msgspec.Struct, frozen=True, kw_only=True):
    """To which revision; left out, to the one before."""

    revision: int | None = None


async def create_service(asked: Asked[Document, NoQuery]) -> Answer:
    """Create a service and begin to start it."""
    service = await asked.daemon.services.create(read_service(asked.body))
    made = {
        "id": service.id,
        "name": service.name,
        "state": service.state,
        "replicas": service.counts.desired,
        "created_at": stamp(service.created_at_ns),
    }
    return Answer(made, 201)


async def run_module(asked: Asked[RunModule, NoQuery]) -> Answer:
    """Create a service from a stored module and begin to start it; without networks it is internal."""
    body = asked.body
    service = await asked.daemon.services.run_module(
        body.reference,
        args=body.args,
        env_vars=body.env_vars,
        no_capabilities=body.no_capabilities,
        networks=body.networks,
    )
    return Answer({"id": service.id, "name": service.name}, 201)


async def list_services(asked: Asked[None, ServicesQuery]) -> Answer:
    """Services, the oldest first."""
    query = asked.query
    network = None if query.network is None else asked.daemon.networks.find(query.network)
    names = query.network if network is None else (network.id, network.spec.name)
    found = asked.daemon.services.list(state=query.state, network=names, labels=query.label)
    return Answer({"services": [listed(each) for each in found], "total": len(found)})


async def get_service(asked: Asked[None, NoQuery]) -> Answer:
    """A service as it is wanted and as it is, with its replicas."""
    services = asked.daemon.services
    service = services.get(asked.path["id"])
    return Answer(shown(service, services.stats(service.id)))


async def update_service(asked: Asked[Document, NoQuery]) -> Answer:
    """Change a service by a merge patch (RFC 7396): null removes; replicas are replaced one by one where need be."""
    service = await asked.daemon.services.patch(asked.path["id"], asked.body)
    return Answer({"id": service.id, "updated_at": stamp(service.updated_at_ns), "revision": service.revision})


async def delete_service(asked: Asked[None, Ending]) -> Answer:
    """Stop a service within `timeout` (10 s), or with `force` at once, and forget it; its volumes stay."""
    timeout = seconds(asked.query.timeout, STOP_SECONDS)
    asked.allow(timeout)
    service = await asked.daemon.services.delete(asked.path["id"], timeout=timeout, force=asked.query.force)
    return Answer({"id": service.id, "deleted_at": _now(asked)})


async def start_service(asked: Asked[Document, NoQuery]) -> Answer:
    """Start a service that is stopped or has failed."""
    service = await asked.daemon.services.start(asked.path["id"])
    return Answer({"id": service.id, "state": service.state, "started_at": _now(asked)})


async def stop_service(asked: Asked[Ending, NoQuery]) -> Answer:
    """Stop a service within `timeout` (10 s), or with `force` at once; it stays stopped over restarts of the daemon."""
    timeout = seconds(asked.body.timeout, STOP_SECONDS)
    asked.allow(timeout)
    service = await asked.daemon.services.stop(asked.path["id"], timeout=timeout, force=asked.body.force)
    return Answer({"id": service.id, "state": service.state, "stopped_at": _now(asked)})


async def restart_service(asked: Asked[Ending, NoQuery]) -> Answer:
    """Replace a service's replicas one by one, or with `force` all at once."""
    services, name = asked.daemon.services, asked.path["id"]
    timeout = seconds(asked.body.timeout, STOP_SECONDS)
    service = services.get(name)
    asked.allow((timeout + RESTART_SECONDS) * max(1, service.counts.desired))
    count = await services.restart(service.id, timeout=timeout, force=asked.body.force)
    return Answer({"id": service.id, "restarted_at": _now(asked), "instances_restarted": count})


async def scale_service(asked: Asked[Scale, NoQuery]) -> Answer:
    """Set how many replicas there should be."""
    services = asked.daemon.services
    service = services.get(asked.path["id"])
    before, after = await services.scale(service.id, asked.body.replicas)
    scaled: Json = {
        "id": service.id,
        "previous_replicas": before,
        "new_replicas": after,
        "scaled_at": _now(asked),
    }
    return Answer(scaled)


async def rollback_service(asked: Asked[Rollback, NoQuery]) -> Answer:
    """Return to an earlier revision of a service, as a new one."""
    service = await asked.daemon.services.rollback(asked.path["id"], asked.body.revision)
    return Answer({"id": service.id, "updated_at": stamp(service.updated_at_ns), "revision": service.revision})


def _now(asked: Asked[Json, Json]) -> str | None:
    return stamp(asked.daemon.clock.now_ns())


def _endpoint(method: str, path: str, handler: Json, *, gives: int = 200, owned: bool = True) -> Endpoint:
    return Endpoint(method=method, path=f"/v1/services{path}", handler=handler, gives={gives: dict}, owned=owned)


ENDPOINTS = (
    _endpoint("POST", "", create_service, gives=201),
    _endpoint("POST", "/run-module", run_module, gives=201),
    _endpoint("GET", "", list_services, owned=False),
    _endpoint("GET", "/{id}", get_service, owned=False),
    _endpoint("PATCH", "/{id}", update_service),
    _endpoint("DELETE", "/{id}", delete_service),
    _endpoint("POST", "/{id}/start", start_service),
    _endpoint("POST", "/{id}/stop", stop_service),
    _endpoint("POST", "/{id}/restart", restart_service),
    _endpoint("POST", "/{id}/scale", scale_service),
    _endpoint("POST", "/{id}/rollback", rollback_service),
)
