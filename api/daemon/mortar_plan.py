"""/v1/mortar: what a deployment or its end would change: a project's parts as they are and as they would be."""

import asyncio
from collections.abc import Iterable, Mapping

import msgspec

from api.daemon.endpoint import Answer, Asked, Endpoint, NoQuery
from api.daemon.mortar import Text, project_text
from catalog.jsonvalue import Json, digest
from runtime.daemon.daemon import Daemon
from runtime.daemon.mortar.project import Project
from runtime.daemon.mortar.reading import read_project
from runtime.daemon.spec import NetworkSpec, VolumeSpec
from runtime.daemon.writing import write_service
from runtime.forms.scalars import print_bytes


class Plan(Text, frozen=True, kw_only=True):
    """A project file, and the values of its variables."""

    variables: Mapping[str, str | float | int | bool] = {}


async def plan_project(asked: Asked[Plan, NoQuery]) -> Answer:
    """What a project file would change: the project's parts `before` and `after`; nothing is built or changed."""
    body = asked.body
    text, base = await project_text(body)
    read = await asyncio.to_thread(
        read_project, text, profile=body.profile, variables=body.variables, base=base, strict=body.strict
    )
    read.findings.check()
    assert read.project is not None  # noqa: S101 - without errors there is a project
    project = read.project
    before = _parts(asked.daemon, project.name)
    return Answer(
        {
            "project_name": project.name,
            "before": before if any(before.values()) else None,
            "after": _wanted(project),
            "builds": [part.spec.name for part in project.parts if part.build is not None],
            "standing": {**_standing(asked.daemon, project.name), "text": digest(text)},
        }
    )


async def project_parts(asked: Asked[None, NoQuery]) -> Answer:
    """A deployed project's services, networks, volumes and policies, as they are specified."""
    name = asked.path["project_name"]
    asked.daemon.mortar.status(name)
    return Answer(
        {"project_name": name, "parts": _parts(asked.daemon, name), "standing": _standing(asked.daemon, name)}
    )


def _wanted(project: Project) -> dict[str, Json]:
    return {
        "services": {part.spec.name: write_service(part.spec) for part in project.parts},
        "networks": _networks(project.networks),
        "volumes": _volumes(project.volumes),
        "policies": sorted(each.name for each in project.policies),
    }


def _parts(daemon: Daemon, project: str) -> dict[str, Json]:
    found = {each.project: each for each in daemon.mortar.list()}
    deployment = found[project].deployment if project in found else None
    return {
        "services": {each.name: write_service(each.spec) for each in daemon.services.list() if _of(each.spec, project)},
        "networks": _networks(each.spec for each in daemon.networks.list() if each.spec.project == project),
        "volumes": _volumes(each.spec for each in daemon.volumes.list() if each.spec.project == project),
        "policies": sorted(each.name for each in deployment.policies) if deployment else [],
    }


def _of(spec: Json, project: str) -> bool:
    return bool(spec.project == project)


def _networks(specs: Iterable[NetworkSpec]) -> dict[str, Json]:
    return {each.name: _said(each) for each in specs}


def _volumes(specs: Iterable[VolumeSpec]) -> dict[str, Json]:
    return {each.name: {**_said(each), "size": print_bytes(each.size)} for each in specs}


def _said(spec: NetworkSpec | VolumeSpec) -> dict[str, Json]:
    """What was said of it, without the defaults."""
    defaults = msgspec.structs.fields(spec)
    return {
        each.name: msgspec.to_builtins(getattr(spec, each.name))
        for each in defaults
        if each.required or getattr(spec, each.name) != each.default
    }


def _standing(daemon: Daemon, project: str) -> dict[str, Json]:
    """What a change of the project rests on: its services' revisions, and which networks and volumes it has."""
    return {
        "services": {each.name: [each.id, each.revision] for each in daemon.services.list() if _of(each.spec, project)},
        "networks": sorted(each.id for each in daemon.networks.list() if each.spec.project == project),
        "volumes": sorted(each.id for each in daemon.volumes.list() if each.spec.project == project),
    }


ENDPOINTS = (
    Endpoint(method="POST", path="/v1/mortar/plan", handler=plan_project, gives={200: dict}),
    Endpoint(method="GET", path="/v1/mortar/status/{project_name}/parts", handler=project_parts, gives={200: dict}),
)
