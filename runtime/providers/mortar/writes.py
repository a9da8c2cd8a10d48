"""Writes about projects: `mortar.deploy`, `mortar.undeploy`."""

from typing import Annotated

import msgspec
from msgspec import UNSET, Meta, UnsetType

from catalog.changes import Change
from catalog.errors import Invalid, NotFound
from catalog.jsonvalue import Json
from catalog.operations import OperationSet
from catalog.provider import Call
from runtime.providers.daemons import daemon_of, request, segment, send, told
from runtime.providers.daemons.difference import words
from runtime.providers.daemons.sending import DEPLOY, LONG
from runtime.providers.fields import ControllerId, Count, Time
from runtime.providers.mortar.reads import ProjectName

operations = OperationSet("mortar")

MANAGE = "mortar.manage"

_PLANNED = ("mortar", "mortar_path", "base_dir", "profile", "variables", "strict")


class Deployment(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """A project file, as text or as a path on the daemon's machine, and how it is deployed."""

    controller_id: ControllerId
    mortar: Annotated[str | UnsetType, Meta(description="The project file's text.")] = UNSET
    mortar_path: Annotated[str | UnsetType, Meta(description="The file or its folder, at the daemon.")] = UNSET
    base_dir: Annotated[str | UnsetType, Meta(description="What relative paths are below, at the daemon.")] = UNSET
    profile: str | UnsetType = UNSET
    variables: dict[str, str | float | bool] = {}
    strict: Annotated[bool, Meta(description="Warnings are errors.")] = False
    build: Annotated[bool, Meta(description="Build modules that name a folder.")] = True
    force_recreate: bool = False
    timeout: Annotated[str | UnsetType, Meta(description="How long services may take to come up; 60 s.")] = UNSET


class Removal(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Which project is taken down."""

    controller_id: ControllerId
    project: ProjectName
    remove_volumes: Annotated[bool, Meta(description="Its volumes go too, with what is in them.")] = False
    timeout: Annotated[str | UnsetType, Meta(description="How long guests may take to end; 30 s.")] = UNSET


class Deployed(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """What a deployment came to."""

    deployment_id: str
    project_name: str
    services_created: Count
    services_updated: Count
    services_unchanged: Count
    services_removed: Count
    networks_created: Count
    volumes_created: Count
    deployed_at: Time
    warnings: list[str]


class Undeployed(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """What was taken down."""

    project_name: str
    services_removed: Count
    networks_removed: Count
    volumes_removed: Count
    undeployed_at: Time


@operations.write("deploy", permission=MANAGE, seconds=DEPLOY, title="Deploy a project")
class DeployProject:
    """Bring services, networks, volumes and policies to what a project file says; what fails is undone."""

    async def plan(self, params: Deployment, call: Call) -> Change:
        """The project's parts before and after. Raises Invalid INVALID_REQUEST with all that is wrong, NO_CHANGE."""
        body: dict[str, Json] = msgspec.to_builtins(params)
        del body["controller_id"]
        planned = await _planned(body, call)
        if planned["before"] == planned["after"] and not params.force_recreate and not planned["builds"]:
            raise Invalid("NO_CHANGE", f"Project `{planned['project_name']}` is so already.")
        return Change(
            target_id=planned["project_name"],
            request=request("POST", "mortar/deploy", body=body),
            before=planned["before"],
            after=planned["after"],
            precondition=planned["standing"],
            summary=f"Deploy project `{planned['project_name']}`: {words(planned['before'], planned['after'])}.",
        )

    async def observe(self, change: Change, call: Call) -> Json:
        """How the project stands now, and that its file still says the same."""
        return (await _planned(change.request["body"], call))["standing"]

    async def apply(self, change: Change, call: Call) -> Deployed:
        """Deploy it and wait until all services run. Raises what the daemon refuses."""
        return told(await send(change, call), Deployed)


@operations.write("undeploy", permission=MANAGE, seconds=LONG, title="Take a project down")
class UndeployProject:
    """Remove a project's services, networks and policies; its volumes stay unless asked for."""

    async def plan(self, params: Removal, call: Call) -> Change:
        """The project's parts before, nothing after. Raises NotFound PROJECT_NOT_FOUND."""
        project = await daemon_of(call).ask("GET", f"mortar/status/{segment(params.project)}/parts")
        parts = project["parts"]
        kept = None if params.remove_volumes or not parts["volumes"] else {"volumes": parts["volumes"]}
        body = {"project_name": params.project, "remove_volumes": params.remove_volumes}
        timeout = {} if params.timeout is UNSET else {"timeout": params.timeout}
        return Change(
            target_id=params.project,
            request=request("POST", "mortar/undeploy", body={**body, **timeout}),
            before=parts,
            after=kept,
            precondition=project["standing"],
            summary=f"Take project `{params.project}` down: {len(parts['services'])} services,"
            f" {len(parts['networks'])} networks{_volumes(parts, kept)}.",
        )

    async def observe(self, change: Change, call: Call) -> Json:
        """How the project stands now."""
        try:
            project = await daemon_of(call).ask("GET", f"mortar/status/{segment(change.target_id)}/parts")
        except NotFound:
            return None
        return project["standing"]

    async def apply(self, change: Change, call: Call) -> Undeployed:
        """Take it down."""
        return told(await send(change, call), Undeployed)


def _volumes(parts: Json, kept: Json) -> str:
    return "" if kept else f", {len(parts['volumes'])} volumes"


async def _planned(body: Json, call: Call) -> Json:
    asked = {name: body[name] for name in _PLANNED if name in body}
    return await daemon_of(call).ask("POST", "mortar/plan", body=asked)
