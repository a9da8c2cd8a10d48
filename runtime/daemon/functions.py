"""Functions: what services export, from when each first runs until it is deleted, and the way to ask for it."""

from functools import partial

from runtime.daemon.logs import LogBook
from runtime.daemon.services.supervisor import Supervisor
from runtime.daemon.traffic.router import Router
from runtime.providers.service_functions.source import Forward, Offer


class Functions:
    """Implements `service_functions.Source`. `follow` is a watcher of Services."""

    def __init__(self, router: Router, logs: LogBook) -> None:
        self._router = router
        self._logs = logs
        self._offers: dict[str, Offer] = {}
        self._told: tuple[Offer, ...] = ()

    def follow(self, service: Supervisor) -> None:
        """Something about the service may have changed: it runs, or runs another module, or is gone."""
        if service.forgotten:
            self._offers.pop(service.id, None)
            self._told = tuple(self._offers.values())
            return
        prepared, known = service.prepared, self._offers.get(service.id)
        if prepared is None or prepared.functions is (() if known is None else known.functions):
            return
        if service.state == "running":
            self._offers[service.id] = Offer(service_id=service.id, service=service.name, functions=prepared.functions)
            self._told = tuple(self._offers.values())

    def offers(self) -> tuple[Offer, ...]:
        """See Source."""
        return self._told

    def knows(self, service_id: str) -> bool:
        """See Source."""
        return self._router.find(service_id) is not None

    def way(self, service_id: str) -> Forward:
        """See Source."""
        route = self._router.find(service_id)
        return partial(self._router.forward, service_id) if route is None else route.forward

    def note(self, service_id: str, sentence: str) -> None:
        """See Source."""
        self._logs.of(service_id).note(sentence)
