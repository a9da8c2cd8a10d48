"""Standing: how a service is now, as far as a change rests on it."""

from collections.abc import Sequence

from catalog.errors import NotFound
from catalog.jsonvalue import Json
from catalog.provider import Call
from runtime.providers.daemons import daemon_of, find, segment

ABSENT: Json = {"service": None}
_AT_WORK = frozenset({"pending", "starting", "running"})


def facts(service: Json, names: Sequence[str]) -> Json:
    """Of a service as the daemon shows it: `id`, and of `revision`, `replicas`, `at_work` those that are named."""
    all_facts = {
        "revision": service["revision"],
        "replicas": service["replicas"]["desired"],
        "at_work": service["state"] in _AT_WORK,
    }
    return {"id": service["id"], **{name: all_facts[name] for name in names}}


async def observed(service_id: str, precondition: Json, call: Call) -> Json:
    """The same facts as `precondition` has, as they are now."""
    service = await find(f"services/{segment(service_id)}", call)
    return ABSENT if service is None else facts(service, [name for name in precondition if name != "id"])


async def get_revisions(name: str, call: Call) -> Json:
    """A service's revisions, the one that holds last. Raises NotFound SERVICE_NOT_FOUND."""
    return await daemon_of(call).ask("GET", f"services/{segment(name)}/revisions")


def earlier(revisions: Json, number: int | None) -> Json:
    """The revision to go back to: that of the number, or the one before. Raises NotFound REVISION_NOT_FOUND."""
    wanted = revisions["revision"] - 1 if number is None else number
    for each in revisions["revisions"][:-1]:
        if each["revision"] == wanted:
            return each
    kept = [each["revision"] for each in revisions["revisions"]]
    raise NotFound(
        "REVISION_NOT_FOUND",
        f"Service `{revisions['name']}` has no earlier revision {wanted}.",
        hint=f"It has {', '.join(map(str, kept))}, of which the last holds.",
    )
