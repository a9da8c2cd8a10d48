"""Session: one connection to a hypervisor, kept open between calls, and what runs on it in threads.

libvirt's client blocks, and closing blocks as well: it says goodbye and waits. Both happen in threads alone, and so
does the end of every libvirt object, because the last of them closes what it came from.
"""

import asyncio
import threading
from collections.abc import Awaitable, Callable
from contextlib import suppress
from functools import partial
from typing import Generic, Protocol, TypeVar, cast

import libvirt
import msgspec

from catalog.errors import FabricError, TargetTimeout
from catalog.provider import Target
from runtime.drivers.failures import timed_out, unreachable
from runtime.drivers.hypervisor.said import broke_off, told
from runtime.drivers.hypervisor.settings import LibvirtCredentials
from runtime.drivers.lanes import Lanes
from runtime.drivers.link import Link

T = TypeVar("T")


class Sending:
    """Work says here that it is about to change something: from then on it is not begun again."""

    def __init__(self) -> None:
        self.begun = False

    def begin(self) -> None:
        """What follows may be done even if no answer comes."""
        self.begun = True


class Line(Protocol):
    """The way to libvirtd: what libvirt's client opens, and what ends it at once, whoever waits on it."""

    uri: str
    severable: bool

    async def why(self) -> FabricError | None:
        """Why it ended by itself, where that is known better than libvirt's client knows it."""
        ...

    def close(self) -> None:
        """End it; never blocks."""
        ...


class Done(msgspec.Struct, Generic[T]):
    """What work in a thread came to. Errors are values: one that was raised would keep libvirt's objects alive."""

    value: T | None = None
    error: FabricError | None = None
    broken: bool = False


Work = Callable[[libvirt.virConnect, Sending], T]
Dial = Callable[[Link], Awaitable[Line]]


class Session:
    """Used on the event loop alone. Opened by the first call that needs it, and anew by one that finds it closed."""

    def __init__(self, target: Target, dial: Dial, credentials: LibvirtCredentials) -> None:
        self._target = target
        self._dial = dial
        self._credentials = credentials
        self._lanes = Lanes()
        self._held: tuple[libvirt.virConnect, Line] | None = None
        self._opening: asyncio.Task[None] | None = None
        self._sending: set[Sending] = set()
        self._closed = False

    async def run(self, link: Link, what: str, work: Work[T]) -> T:
        """What `work` returns; it is given the connection in a thread and hands out no libvirt object.

        Raises FabricError TARGET_*, and what `work` raises. A connection that broke off is opened anew once, unless the
        work has begun to change something.
        """
        sending = Sending()
        self._sending.add(sending)
        try:
            async with link.reaching(what):
                done = await self._attempt(link, work, sending)
                if done.broken and not sending.begun:
                    done = await self._attempt(link, work, sending)
        except TargetTimeout:
            if not any(each.begun for each in self._sending - {sending}):
                self._sever()
            raise
        finally:
            self._sending.discard(sending)
        if done.error is not None:
            raise done.error
        return cast(T, done.value)

    def close(self) -> None:
        """End it. What still runs on it fails."""
        self._closed = True
        self._let_go()

    async def _attempt(self, link: Link, work: Work[T], sending: Sending) -> Done[T]:
        connection = await self._connected(link)
        done = await self._lanes.run(self._target, partial(_work, self._target, connection, work, sending))
        if done.broken and self._held is not None and self._held[0] is connection:
            self._let_go()
        return done

    async def _connected(self, link: Link) -> libvirt.virConnect:
        """The open connection. Many may wait for it; one that gives up ends it for nobody else."""
        while self._held is None:
            if self._closed:
                raise unreachable(self._target, "the connection to it was closed in this moment", "Try again.")
            own = self._opening is None
            if self._opening is None:
                self._opening = asyncio.create_task(self._open(link), name="libvirt-open")
                self._opening.add_done_callback(self._opened)
            try:
                await asyncio.shield(self._opening)
            except TargetTimeout:
                # Where it was another call's patience that ended, ours goes on.
                if own:
                    raise
        return self._held[0]

    async def _open(self, link: Link) -> None:
        line = await self._dial(link)
        allowed, late = link.seconds, asyncio.Event()

        def sever() -> None:
            late.set()
            line.close()

        # A thread that hangs in libvirt's client is freed by what it hangs on.
        guard = asyncio.get_running_loop().call_later(allowed, sever)
        try:
            done = await self._lanes.run(self._target, partial(_connect, self._target, line.uri, self._credentials))
        except BaseException:
            line.close()
            raise
        finally:
            guard.cancel()
        if done.error is not None:
            reason = await line.why() if done.broken and not late.is_set() else None
            line.close()
            raise timed_out(self._target, allowed) if late.is_set() else reason or done.error
        self._held = (done.value, line)
        if self._closed:
            self._let_go()

    def _opened(self, task: "asyncio.Task[None]") -> None:
        self._opening = None
        if not task.cancelled():
            # Told to those who wait; where nobody does any more it is no news.
            task.exception()

    def _sever(self) -> None:
        """Free what hangs on it, where that can be done from here."""
        if self._held is not None and self._held[1].severable:
            self._let_go()

    def _let_go(self) -> None:
        held, self._held = self._held, None
        if held is not None:
            connection, line = held
            line.close()
            threading.Thread(target=_end, args=(connection,), name="libvirt-close", daemon=True).start()


def _connect(target: Target, uri: str, credentials: LibvirtCredentials) -> Done[libvirt.virConnect]:
    wanted = {
        libvirt.VIR_CRED_AUTHNAME: credentials.username,
        libvirt.VIR_CRED_USERNAME: credentials.username,
        libvirt.VIR_CRED_PASSPHRASE: credentials.password,
        libvirt.VIR_CRED_NOECHOPROMPT: credentials.password,
    }

    def answer(asked: list[list[object]], _: object) -> int:
        for each in asked:
            each[4] = wanted.get(cast(int, each[0]), "")
        return 0 if all(each[4] for each in asked) else -1

    try:
        return Done(value=libvirt.openAuth(uri, [list(wanted), answer, None], 0))
    except libvirt.libvirtError as error:
        return Done(error=told(target, error), broken=broke_off(error))


def _work(target: Target, connection: libvirt.virConnect, work: Work[T], sending: Sending) -> Done[T]:
    try:
        return Done(value=work(connection, sending))
    except libvirt.libvirtError as error:
        return Done(error=told(target, error, sent=sending.begun), broken=broke_off(error))
    except FabricError as error:
        error.__context__ = None
        return Done(error=error.with_traceback(None))


def _end(connection: libvirt.virConnect) -> None:
    with suppress(libvirt.libvirtError):
        connection.close()
