"""/v1/networks: groups of services, and who may reach whom."""

from api.daemon.endpoint import Answer, Asked, Document, Endpoint, NoQuery
from api.daemon.times import stamp
from catalog.jsonvalue import Json
from runtime.daemon.networks import Network, read_network
from runtime.daemon.services import Service
from runtime.daemon.spec import NetworkSpec

_SHOWN = ("id", "name", "internal", "ingress", "egress")
_MORE = tuple(name for name in NetworkSpec.__struct_fields__ if name not in _SHOWN)


async def create_network(asked: Asked[Document, NoQuery]) -> Answer:
    """Make a network."""
    network = await asked.daemon.networks.create(read_network(asked.body))
    made = {"id": network.id, "name": network.spec.name, "created_at": stamp(network.created_at_ns)}
    return Answer(made, 201)


async def list_networks(asked: Asked[None, NoQuery]) -> Answer:
    """Networks, the oldest first, each with the names of the services in it."""
    return Answer({"networks": [_listed(asked, each) for each in asked.daemon.networks.list()]})


async def get_network(asked: Asked[None, NoQuery]) -> Answer:
    """A network with its rules and the services in it; a rule that has its default is left out."""
    network = asked.daemon.networks.get(asked.path["id"])
    spec = network.spec
    more = {name: getattr(spec, name) for name in _MORE if getattr(spec, name) not in ("", False, (), {}, None)}
    return Answer(
        {
            "id": network.id,
            "name": spec.name,
            "internal": spec.internal,
            "ingress": spec.ingress,
            "egress": spec.egress,
            **more,
            "services": [{"id": each.id, "name": each.name} for each in _members(asked, network)],
            "created_at": stamp(network.created_at_ns),
        }
    )


async def delete_network(asked: Asked[None, NoQuery]) -> Answer:
    """Remove a network that no service is in."""
    network = asked.daemon.networks.get(asked.path["id"])
    used_by = [each.name for each in _members(asked, network)]
    await asked.daemon.networks.delete(network.id, used_by=used_by)
    return Answer({"id": network.id, "deleted_at": stamp(asked.daemon.clock.now_ns())})


def _listed(asked: Asked[None, NoQuery], network: Network) -> dict[str, Json]:
    return {
        "id": network.id,
        "name": network.spec.name,
        "internal": network.spec.internal,
        "services": [each.name for each in _members(asked, network)],
        "created_at": stamp(network.created_at_ns),
    }


def _members(asked: Asked[None, NoQuery], network: Network) -> list[Service]:
    names = {network.id, network.spec.name}
    return [each for each in asked.daemon.services.list() if not names.isdisjoint(each.spec.networks)]


def _endpoint(method: str, path: str, handler: Json, *, gives: int = 200, owned: bool = True) -> Endpoint:
    return Endpoint(method=method, path=f"/v1/networks{path}", handler=handler, gives={gives: dict}, owned=owned)


ENDPOINTS = (
    _endpoint("POST", "", create_network, gives=201),
    _endpoint("GET", "", list_networks, owned=False),
    _endpoint("GET", "/{id}", get_network, owned=False),
    _endpoint("DELETE", "/{id}", delete_network),
)
