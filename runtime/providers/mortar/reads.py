"""Mortar projects of a daemon, looked at."""

from typing import Annotated, Literal

import msgspec
from msgspec import Meta

from catalog.operations import OperationSet
from catalog.provider import Call
from runtime.providers.daemons import daemon_of, segment, told
from runtime.providers.fields import ControllerId, Count, Time

operations = OperationSet("mortar")

VIEW = "mortar.view"

ProjectName = Annotated[str, Meta(description="The project's name.", min_length=1, max_length=256)]


class Which(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """One project."""

    controller_id: ControllerId
    project: ProjectName


class Services(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """How many services: all, running, failed."""

    total: Count
    running: Count
    failed: Count


class ProjectShown(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """A project in numbers."""

    project_name: str
    state: Literal["running", "starting", "degraded", "failed", "stopped", "deploying"]
    services: Services
    health: Literal["healthy", "unhealthy", "starting", "unknown"]
    deployed_at: Time
    updated_at: Time
    deployment_id: str
    version: str
    profile: str | None = None


@operations.read("status", permission=VIEW, title="Show how a project is")
async def project_status(which: Which, call: Call) -> ProjectShown:
    """State and health of a deployed project."""
    return told(await daemon_of(call).ask("GET", f"mortar/status/{segment(which.project)}"), ProjectShown)
