"""Asking every camera of a controller at once, a few at a time, and what their answers say of the controller."""

import asyncio
from collections.abc import Awaitable, Callable, Mapping, Sequence

from catalog.errors import FabricError
from catalog.jsonvalue import Json
from runtime.drivers.cameras.face import KIND
from runtime.drivers.cameras.limits import AT_ONCE
from runtime.drivers.driver import Check, Device

Ask = Callable[[str], Awaitable[Mapping[str, Json]]]
"""Ask one camera whether it is there; what it tells of itself. Raises FabricError TARGET_*."""

Answers = Mapping[str, Mapping[str, Json] | FabricError]


async def ask_all(ids: Sequence[str], ask: Ask) -> Answers:
    """Each camera's answer, or what went wrong with it."""
    places = asyncio.Semaphore(AT_ONCE)

    async def one(camera_id: str) -> Mapping[str, Json] | FabricError:
        async with places:
            try:
                return await ask(camera_id)
            except FabricError as error:
                return error

    async with asyncio.TaskGroup() as group:
        tasks = {each: group.create_task(one(each)) for each in ids}
    return {each: task.result() for each, task in tasks.items()}


def devices_of(answers: Answers, names: Mapping[str, str]) -> list[Device]:
    """The cameras as devices. Raises the first FabricError where none of them answered: then it is the controller."""
    failed = [each for each in answers.values() if isinstance(each, FabricError)]
    if failed and len(failed) == len(answers):
        raise failed[0]
    return [_device(camera_id, names.get(camera_id) or camera_id, found) for camera_id, found in answers.items()]


def checks_of(answers: Answers, doing: str) -> list[Check]:
    """The same answers as a person who tests the controller is told them; `doing` such as "take a picture of"."""
    return [_check(f"{doing} `{camera_id}`", found) for camera_id, found in answers.items()]


def _device(camera_id: str, name: str, found: Mapping[str, Json] | FabricError) -> Device:
    if isinstance(found, FabricError):
        return Device(device_id=camera_id, name=name, kind=KIND, online=False, reason=found.message)
    return Device(device_id=camera_id, name=name, kind=KIND, online=True, facts=found)


def _check(name: str, found: Mapping[str, Json] | FabricError) -> Check:
    if isinstance(found, FabricError):
        return Check(name=name, ok=False, detail=found.message, code=found.code, hint=found.hint)
    return Check(name=name, ok=True, detail=", ".join(f"{key} {value}" for key, value in found.items()))
