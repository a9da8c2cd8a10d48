"""Owners: what is there already under a project's names, and belongs to somebody else."""

import msgspec

from catalog.errors import Conflict
from runtime.daemon.mortar.ports import Fleet, Stores
from runtime.daemon.mortar.project import Project
from runtime.daemon.networks import Networks


def check_owners(project: Project, fleet: Fleet, networks: Networks, volumes: Stores) -> None:
    """Is everything the project names its own, or not there yet? A volume must be as it was declared, too.

    Raises Conflict INVALID_STATE, SERVICE_ALREADY_EXISTS.
    """
    names = {part.spec.name for part in project.parts}
    for service in fleet.list():
        if service.name in names and service.spec.project != project.name:
            raise Conflict(
                "SERVICE_ALREADY_EXISTS",
                f"There is a service `{service.name}` already, which is not the project's.",
                hint="Delete it, or give the project's service another `name`.",
                details={"service_id": service.id},
            )
    for spec in project.networks:
        network = networks.find(spec.name)
        if network is not None and network.spec.project != project.name:
            raise _taken("network", spec.name)
    for wanted in project.volumes:
        volume = volumes.find(wanted.name)
        if volume is None:
            continue
        if volume.spec.project != project.name:
            raise _taken("volume", wanted.name)
        # A daemon may encrypt every volume, whether or not the project asks for it.
        if volume.spec != msgspec.structs.replace(wanted, encrypted=wanted.encrypted or volume.spec.encrypted):
            raise Conflict(
                "INVALID_STATE",
                f"The volume `{wanted.name}` is there with other properties.",
                hint="Declare it as it is, or delete it first: its data go with it.",
                details={"volume": wanted.name},
            )


def _taken(what: str, name: str) -> Conflict:
    return Conflict(
        "INVALID_STATE",
        f"There is a {what} `{name}` already, which is not the project's.",
        hint="Give the project's another name.",
        details={what: name},
    )
