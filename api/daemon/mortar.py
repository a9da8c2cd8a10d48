"""/v1/mortar: whole projects: deployed, checked, shown, removed."""

import asyncio
import base64
import binascii
import re
from pathlib import Path
from typing import Annotated

import msgspec
from msgspec import Meta

from api.daemon.endpoint import Answer, Asked, Endpoint, NoQuery
from api.daemon.times import seconds, stamp
from catalog.errors import Invalid
from catalog.jsonvalue import Json
from runtime.daemon.mortar import COME_UP, FILE_NAME, Deployed, Problem, Status, Undeployed, listed
from runtime.daemon.mortar.reading import TEXT_MOST
from runtime.forms.plain_file import open_plain
from runtime.wasm.modules.building import COMMAND_SECONDS

UNDEPLOY_SECONDS = 30.0
"""How long guests may take to end, where a request says nothing (the seed's example)."""

_BASE64 = re.compile(r"[A-Za-z0-9+/_\s-]+={0,2}\s*\Z")
Duration = str | float | None


class Text(msgspec.Struct, frozen=True, kw_only=True):
    """A project file: `mortar` is its text, plain or base64; or `mortar_path`, a file or its folder on this machine.

    `base_dir` is the folder that relative paths are below; with `mortar_path` it is the file's own.
    """

    mortar: str | None = None
    mortar_path: str | None = None
    base_dir: str | None = None
    profile: str | None = None
    strict: bool = False


class Deploy(Text, frozen=True, kw_only=True):
    """How it is deployed. `timeout`: how long services may take to come up. `variables` go over defaults."""

    build: bool = True
    force_recreate: bool = False
    variables: dict[str, str | float | int | bool] = {}
    timeout: Duration = None


class Undeploy(msgspec.Struct, frozen=True, kw_only=True):
    """Which project, whether its volumes go too, and how long its guests may take to end."""

    project_name: Annotated[str, Meta(min_length=1)]
    remove_volumes: bool = False
    timeout: Duration = None


async def deploy_project(asked: Asked[Deploy, NoQuery]) -> Answer:
    """Bring services, networks, volumes and policies to what a project file says; what fails is undone."""
    body = asked.body
    timeout = seconds(body.timeout, COME_UP)
    # Services come up, or what was begun is undone, which stops them again.
    asked.allow(2 * timeout + (COMMAND_SECONDS if body.build else 0.0))
    text, base = await project_text(body)
    deployed = await asked.daemon.mortar.deploy(
        text,
        profile=body.profile,
        build=body.build,
        force_recreate=body.force_recreate,
        variables=body.variables,
        base_dir=base,
        strict=body.strict,
        timeout=timeout,
    )
    return Answer(_deployed(deployed))


async def validate_project(asked: Asked[Text, NoQuery]) -> Answer:
    """Everything that is wrong with a project file or worth a warning; nothing is changed."""
    text, base = await project_text(asked.body)
    found = await asked.daemon.mortar.validate(
        text, profile=asked.body.profile, base_dir=base, strict=asked.body.strict
    )
    valid = all(each.severity != "error" for each in found)
    return Answer({"valid": valid, "problems": [listed(each) for each in found]})


async def undeploy_project(asked: Asked[Undeploy, NoQuery]) -> Answer:
    """Remove a project's services, networks and policies; its volumes stay unless asked for."""
    body = asked.body
    timeout = seconds(body.timeout, UNDEPLOY_SECONDS)
    mortar = asked.daemon.mortar
    asked.allow(timeout * max(1, mortar.size(body.project_name)))
    gone = await mortar.undeploy(body.project_name, remove_volumes=body.remove_volumes, timeout=timeout)
    return Answer(_undeployed(gone))


async def project_status(asked: Asked[None, NoQuery]) -> Answer:
    """How a project is."""
    return Answer(_status(asked.daemon.mortar.status(asked.path["project_name"])))


async def list_projects(asked: Asked[None, NoQuery]) -> Answer:
    """How all projects are, by name."""
    found = [_status(each) for each in asked.daemon.mortar.list()]
    return Answer({"projects": found, "total": len(found)})


async def project_text(body: Text) -> tuple[str, Path | None]:
    """The project file that a request means, and the folder of its relative paths. Raises Invalid INVALID_REQUEST."""
    if (body.mortar is None) == (body.mortar_path is None):
        raise Invalid("INVALID_REQUEST", "The body must have either `mortar` or `mortar_path`.")
    base = None if body.base_dir is None else _absolute("base_dir", body.base_dir)
    if body.mortar is not None:
        return decoded(body.mortar), base
    path = _absolute("mortar_path", str(body.mortar_path))
    return await asyncio.to_thread(_read, path, base)


def _absolute(name: str, text: str) -> Path:
    path = Path(text)
    if not path.is_absolute() or "\0" in text:
        raise Invalid("INVALID_REQUEST", f"`{name}` is not absolute.", hint="Name a place on the daemon's machine.")
    return path


def _read(path: Path, base: Path | None) -> tuple[str, Path]:
    try:
        path = path / FILE_NAME if path.is_dir() else path
        with open_plain(path) as file:
            text = file.read(4 * TEXT_MOST).decode("utf-8")
    except OSError as error:
        raise Invalid("INVALID_REQUEST", f"`{path}` cannot be read: {error.strerror}.") from None
    except UnicodeDecodeError:
        raise Invalid("INVALID_REQUEST", f"`{path}` is not UTF-8.") from None
    return text, base or path.parent


def decoded(text: str) -> str:
    """The project file in a body: base64 is undone, plain text stays. Raises Invalid INVALID_REQUEST."""
    # Every project file has a quotation mark, which base64 has not.
    if not _BASE64.match(text):
        return text
    try:
        plain = re.sub(r"\s+", "", text).replace("-", "+").replace("_", "/").rstrip("=")
        return base64.b64decode(plain + "=" * (-len(plain) % 4), validate=True).decode("utf-8")
    except (binascii.Error, UnicodeDecodeError):
        raise Invalid("INVALID_REQUEST", "`mortar` is neither a project file nor base64 of one.") from None


def _deployed(deployed: Deployed) -> Json:
    outcome, deployment = deployed.outcome, deployed.deployment
    return {
        "deployment_id": deployment.id,
        "project_name": deployment.project,
        "services_created": len(outcome.created),
        "services_updated": len(outcome.updated),
        "services_unchanged": len(outcome.unchanged),
        "services_removed": len(outcome.removed),
        "networks_created": len(outcome.networks_created),
        "volumes_created": len(outcome.volumes_created),
        "deployed_at": stamp(deployment.updated_at_ns),
        "changes": msgspec.to_builtins(outcome),
        "warnings": [_warning(each) for each in deployed.warnings],
    }


def _warning(problem: Problem) -> str:
    said = str(listed(problem)["message"])
    return f"line {problem.line}: {said}" if problem.line else said


def _undeployed(gone: Undeployed) -> Json:
    return {
        "services_removed": len(gone.services),
        "networks_removed": len(gone.networks),
        "volumes_removed": len(gone.volumes),
        "undeployed_at": stamp(gone.at_ns),
        "project_name": gone.project,
        "removed": gone.services,
        "networks_kept": gone.networks_kept,
    }


def _status(status: Status) -> Json:
    deployment = status.deployment
    return {
        "project_name": status.project,
        "state": status.state,
        "services": {"total": status.total, "running": status.running, "failed": status.failed},
        "health": status.health,
        "deployed_at": stamp(deployment.deployed_at_ns),
        "updated_at": stamp(status.updated_at_ns),
        "deployment_id": deployment.id,
        "version": deployment.version,
        "profile": deployment.profile,
    }


def _endpoint(method: str, path: str, handler: Json, *, owned: bool = True) -> Endpoint:
    return Endpoint(method=method, path=f"/v1/mortar/{path}", handler=handler, gives={200: dict}, owned=owned)


ENDPOINTS = (
    _endpoint("POST", "deploy", deploy_project),
    _endpoint("POST", "undeploy", undeploy_project),
    _endpoint("POST", "validate", validate_project),
    _endpoint("GET", "status", list_projects, owned=False),
    _endpoint("GET", "status/{project_name}", project_status, owned=False),
)
