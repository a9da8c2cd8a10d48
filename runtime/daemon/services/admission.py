"""Admission: does one more service, or a larger one, fit what the daemon may spend? Pure.

Only what services ask for explicitly is added up: defaults are caps and reserve nothing.
"""

from collections.abc import Iterable
from graphlib import CycleError, TopologicalSorter
from typing import Protocol

from catalog.errors import Conflict, Invalid, TooMany
from runtime.daemon.services.records import ServiceRecord
from runtime.daemon.spec import ServiceSpec
from runtime.forms.scalars import print_bytes


class Limits(Protocol):
    """The `[resources]` of the daemon's settings."""

    @property
    def max_memory_total(self) -> int:
        """Bytes."""
        ...

    @property
    def max_cpu_total(self) -> float:
        """Cores."""
        ...

    @property
    def default_memory_limit(self) -> int:
        """Bytes a replica may use where nobody says anything else."""
        ...

    @property
    def default_cpu_limit(self) -> float:
        """Cores, likewise."""
        ...

    @property
    def max_services(self) -> int:
        """However they are."""
        ...

    @property
    def max_replicas_per_service(self) -> int:
        """At most."""
        ...


def check_count(others: Iterable[ServiceRecord], limits: Limits) -> None:
    """Is there room for another service? Raises TooMany RESOURCE_LIMIT_EXCEEDED."""
    if sum(1 for _ in others) >= limits.max_services:
        raise _exceeded(f"There are {limits.max_services} services, the most that the daemon takes", "max_services")


def check_replicas(spec: ServiceSpec, replicas: int, limits: Limits) -> None:
    """May one service have so many? Raises TooMany RESOURCE_LIMIT_EXCEEDED."""
    most = limits.max_replicas_per_service
    if replicas > most:
        text = f"Service `{spec.name}` asks for {replicas} replicas, the daemon allows {most}"
        raise _exceeded(text, "max_replicas_per_service")


def check_resources(others: Iterable[ServiceRecord], spec: ServiceSpec, replicas: int, limits: Limits) -> None:
    """Do the resources of all that should run fit with those of `spec`? Raises TooMany RESOURCE_LIMIT_EXCEEDED."""
    running = [each for each in others if each.desired == "running"]
    memory = sum((each.spec.resources.memory or 0) * each.replicas for each in running)
    cpu = sum((each.spec.resources.cpu or 0.0) * each.replicas for each in running)
    more_memory, more_cpu = (spec.resources.memory or 0) * replicas, (spec.resources.cpu or 0.0) * replicas
    if more_memory and memory + more_memory > limits.max_memory_total:
        left = print_bytes(max(0, limits.max_memory_total - memory))
        text = (
            f"Service `{spec.name}` asks for {print_bytes(more_memory)} of memory, but of "
            f"{print_bytes(limits.max_memory_total)} only {left} are left"
        )
        raise _exceeded(text, "max_memory_total")
    if more_cpu and cpu + more_cpu > limits.max_cpu_total + 1e-9:
        text = (
            f"Service `{spec.name}` asks for {more_cpu:g} cores, but of {limits.max_cpu_total:g} only "
            f"{max(0.0, limits.max_cpu_total - cpu):g} are left"
        )
        raise _exceeded(text, "max_cpu_total")


def check_ports(others: Iterable[ServiceRecord], spec: ServiceSpec) -> None:
    """Are its host ports free of other services that should run? Raises Conflict PORT_TAKEN."""
    wanted = {port.host for port in spec.ports}
    for other in others:
        taken = sorted(wanted & {port.host for port in other.spec.ports}) if other.desired == "running" else []
        if taken:
            raise Conflict(
                "PORT_TAKEN",
                f"Port {taken[0]} belongs to service `{other.spec.name}`.",
                hint="Name another host port.",
                details={"port": taken[0], "service": other.spec.name},
            )


def check_order(others: Iterable[ServiceRecord], spec: ServiceSpec) -> None:
    """Would services wait for each other in a ring? Raises Invalid INVALID_REQUEST."""
    needs = {each.spec.name: each.spec.depends_on for each in others}
    needs[spec.name] = spec.depends_on
    try:
        TopologicalSorter(needs).prepare()
    except CycleError as error:
        shown = " -> ".join(f"`{each}`" for each in error.args[1])
        raise Invalid(
            "INVALID_REQUEST",
            f"Services would wait for each other: {shown}.",
            hint="Take one of them out of `depends_on`.",
            details={"fields": [{"field": "depends_on", "problem": f"makes a ring: {shown}"}]},
        ) from None


def _exceeded(text: str, setting: str) -> TooMany:
    return TooMany("RESOURCE_LIMIT_EXCEEDED", f"{text}.", hint=f"Raise `{setting}` under [resources], or ask for less.")
