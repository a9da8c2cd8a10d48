"""Expectations: what a stage wanted against what the store, the receiver and the disk hold."""

import json
from collections.abc import Iterator

import msgspec

from api.scenarios.matching import Mismatch, paired, subset
from api.scenarios.model import (
    CallExpected,
    ChangeExpected,
    Expected,
    FileExpected,
    NotificationExpected,
    RunExpected,
    StepExpected,
)
from api.scenarios.receiver import Received
from api.scenarios.world import World
from catalog.errors import FabricError
from catalog.jsonvalue import Json
from engine.changes import PendingChange
from engine.records import Notification
from engine.runs import Run

_MANY = 200


class Seen:
    """What there is, and how much of it was there when the stage began."""

    def __init__(self) -> None:
        self._known: set[str] = set()
        self._calls = 0
        self.runs: list[Run] = []
        self.calls: list[Received] = []
        self.notifications: list[Notification] = []
        self.changes: list[PendingChange] = []

    async def look(self, made: World) -> None:
        """Take in what is new since the last look, and every change."""
        store, organisation_id = made.application.store, made.actor.organisation_id
        runs = [await store.get_run(organisation_id, each.id) for each in await self._new_runs(made)]
        order = [each.id for each in made.connections]
        self.runs = sorted(runs, key=lambda run: (order.index(run.connection_id), run.queued_at))
        told = (await store.list_notifications(organisation_id, _MANY, None)).items
        self.notifications = [each for each in reversed(told) if each.id not in self._known]
        self.calls = made.receiver.received[self._calls :]
        page = await store.list_changes(organisation_id, _MANY, None)
        self.changes = sorted(page.items, key=lambda each: (each.staged_at, each.step_index or 0, each.id))
        self._calls = len(made.receiver.received)
        self._known |= {each.id for each in runs} | {each.id for each in self.notifications}

    async def _new_runs(self, made: World) -> list[Run]:
        page = await made.application.store.list_runs(made.actor.organisation_id, _MANY, None)
        return [run for run in page.items if run.id not in self._known]


def differences(
    place: str, expected: Expected, seen: Seen, made: World, refused: FabricError | None
) -> Iterator[Mismatch]:
    """Where the stage went otherwise than it was expected to."""
    if expected.refused is not None and (refused is None or refused.code != expected.refused):
        yield Mismatch(f"{place}.refused", expected.refused, refused.code if refused else None)
    if expected.runs is not None:
        runs: list[Json] = list(seen.runs)
        yield from paired(f"{place}.runs", expected.runs, runs, _Runs(made).differ, _run_name)
    if expected.changes is not None:
        changes: list[Json] = list(seen.changes)
        yield from paired(f"{place}.changes", expected.changes, changes, _Changes(made).differ, _change_name)
    if expected.calls is not None:
        calls: list[Json] = list(seen.calls)
        yield from paired(f"{place}.calls", expected.calls, calls, _Calls(made).differ, _call_name)
    if expected.notifications is not None:
        told: list[Json] = list(seen.notifications)
        yield from paired(f"{place}.notifications", expected.notifications, told, _Told(made).differ, _told_name)
    for number, file in enumerate(expected.files):
        yield from _file(f"{place}.files[{number}]", file, made)


def _plain(path: str, wanted: object, found: object) -> list[Mismatch]:
    """One plain value; None wants nothing."""
    return [] if wanted is None or wanted == found else [Mismatch(path, wanted, found)]


def _run_name(run: Run) -> str:
    return f"{run.connection_name} {run.state}"


def _change_name(change: PendingChange) -> str:
    return f"{change.operation_id} {change.state}"


def _call_name(call: Received) -> str:
    return f"{call.method} {call.path}"


def _told_name(notification: Notification) -> str:
    return notification.title


class _Comparison:
    """Compares with the scenario's placeholders filled in."""

    def __init__(self, made: World) -> None:
        self._made = made

    def _part(self, path: str, wanted: Json, found: Json) -> list[Mismatch]:
        if wanted is msgspec.UNSET:
            return []
        return list(subset(path, self._made.filled(wanted), msgspec.to_builtins(found)))


class _Runs(_Comparison):
    def differ(self, path: str, wanted: RunExpected, run: Run) -> list[Mismatch]:
        found = _plain(f"{path}.connection", wanted.connection, run.connection_name)
        found += _plain(f"{path}.state", wanted.state, run.state.value)
        found += _plain(f"{path}.reason", wanted.reason, run.reason)
        found += _plain(f"{path}.error", wanted.error, run.error.code if run.error else None)
        names = {str(each.index): each for each in run.steps} | {each.id: each for each in run.steps if each.id}
        for name, step in wanted.steps.items():
            record = names.get(name)
            place = f"{path}.steps.{name}"
            found += (
                [Mismatch(place, "a step", "none", words=True)] if record is None else self._step(place, step, record)
            )
        return found

    def _step(self, path: str, wanted: StepExpected, record: Json) -> list[Mismatch]:
        error = record.error.code if record.error else None
        found = _plain(f"{path}.state", wanted.state, record.state.value)
        found += _plain(f"{path}.attempts", wanted.attempts, record.attempts)
        found += _plain(f"{path}.error", wanted.error, error)
        found += _plain(f"{path}.reason", wanted.reason, record.reason)
        if wanted.error is None and wanted.state is not None and error is not None and found:
            found.append(Mismatch(f"{path}.error", None, f"{error}: {record.error.message}"))
        found += self._part(f"{path}.params", wanted.params, record.params)
        found += self._part(f"{path}.output", wanted.output, record.output)
        found += self._part(f"{path}.artifact", wanted.artifact, record.artifact)
        return found


class _Changes(_Comparison):
    def differ(self, path: str, wanted: ChangeExpected, change: PendingChange) -> list[Mismatch]:
        names = {each.id: each.name for each in self._made.scenario.controllers}
        error = change.error.code if change.error else None
        found = _plain(f"{path}.operation", wanted.operation, change.operation_id)
        found += _plain(f"{path}.controller", wanted.controller, names.get(change.controller_id, change.controller_id))
        found += _plain(f"{path}.state", wanted.state, change.state.value)
        found += _plain(f"{path}.error", wanted.error, error)
        found += self._part(f"{path}.target", wanted.target, change.change.target_id)
        found += self._part(f"{path}.artifact", wanted.artifact, change.artifact)
        found += self._part(f"{path}.before", wanted.before, change.change.before)
        found += self._part(f"{path}.after", wanted.after, change.change.after)
        found += self._part(f"{path}.outcome", wanted.outcome, change.outcome)
        return found


class _Calls(_Comparison):
    def differ(self, path: str, wanted: CallExpected, call: Received) -> list[Mismatch]:
        found = _plain(f"{path}.method", wanted.method, call.method)
        found += _plain(f"{path}.path", wanted.path, call.path)
        headers = {name.lower(): value for name, value in wanted.headers.items()}
        found += self._part(f"{path}.headers", headers, call.headers)
        found += self._part(f"{path}.body", wanted.body, call.body)
        return found


class _Told(_Comparison):
    def differ(self, path: str, wanted: NotificationExpected, notification: Notification) -> list[Mismatch]:
        found = self._part(f"{path}.title", wanted.title, notification.title)
        found += self._part(f"{path}.body", wanted.body, notification.body)
        return found


def _file(path: str, wanted: FileExpected, made: World) -> Iterator[Mismatch]:
    folder = made.folders.get(wanted.controller)
    files = sorted(each for each in folder.glob(wanted.path) if each.is_file()) if folder is not None else []
    if wanted.absent or len(files) != 1:
        if bool(files) or not wanted.absent:
            names = [str(each.relative_to(folder or "")) for each in files]
            yield Mismatch(
                path, "no such file" if wanted.absent else "one file", ", ".join(names) or "none", words=True
            )
        return
    content = files[0].read_bytes()
    if wanted.text is not None and content.decode("utf-8", "replace") != wanted.text:
        yield Mismatch(f"{path}.text", wanted.text, content.decode("utf-8", "replace"))
    if wanted.same_as is not None and content != made.beside(wanted.same_as).read_bytes():
        yield Mismatch(f"{path}.same_as", f"the bytes of {wanted.same_as}", f"{len(content)} other bytes", words=True)
    if wanted.json is not msgspec.UNSET:
        yield from _json_file(f"{path}.json", made.filled(wanted.json), content)


def _json_file(path: str, wanted: Json, content: bytes) -> Iterator[Mismatch]:
    try:
        found = json.loads(content)
    except ValueError:
        yield Mismatch(path, wanted, content.decode("utf-8", "replace"))
        return
    yield from subset(path, wanted, found)
