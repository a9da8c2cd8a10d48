"""Registry: services by id and by name."""

import re
import secrets
from collections.abc import Iterable, Iterator

from catalog.catalog import nearest
from catalog.errors import Conflict, Invalid, NotFound
from runtime.daemon.ids import new_id
from runtime.daemon.services.records import SERVICE_STATES
from runtime.daemon.services.supervisor import Supervisor

SHOWN = 20
_OTHERS = re.compile(r"[^a-z0-9]+")


class Registry:
    """Every service that there is. An id goes before a name; no name equals another service's id."""

    def __init__(self) -> None:
        self._by_id: dict[str, Supervisor] = {}
        self._by_name: dict[str, Supervisor] = {}

    def __iter__(self) -> Iterator[Supervisor]:
        return iter(tuple(self._by_id.values()))

    def __len__(self) -> int:
        return len(self._by_id)

    def add(self, service: Supervisor) -> None:
        """From now on it is there."""
        self._by_id[service.id] = self._by_name[service.name] = service

    def remove(self, service: Supervisor) -> None:
        """It is there no more."""
        self._by_id.pop(service.id, None)
        self._by_name.pop(service.name, None)

    def find(self, id_or_name: str) -> Supervisor | None:
        """The service, None where there is none."""
        return self._by_id.get(id_or_name) or self._by_name.get(id_or_name)

    def named(self, name: str) -> Supervisor | None:
        """The service of this name."""
        return self._by_name.get(name)

    def get(self, id_or_name: str) -> Supervisor:
        """The service. Raises NotFound SERVICE_NOT_FOUND, with the nearest name."""
        found = self.find(id_or_name)
        if found is not None:
            return found
        meant = nearest(id_or_name, [*self._by_name, *self._by_id])
        raise NotFound(
            "SERVICE_NOT_FOUND",
            f"Service `{id_or_name[:80]}` not found.",
            hint=f"Did you mean `{meant}`?" if meant else "GET /v1/services lists them.",
            details={"service_id": id_or_name[:80], "available_services": sorted(self._by_name)[:SHOWN]},
        )

    def check_name(self, name: str) -> None:
        """Is the name free? Raises Conflict SERVICE_ALREADY_EXISTS."""
        other = self.find(name)
        if other is not None:
            what = "has that name" if other.name == name else "has that id"
            raise Conflict(
                "SERVICE_ALREADY_EXISTS",
                f"Service `{name}` already exists.",
                hint="Change it with PATCH, delete it first, or name the new one otherwise.",
                details={"service_id": other.id, "reason": f"a service {what}"},
            )

    def new_id(self, name: str) -> str:
        """`<name>-<6>`, taken by nobody."""
        while True:
            found = new_id(name)
            if self.find(found) is None:
                return found

    def new_run_id(self) -> str:
        """`svc-<8 hex>`, taken by nobody."""
        while True:
            found = f"svc-{secrets.token_hex(4)}"
            if self.find(found) is None:
                return found


def fitting(
    services: Iterable[Supervisor], state: str | None, network: frozenset[str] | None, labels: Iterable[str]
) -> list[Supervisor]:
    """Those in `state`, in a network of one of these names, with all `labels` (`key=value` or `key`), oldest first.

    Raises Invalid INVALID_REQUEST for a state that there is not.
    """
    if state is not None and state not in SERVICE_STATES:
        meant = nearest(state, SERVICE_STATES)
        raise Invalid(
            "INVALID_REQUEST",
            f"`{state[:80]}` is not a state of a service.",
            hint=f"Did you mean `{meant}`?" if meant else f"There are: {', '.join(SERVICE_STATES)}.",
        )
    wanted = [each.partition("=") for each in labels]
    found = [
        service
        for service in services
        if (state is None or service.state == state)
        and (network is None or not network.isdisjoint(service.spec.networks))
        and all(_labelled(service, key, equals, value) for key, equals, value in wanted)
    ]
    return sorted(found, key=lambda each: (each.created_at_ns, each.id))


def _labelled(service: Supervisor, key: str, equals: str, value: str) -> bool:
    labels = service.spec.labels
    return labels.get(key) == value if equals else key in labels


def as_service_name(name: str) -> str:
    """A module's name as a service may be called."""
    return _OTHERS.sub("-", name.lower()).strip("-")[:63].strip("-") or "module"
