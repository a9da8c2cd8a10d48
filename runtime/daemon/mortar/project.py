"""Project: a project file as it is understood: what there should be, and in which order."""

import graphlib
from collections.abc import Iterable, Mapping
from pathlib import Path

import msgspec

from runtime.daemon.policies import Policy
from runtime.daemon.services import Service
from runtime.daemon.spec import NetworkSpec, ServiceSpec, VolumeSpec


class Part(msgspec.Struct, frozen=True, kw_only=True):
    """One service of a project. `build` is the folder its module is built from, None where `image` names it."""

    key: str
    """Its name in the file, for messages; `spec.name` is what it is called when it runs."""
    spec: ServiceSpec
    build: Path | None = None


class Project(msgspec.Struct, frozen=True, kw_only=True):
    """A whole project. `parts` stand in the order in which they are to be started."""

    name: str
    version: str
    parts: tuple[Part, ...] = ()
    networks: tuple[NetworkSpec, ...] = ()
    volumes: tuple[VolumeSpec, ...] = ()
    policies: tuple[Policy, ...] = ()
    deny_wildcard_connect: bool = False


def start_order(depends: Mapping[str, Iterable[str]]) -> tuple[list[str], list[str]]:
    """Names so that each comes after those it depends on, else in the order given.

    Where some wait for each other there is no order, but, as the second, the ring of their names.
    """
    place = {name: at for at, name in enumerate(depends)}
    sorter = graphlib.TopologicalSorter(
        {name: [each for each in needs if each in place] for name, needs in depends.items()}
    )
    try:
        sorter.prepare()
    except graphlib.CycleError as error:
        return [], list(reversed(error.args[1]))
    found: list[str] = []
    while sorter.is_active():
        ready = sorted(sorter.get_ready(), key=place.__getitem__)
        found += ready
        sorter.done(*ready)
    return found, []


def stop_order(services: Iterable[Service]) -> list[Service]:
    """Services so that each comes after those that depend on it."""
    by_name = {each.name: each for each in services}
    order, ring = start_order({name: each.spec.depends_on for name, each in by_name.items()})
    return [by_name[name] for name in reversed(order)] if not ring else list(by_name.values())
