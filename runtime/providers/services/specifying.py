"""Writes that change what a service is: `services.create`, `update`, `rollback`, `run_module`."""

from typing import Annotated

import msgspec
from msgspec import Meta

from catalog.changes import Change
from catalog.errors import Conflict, Invalid
from catalog.jsonvalue import Json
from catalog.operations import OperationSet
from catalog.provider import Call
from runtime.daemon.reading import read_service
from runtime.daemon.spec import ServiceSpec
from runtime.daemon.writing import patched, write_service
from runtime.providers.daemons import daemon_of, find, request, segment, send, told
from runtime.providers.daemons.difference import words
from runtime.providers.fields import ControllerId
from runtime.providers.services.reads import ServiceName
from runtime.providers.services.shapes import State
from runtime.providers.services.standing import ABSENT, earlier, get_revisions, observed
from runtime.providers.services.wanted import NEW, Fields, sent

operations = OperationSet("services")

MANAGE = "services.manage"

Image = Annotated[str, Meta(description="A stored module, such as `hello:1.0.0`.", min_length=1, max_length=512)]

Number = Annotated[int, Meta(description="The revision's number; left out, the one before.", ge=1)]


class Creation(Fields, frozen=True, kw_only=True):
    """A new service."""

    controller_id: ControllerId
    name: Annotated[str, Meta(min_length=1, max_length=256)]
    image: Image


class Update(Fields, frozen=True, kw_only=True):
    """What changes of a service; what is left out stays."""

    controller_id: ControllerId
    service: ServiceName
    image: Image | msgspec.UnsetType = msgspec.UNSET


class Rollback(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """To which revision a service goes back."""

    controller_id: ControllerId
    service: ServiceName
    revision: Number | msgspec.UnsetType = msgspec.UNSET


class RunModule(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """A stored module, and how it is run."""

    controller_id: ControllerId
    reference: Image
    args: list[str] = []
    environment: dict[str, str] = {}
    no_capabilities: bool = False
    networks: Annotated[list[str], Meta(description="Without any, it is reached from inside alone.")] = []


class Made(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """The service that was created and is being started."""

    id: str
    name: str
    state: State | None = None


class Revised(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """The revision that holds now; replicas follow one by one."""

    id: str
    revision: int


@operations.write("create", permission=MANAGE, title="Create a service")
class CreateService:
    """Create a service from a stored module and start it."""

    async def plan(self, params: Creation, call: Call) -> Change:
        """Nothing before, the service after.

        Raises Invalid INVALID_REQUEST, Conflict SERVICE_ALREADY_EXISTS, NotFound MODULE_NOT_FOUND.
        """
        wanted = sent(params, "controller_id")
        after = _shown(read_service(wanted.visible), wanted.visible)
        if await find(f"services/{segment(params.name)}", call) is not None:
            raise Conflict(
                "SERVICE_ALREADY_EXISTS", f"There is a service `{params.name}` already.", hint="Update it instead."
            )
        return Change(
            target_id=params.name,
            request=request("POST", "services", body=wanted.body),
            after=after,
            precondition={**ABSENT, "module": await _get_module(params.image, call)},
            summary=f"Create service `{params.name}` from `{params.image}`.",
            hidden=wanted.hidden,
        )

    async def observe(self, change: Change, call: Call) -> Json:
        """Is there none of that name, and is the module the same?"""
        body = change.request["body"]
        present = await find(f"services/{segment(body['name'])}", call)
        module = await _find_module(body["image"], call)
        return {"service": None if present is None else present["id"], "module": module}

    async def apply(self, change: Change, call: Call) -> Made:
        """Create it."""
        return told(await send(change, call), Made)


@operations.write("run_module", permission=MANAGE, title="Run a module as a new service")
class RunStoredModule:
    """Create a service named after a stored module and start it."""

    async def plan(self, params: RunModule, call: Call) -> Change:
        """Nothing before, the run after. Raises NotFound MODULE_NOT_FOUND."""
        shown = {name: value for name, value in msgspec.to_builtins(params).items() if value}
        del shown["controller_id"]
        body = {**shown, "env_vars": [list(each) for each in params.environment.items()]}
        body.pop("environment", None)
        return Change(
            target_id=params.reference,
            request=request("POST", "services/run-module", body=body),
            after=shown,
            precondition={"module": await _get_module(params.reference, call)},
            summary=f"Run `{params.reference}` as a new service.",
        )

    async def observe(self, change: Change, call: Call) -> Json:
        """Is the module the same?"""
        return {"module": await _find_module(change.request["body"]["reference"], call)}

    async def apply(self, change: Change, call: Call) -> Made:
        """Run it."""
        return told(await send(change, call), Made)


@operations.write("update", permission=MANAGE, title="Change a service")
class UpdateService:
    """Change a service; replicas are replaced one by one where need be, and the revision before is kept."""

    async def plan(self, params: Update, call: Call) -> Change:
        """Its specification before and after.

        Raises NotFound SERVICE_NOT_FOUND, MODULE_NOT_FOUND; Invalid INVALID_REQUEST, NO_CHANGE.
        """
        revisions = await get_revisions(params.service, call)
        before = revisions["revisions"][-1]["spec"]
        wanted = sent(params, "controller_id", "service", secrets=tuple(before.get("secrets", ())))
        after = _shown(patched(read_service(before), wanted.visible), wanted.visible)
        if after == before:
            raise Invalid(
                "NO_CHANGE", f"Service `{revisions['name']}` is so already.", hint="Guard the step with a condition."
            )
        image = wanted.visible.get("image")
        module = {} if image is None else {"module": await _get_module(image, call)}
        return Change(
            target_id=revisions["id"],
            request=request("PATCH", f"services/{segment(revisions['id'])}", body=wanted.body),
            before=before,
            after=after,
            precondition={**_standing(revisions), **module},
            summary=f"Update service `{revisions['name']}`: {words(before, after)}.",
            hidden=wanted.hidden,
        )

    async def observe(self, change: Change, call: Call) -> Json:
        """Its revision now, and the module that its image names now."""
        standing = {name: value for name, value in change.precondition.items() if name != "module"}
        found = await observed(change.target_id, standing, call)
        if "module" not in change.precondition:
            return found
        return {**found, "module": await _find_module(change.request["body"]["image"], call)}

    async def apply(self, change: Change, call: Call) -> Revised:
        """Change it."""
        return told(await send(change, call), Revised)


@operations.write("rollback", permission=MANAGE, title="Roll a service back")
class RollBackService:
    """Return to an earlier revision of a service, as a new one."""

    async def plan(self, params: Rollback, call: Call) -> Change:
        """Its specification before and after. Raises NotFound SERVICE_NOT_FOUND, REVISION_NOT_FOUND."""
        revisions = await get_revisions(params.service, call)
        number = None if params.revision is msgspec.UNSET else params.revision
        back = earlier(revisions, number)
        before, after = revisions["revisions"][-1]["spec"], back["spec"]
        path = f"services/{segment(revisions['id'])}/rollback"
        return Change(
            target_id=revisions["id"],
            # By its number, so that a repeat would change nothing.
            request=request("POST", path, body={"revision": back["revision"]}),
            before=before,
            after=after,
            precondition=_standing(revisions),
            summary=f"Roll service `{revisions['name']}` back from revision {revisions['revision']} to"
            f" {back['revision']}: {words(before, after)}.",
        )

    async def observe(self, change: Change, call: Call) -> Json:
        """Its revision now."""
        return await observed(change.target_id, change.precondition, call)

    async def apply(self, change: Change, call: Call) -> Revised:
        """Roll it back."""
        return told(await send(change, call), Revised)


def _standing(revisions: Json) -> Json:
    return {"id": revisions["id"], "revision": revisions["revision"]}


def _shown(spec: ServiceSpec, visible: dict[str, Json]) -> Json:
    """A specification as the daemon would show it, with a mark where a secret is set: all others look alike."""
    fresh = {name: NEW for name, value in (visible.get("environment") or {}).items() if value == NEW}
    shown = write_service(spec)
    if fresh:
        shown["environment"] = {**shown["environment"], **fresh}
    return msgspec.json.decode(msgspec.json.encode(shown))


async def _get_module(reference: str, call: Call) -> Json:
    """The digest of the module that a reference names now. Raises NotFound MODULE_NOT_FOUND."""
    return (await daemon_of(call).ask("GET", _module_path(reference)))["digest"]


async def _find_module(reference: str, call: Call) -> Json:
    """As `_get_module`, None where it names none."""
    found = await find(_module_path(reference), call)
    return None if found is None else found["digest"]


def _module_path(reference: str) -> str:
    return f"modules/{segment(reference.removeprefix('wasm://'))}"
