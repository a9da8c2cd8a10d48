"""/v1/services/{id}/revisions: the specifications that a service had, so that a way back can be looked at first."""

from api.daemon.endpoint import Answer, Asked, Endpoint, NoQuery
from api.daemon.times import stamp
from runtime.daemon.writing import write_service


async def service_revisions(asked: Asked[None, NoQuery]) -> Answer:
    """A service's last specifications, the one that holds last; secrets are hidden."""
    service = asked.daemon.services.get(asked.path["id"])
    found = [
        {"revision": each.number, "created_at": stamp(each.at_ns), "spec": write_service(each.spec)}
        for each in service.revisions
    ]
    return Answer({"id": service.id, "name": service.name, "revision": service.revision, "revisions": found})


ENDPOINTS = (Endpoint(method="GET", path="/v1/services/{id}/revisions", handler=service_revisions, gives={200: dict}),)
