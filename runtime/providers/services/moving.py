"""Writes about how a service runs, whatever it is: `services.scale`, `start`, `stop`, `restart`, `delete`."""

from typing import Annotated

import msgspec
from msgspec import UNSET, Meta, UnsetType

from catalog.changes import Change
from catalog.errors import Conflict
from catalog.jsonvalue import Json
from catalog.operations import OperationSet
from catalog.provider import Call
from runtime.providers.daemons import daemon_of, request, segment, send, told
from runtime.providers.daemons.sending import LONG
from runtime.providers.fields import ControllerId, Count, Time
from runtime.providers.services.reads import ServiceName, Which
from runtime.providers.services.shapes import State
from runtime.providers.services.specifying import MANAGE
from runtime.providers.services.standing import facts, get_revisions, observed
from runtime.providers.services.wanted import Duration

operations = OperationSet("services")

_AT_WORK = frozenset({"pending", "starting", "running"})
_AT_REST = frozenset({"stopped"})


class Scale(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """How many replicas a service is to have."""

    controller_id: ControllerId
    service: ServiceName
    replicas: Count


class Ending(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """How a service's replicas are ended."""

    controller_id: ControllerId
    service: ServiceName
    timeout: Annotated[Duration | UnsetType, Meta(description="For what is under way; left out, 10 s.")] = UNSET
    force: Annotated[bool, Meta(description="At once, whatever is under way.")] = False


class Scaled(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """How many replicas there were to be, and are to be."""

    id: str
    previous_replicas: Count
    new_replicas: Count


class Moved(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """The service and the state it is in."""

    id: str
    state: State


class Restarted(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """How many replicas were replaced."""

    id: str
    restarted_at: Time
    instances_restarted: Count


class Deleted(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """The service that was."""

    id: str
    deleted_at: Time


class _Observed:
    """Every one of these rests on facts about one service, whose id is the change's target."""

    async def observe(self, change: Change, call: Call) -> Json:
        """The same facts now."""
        return await observed(change.target_id, change.precondition, call)


@operations.write("scale", permission=MANAGE, title="Scale a service")
class ScaleService(_Observed):
    """Set how many replicas a service is to have."""

    async def plan(self, params: Scale, call: Call) -> Change:
        """Replicas before and after. Raises NotFound SERVICE_NOT_FOUND."""
        service = await _get(params.service, call)
        now = service["replicas"]["desired"]
        return Change(
            target_id=service["id"],
            request=request("POST", _path(service, "scale"), body={"replicas": params.replicas}),
            before={"replicas": now},
            after={"replicas": params.replicas},
            precondition=facts(service, ("revision", "replicas")),
            summary=f"Scale service `{service['name']}` from {now} to {params.replicas} replicas.",
        )

    async def apply(self, change: Change, call: Call) -> Scaled:
        """Scale it."""
        return told(await send(change, call), Scaled)


@operations.write("start", permission=MANAGE, title="Start a service")
class StartService(_Observed):
    """Start a service that is stopped or has failed."""

    async def plan(self, params: Which, call: Call) -> Change:
        """Its state before and after. Raises NotFound SERVICE_NOT_FOUND, Conflict INVALID_STATE."""
        service = await _get(params.service, call)
        _check_state(service, "start", _AT_WORK)
        return Change(
            target_id=service["id"],
            request=request("POST", _path(service, "start"), body={}),
            before=_condition(service),
            after={"state": "running"},
            precondition=facts(service, ("revision", "at_work")),
            summary=f"Start service `{service['name']}`, which is {service['state']}.",
        )

    async def apply(self, change: Change, call: Call) -> Moved:
        """Start it; it answers before it runs."""
        return told(await send(change, call), Moved)


@operations.write("stop", permission=MANAGE, seconds=LONG, title="Stop a service")
class StopService(_Observed):
    """Stop a service until somebody starts it again."""

    async def plan(self, params: Ending, call: Call) -> Change:
        """Its state before and after. Raises NotFound SERVICE_NOT_FOUND, Conflict INVALID_STATE."""
        service = await _get(params.service, call)
        _check_state(service, "stop", _AT_REST)
        return Change(
            target_id=service["id"],
            request=request("POST", _path(service, "stop"), body=_ending(params)),
            before=_condition(service),
            after={"state": "stopped"},
            precondition=facts(service, ("revision", "at_work")),
            summary=f"Stop service `{service['name']}`, which is {service['state']}.",
        )

    async def apply(self, change: Change, call: Call) -> Moved:
        """Stop it and wait until it has."""
        return told(await send(change, call), Moved)


@operations.write("restart", permission=MANAGE, seconds=LONG, title="Restart a service")
class RestartService(_Observed):
    """Replace a service's replicas one by one, or by force all at once."""

    async def plan(self, params: Ending, call: Call) -> Change:
        """Its replicas as they are, to be replaced. Raises NotFound SERVICE_NOT_FOUND."""
        service = await _get(params.service, call)
        running = {each["id"]: each["started_at"] for each in service["replicas"]["instances"]}
        return Change(
            target_id=service["id"],
            request=request("POST", _path(service, "restart"), body=_ending(params)),
            before={**_condition(service), "started": running},
            after={"state": "running", "started": dict.fromkeys(running, "anew")},
            precondition=facts(service, ("revision",)),
            summary=f"Restart service `{service['name']}` with {len(running)} replicas.",
        )

    async def apply(self, change: Change, call: Call) -> Restarted:
        """Restart it and wait until all replicas are new."""
        return told(await send(change, call), Restarted)


@operations.write("delete", permission=MANAGE, seconds=LONG, title="Delete a service")
class DeleteService(_Observed):
    """Stop a service and forget it; its volumes stay."""

    async def plan(self, params: Ending, call: Call) -> Change:
        """The service before, nothing after. Raises NotFound SERVICE_NOT_FOUND."""
        service = await _get(params.service, call)
        spec = (await get_revisions(service["id"], call))["revisions"][-1]["spec"]
        query = {name: str(value).lower() for name, value in _ending(params).items()}
        return Change(
            target_id=service["id"],
            request=request("DELETE", f"services/{segment(service['id'])}", query=query),
            before={**spec, "state": service["state"]},
            precondition=facts(service, ("revision",)),
            summary=f"Delete service `{service['name']}`, which is {service['state']}.",
        )

    async def apply(self, change: Change, call: Call) -> Deleted:
        """Delete it and wait until it is gone."""
        return told(await send(change, call), Deleted)


async def _get(name: str, call: Call) -> Json:
    return await daemon_of(call).ask("GET", f"services/{segment(name)}")


def _check_state(service: Json, verb: str, never: frozenset[str]) -> None:
    """Refuse what could not be applied: from such a state it is refused, and from another it is drift."""
    if service["state"] in never:
        raise Conflict(
            "INVALID_STATE",
            f"Service `{service['name']}` is {service['state']}: it cannot be asked to {verb}.",
            hint="Guard the step with a condition on its state.",
        )


def _path(service: Json, verb: str) -> str:
    return f"services/{segment(service['id'])}/{verb}"


def _condition(service: Json) -> Json:
    reason = {"reason": service["reason"]} if service["reason"] else {}
    return {"state": service["state"], **reason}


def _ending(params: Ending) -> dict[str, Json]:
    timeout = {} if params.timeout is UNSET else {"timeout": params.timeout}
    return {**timeout, **({"force": True} if params.force else {})}
