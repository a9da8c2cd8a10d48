"""foreach: one step for every item of a list, some of them side by side; the output is the list of outputs."""

import asyncio
from collections.abc import Iterator

import msgspec

from catalog.errors import FabricError, Invalid, TooLarge
from catalog.jsonvalue import Json
from connections.plan import PlannedForeach, PlannedStep
from engine.deadline import Deadline
from engine.firing import Firing
from engine.negotiator import OUTPUT_LIMIT, Given, Negotiator
from engine.runs import StepRecord

_encode = msgspec.json.Encoder().encode


async def each_item(
    negotiator: Negotiator, firing: Firing, step: PlannedStep, record: StepRecord, deadline: Deadline
) -> Given:
    """Negotiate the step for every item. The first failure lets what runs finish, starts nothing new, and is raised.

    The record gets the list of rendered params (null from where they come to more than a record holds), and, failed or
    not, every change that was staged. Raises FabricError FOREACH_NOT_A_LIST, FOREACH_TOO_MANY, OUTPUT_TOO_LARGE, or an
    item's own.
    """
    foreach = step.foreach
    assert foreach is not None  # noqa: S101 - the runner asks only for steps that have one
    items = _items(step, foreach, firing.context)
    record.params = [None] * len(items)
    output_room, params_room = _Room(), _Room()
    outputs: list[Json] = [None] * len(items)
    changes: list[tuple[str, ...]] = [()] * len(items)
    failures: list[FabricError] = []
    numbers = iter(range(len(items)))

    async def work(limit: Deadline) -> None:
        for number in _until(failures, numbers):
            context = {**firing.context, foreach.as_: items[number]}
            try:
                given = await negotiator.negotiate(firing, step, record, context, limit, str(number))
                outputs[number], changes[number] = given.output, given.change_ids
                record.change_ids += given.change_ids
                if not output_room.take(given.output):
                    failures.append(_too_large(step))
            except FabricError as error:
                if error.code != "TEMPLATE_MISSING" or step.on_missing != "skip":
                    failures.append(error)
            if not params_room.take(record.params[number]):
                record.params[number] = None

    async def beside() -> None:
        limit = Deadline()
        try:
            await work(limit)
        finally:
            limit.close()

    workers = min(foreach.max_parallel, len(items))
    if workers <= 1:
        await work(deadline)
    else:
        async with asyncio.TaskGroup() as group:
            for _ in range(workers):
                group.create_task(beside())
    if failures:
        raise failures[0]
    return Given(outputs, None, tuple(each for ids in changes for each in ids))


class _Room:
    """What a record may hold of all items together, in bytes of JSON: as much as of any other step."""

    def __init__(self) -> None:
        self._left = OUTPUT_LIMIT

    def take(self, value: Json) -> bool:
        """Is there room for this value too?"""
        self._left -= len(_encode(value))
        return self._left >= 0


def _too_large(step: PlannedStep) -> TooLarge:
    return TooLarge(
        "OUTPUT_TOO_LARGE",
        f"The outputs of step `{step.id or step.index}` come to more than {OUTPUT_LIMIT} bytes.",
        hint="Let `foreach` go through fewer items, or ask for less of each.",
    )


def _items(step: PlannedStep, foreach: PlannedForeach, context: Json) -> list[Json]:
    items = foreach.in_.render(context)
    if not isinstance(items, list):
        raise Invalid(
            "FOREACH_NOT_A_LIST",
            f"What step `{step.id or step.index}` goes through is not a list.",
            hint="Let `foreach.in` refer to a list.",
        )
    if len(items) > foreach.max_items:
        raise Invalid(
            "FOREACH_TOO_MANY",
            f"Step `{step.id or step.index}` gets {len(items)} items and takes {foreach.max_items}.",
            hint="Raise `foreach.max_items` or send less.",
        )
    return items


def _until(failures: list[FabricError], numbers: Iterator[int]) -> Iterator[int]:
    for number in numbers:
        if failures:
            return
        yield number
