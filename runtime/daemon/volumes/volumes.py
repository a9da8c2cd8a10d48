"""Volumes: those that there are, who has them, and what follows from that."""

import asyncio
from collections.abc import Callable, Coroutine, Iterable, Sequence
from pathlib import Path
from typing import TypeVar

import msgspec
import structlog

from catalog.catalog import nearest
from catalog.errors import Conflict, FabricError, Invalid, NotFound
from runtime.clock import Clock
from runtime.daemon.events import EventBus
from runtime.daemon.ids import new_id
from runtime.daemon.spec import VolumeSpec, VolumeUse
from runtime.daemon.volumes.contents import Contents
from runtime.daemon.volumes.copies import due_after, find_copy, make_copy, over_their_time, remove_copy, tidy_copies
from runtime.daemon.volumes.held import Held
from runtime.daemon.volumes.turns import KIND, Turns
from runtime.daemon.volumes.volume import Copy, MountPoint, Volume
from runtime.daemon.volumes.watch import Watch
from runtime.forms.fields import NAME_FORM, as_name
from runtime.state import StateStore
from runtime.wasm.launch import Mount

SEAL_AFTER = 60.0
"""Seconds after the start until volumes that a crash left open are sealed; services take theirs up again before."""

_SHOWN = 20

T = TypeVar("T")

_log = structlog.get_logger()


class Volumes:
    """Knows every volume by id and name. `load` before anything else, `run` as a task, `close` at the end."""

    def __init__(
        self,
        base: Path,
        state: StateStore,
        events: EventBus,
        clock: Clock,
        key: bytes | None = None,
        *,
        owner: tuple[int, int] | None = None,
        encrypt_all: bool = False,
    ) -> None:
        """`owner` is the user and group that services run as; with `encrypt_all` every new volume is encrypted."""
        self._state = state
        self._events = events
        self._clock = clock
        self._contents = Contents(base, key, owner)
        self._turns = Turns(self._contents, state)
        self._encrypt_all = encrypt_all
        self._by_id: dict[str, Held] = {}
        self._by_name: dict[str, Held] = {}
        self._tasks: set[asyncio.Task[object]] = set()
        self.on_full: Callable[[str, str], None] = lambda _service_id, _volume: None
        """Called on the loop with a service that writes to a volume that is over its size, and the volume's name."""

    # What there is.

    async def load(self) -> None:
        """Take up what the state holds and remove what crashes have left. Raises Unavailable VOLUME_UNAVAILABLE."""
        for document in self._state.load(KIND):
            self._hold(Held(msgspec.json.decode(document, type=Volume)))
        strangers = await asyncio.to_thread(self._contents.tidy_base, set(self._by_id))
        if strangers:
            _log.warning("volume_directories_without_a_volume", directories=strangers[:_SHOWN], count=len(strangers))
        for held in tuple(self._by_id.values()):
            await self._take_up(held)

    async def _take_up(self, held: Held) -> None:
        volume = held.volume
        try:
            if volume.deleting:
                self._drop(held)
                await self._turns.remove(held)
                return
            held.due_ns = due_after(volume.spec.backup, volume.last_backup_ns or volume.created_at_ns)
            await asyncio.to_thread(self._contents.tidy, volume)
            await asyncio.to_thread(tidy_copies, self._contents, volume)
            if volume.spec.type == "ephemeral":
                held.dirty, held.used = True, 0
                return
            await asyncio.to_thread(self._contents.check, volume)
        except FabricError as error:
            _log.error("volume_unusable", volume=volume.spec.name, code=error.code, why=error.message)
            return
        if volume.spec.encrypted and not volume.sealed:
            why = "The daemon ended while it was mounted: its files lie unencrypted until it is released again."
            _log.warning("volume_left_open", volume=volume.spec.name, why=why)
        elif not volume.sealed:
            self._go_on(self._settle(held))

    async def create(self, spec: VolumeSpec) -> Volume:
        """Make a volume, and say so as `volume.created`.

        Raises Conflict INVALID_STATE where its name is taken, Invalid INVALID_REQUEST where it is to be encrypted and
        there is no key, Unavailable.
        """
        if self._encrypt_all and not spec.encrypted:
            spec = msgspec.structs.replace(spec, encrypted=True)
        self._check_new(spec)
        now = self._clock.now_ns()
        held = Held(Volume(id=self._free_id(), spec=spec, created_at_ns=now))
        held.due_ns = due_after(spec.backup, now)
        # Held before it is made, so that nobody takes the name meanwhile.
        self._hold(held)
        await self._owned(self._make(held))
        return held.volume

    async def _make(self, held: Held) -> None:
        try:
            async with held.lock:
                await self._turns.make(held)
        except FabricError:
            self._drop(held)
            self._go_on(self._remove_quietly(held))
            raise
        self._events.publish("volume.created", id=held.volume.id, name=held.volume.spec.name)

    async def _remove_quietly(self, held: Held) -> None:
        try:
            await self._turns.remove(held)
        except FabricError as error:
            _log.error("volume_not_removed", volume=held.volume.spec.name, code=error.code, why=error.message)

    def _check_new(self, spec: VolumeSpec) -> None:
        if as_name(spec.name) is None or spec.size <= 0:
            raise Invalid("INVALID_REQUEST", f"A volume has a size over zero, and {NAME_FORM}.")
        if spec.name in self._by_name or spec.name in self._by_id:
            raise Conflict(
                "INVALID_STATE",
                f"There is a volume `{spec.name}` already.",
                hint="Choose another name, or delete that volume first.",
                details={"volume": spec.name},
            )
        if spec.encrypted and not self._contents.has_key:
            raise Invalid(
                "INVALID_REQUEST",
                f"Volume `{spec.name}` cannot be encrypted: the daemon has no key.",
                hint="Start the daemon with FABRICKS_VOLUME_KEY; `openssl rand -hex 32` makes one.",
                details={"volume": spec.name},
            )

    async def delete(self, id_or_name: str, force: bool = False) -> Volume:
        """Remove a volume with its files, and with those of its backups that have no destination of their own.

        Raises NotFound VOLUME_NOT_FOUND; Conflict INVALID_STATE while a service has it and `force` is not set;
        Unavailable.
        """
        held = self._get(id_or_name)
        if not force:
            held.check_unused("deleting it")
        if held.removed and held.lock.locked():
            raise Conflict("INVALID_STATE", f"Volume `{held.volume.spec.name}` is being deleted.")
        held.removed = True
        await self._owned(self._delete(held))
        return held.volume

    async def _delete(self, held: Held) -> None:
        try:
            async with held.lock:
                await self._turns.remove(held)
        finally:
            held.removed = held.volume.deleting
        held.mounts.clear()
        self._drop(held)

    def get(self, id_or_name: str) -> Volume:
        """The volume of this id or name; an id goes first. Raises NotFound VOLUME_NOT_FOUND."""
        return self._get(id_or_name).volume

    def find(self, id_or_name: str) -> Volume | None:
        """The volume of this id or name, None where there is none."""
        held = self._find(id_or_name)
        return None if held is None else held.volume

    def list(self) -> "list[Volume]":
        """All of them, the oldest first."""
        return sorted((each.volume for each in self._by_id.values()), key=lambda each: (each.created_at_ns, each.id))

    def used(self, volume: Volume) -> int:
        """Bytes that its files take: up to a second old while it is in use, exact as of its last release else."""
        return self._get(volume.id).used

    def mounted_by(self, volume: Volume) -> Sequence[MountPoint]:
        """Which services have it, and where."""
        return self._get(volume.id).mount_points

    def next_backup_ns(self, volume: Volume) -> int | None:
        """When it will be copied next, None if never."""
        return self._get(volume.id).due_ns

    # Who has it.

    async def acquire(self, service_id: str, uses: Iterable[VolumeUse]) -> tuple[Mount, ...]:
        """Let a service have volumes, besides what it has; where they are for its workers.

        A volume that there is not gives no mount. Nothing is mounted if one of them cannot be. Raises Conflict
        INVALID_STATE (somebody else writes to it, it is being restored), VOLUME_KEY_WRONG, VOLUME_DAMAGED; Invalid
        INVALID_REQUEST (it is encrypted and there is no key); Unavailable VOLUME_UNAVAILABLE.
        """
        wanted = [(held, use) for use in uses if (held := self._find(use.source)) is not None]
        before = {held.volume.id: held.mounts.get(service_id) for held, _ in wanted}
        try:
            found = [(held, use, held.mount(service_id, use)) for held, use in wanted]
            mounts = [
                Mount(host=await self._ready(held), guest=use.target, writable=writable)
                for held, use, writable in found
            ]
        except BaseException:
            for held, _ in wanted:
                self._undo(held, service_id, before[held.volume.id])
            raise
        return tuple(mounts)

    def release(self, service_id: str, keep: Iterable[VolumeUse] = ()) -> None:
        """No replica of the service uses its volumes any more, but for those of `keep`.

        What follows goes on by itself: an ephemeral volume is emptied, an encrypted one encrypted again.
        """
        kept = tuple(keep)
        for held in tuple(self._by_id.values()):
            if held.unmount(service_id, kept):
                self._released(held)

    def file_bytes(self, uses: Iterable[VolumeUse]) -> int | None:
        """How large one file may become for a service with these uses; None: nothing of it is a volume."""
        sizes = [held.allowance for use in uses if (held := self._find(use.source)) is not None]
        return max(sizes, default=None)

    async def _ready(self, held: Held) -> Path:
        """The plain files, made if need be."""
        if held.volume.sealed or held.dirty or held.turning:
            await self._owned(self._make_ready(held))
        await asyncio.to_thread(self._contents.check, held.volume)
        return self._contents.data(held.volume)

    async def _make_ready(self, held: Held) -> None:
        async with held.lock:
            await self._turns.make_ready(held)

    def _undo(self, held: Held, service_id: str, before: tuple[MountPoint, ...] | None) -> None:
        had = held.mounts.pop(service_id, None)
        if before is not None:
            held.mounts[service_id] = before
        elif had is not None and not held.mounts:
            self._released(held)

    def _released(self, held: Held) -> None:
        if held.removed:
            return
        held.dirty = held.volume.spec.type == "ephemeral"
        held.turning = held.dirty or held.volume.spec.encrypted
        self._go_on(self._settle(held))

    async def _settle(self, held: Held) -> None:
        """Nobody has it any more: bring it to rest, unless somebody has it again."""
        async with held.lock:
            try:
                if not held.mounts and not held.removed:
                    await self._turns.rest(held)
            except FabricError as error:
                _log.error("volume_not_settled", volume=held.volume.spec.name, code=error.code, why=error.message)
            finally:
                held.turning = False

    # Backups.

    async def backup(self, id_or_name: str) -> Copy:
        """Copy a volume now. Raises NotFound VOLUME_NOT_FOUND, Conflict, Unavailable VOLUME_UNAVAILABLE."""
        return await self._owned(self._backup(self._get(id_or_name)))

    async def _backup(self, held: Held) -> Copy:
        async with held.lock:
            now = self._clock.now_ns()
            held.due_ns = due_after(held.volume.spec.backup, now)
            if held.dirty:
                await self._turns.empty(held)
            await asyncio.to_thread(self._contents.check, held.volume)
            copy = await asyncio.to_thread(make_copy, self._contents, held.volume, now)
            volume = msgspec.structs.replace(held.volume, copies=(*held.volume.copies, copy))
            gone = over_their_time(volume, now)
            await self._turns.keep(
                held, msgspec.structs.replace(volume, copies=tuple(each for each in volume.copies if each not in gone))
            )
            for each in gone:
                await asyncio.to_thread(remove_copy, volume, each)
            return copy

    async def restore(self, id_or_name: str, backup: str | None = None) -> Copy:
        """Put a backup, the newest without a name, in the place of what the volume holds.

        The backup is verified before anything is replaced; then all of it is there, or what was before. Raises
        NotFound VOLUME_NOT_FOUND, BACKUP_NOT_FOUND; Conflict INVALID_STATE while a service has it, VOLUME_DAMAGED,
        VOLUME_KEY_WRONG; Unavailable.
        """
        held = self._get(id_or_name)
        copy = find_copy(held.volume, backup)
        held.check_unused("restoring it")
        if held.restoring:
            raise Conflict("INVALID_STATE", f"Volume `{held.volume.spec.name}` is being restored.")
        held.restoring = True
        await self._owned(self._restore(held, copy))
        return copy

    async def _restore(self, held: Held, copy: Copy) -> None:
        try:
            async with held.lock:
                await self._turns.bring_back(held, copy)
        finally:
            held.restoring = False

    # Meanwhile.

    async def run(self) -> None:
        """Look after quotas and backups, for ever. To be run as a task."""
        async with asyncio.TaskGroup() as group:
            group.create_task(self._seal_later())
            group.create_task(Watch(self._contents, self._clock, self._full, self._copy_due).run(self._by_id))

    async def _seal_later(self) -> None:
        await asyncio.sleep(SEAL_AFTER)
        self._seal_what_is_open()

    def _full(self, held: Held, service_id: str) -> None:
        self.on_full(service_id, held.volume.spec.name)

    def _copy_due(self, held: Held) -> None:
        self._go_on(self._copy_in_turn(held))

    async def _copy_in_turn(self, held: Held) -> None:
        try:
            copy = await self._backup(held)
            _log.info("volume_copied", volume=held.volume.spec.name, backup=copy.name, bytes=copy.bytes)
        except FabricError as error:
            _log.error("volume_not_copied", volume=held.volume.spec.name, code=error.code, why=error.message)

    def _seal_what_is_open(self) -> None:
        """Encrypt what a crash has left open and no service has taken up again."""
        for held in self._by_id.values():
            if held.volume.spec.encrypted and not held.volume.sealed and not held.mounts:
                self._released(held)

    async def close(self) -> None:
        """Bring to rest what services have let go."""
        self._seal_what_is_open()
        while self._tasks:
            await asyncio.wait(self._tasks)

    async def _owned(self, work: Coroutine[None, None, T]) -> T:
        """Go through with it, also if the caller is cancelled: a thread cannot be called back from the disk."""
        return await asyncio.shield(self._go_on(work))

    def _go_on(self, work: Coroutine[None, None, T]) -> asyncio.Task[T]:
        task = asyncio.create_task(work)
        self._tasks.add(task)
        task.add_done_callback(self._forget_task)
        return task

    def _forget_task(self, task: asyncio.Task[object]) -> None:
        self._tasks.discard(task)
        if not task.cancelled():
            task.exception()  # whoever waits for it raises it; nobody may be left

    def _get(self, id_or_name: str) -> Held:
        found = self._find(id_or_name)
        if found is None:
            known = sorted(self._by_name)
            meant = nearest(id_or_name, known)
            raise NotFound(
                "VOLUME_NOT_FOUND",
                f"Volume `{id_or_name}` not found.",
                hint=f"Did you mean `{meant}`?" if meant else None,
                details={"volume_id": id_or_name, "available_volumes": known[:_SHOWN]},
            )
        return found

    def _find(self, id_or_name: str) -> Held | None:
        return self._by_id.get(id_or_name) or self._by_name.get(id_or_name)

    def _free_id(self) -> str:
        while True:
            found = new_id("volume")
            if found not in self._by_id and found not in self._by_name:
                return found

    def _hold(self, held: Held) -> None:
        self._by_id[held.volume.id] = self._by_name[held.volume.spec.name] = held

    def _drop(self, held: Held) -> None:
        self._by_id.pop(held.volume.id, None)
        self._by_name.pop(held.volume.spec.name, None)
