"""Launch: what a worker is told to run and within which bounds; Usage: what it costs; Exit: how it ended."""

from collections.abc import Awaitable, Callable, Mapping
from enum import StrEnum
from pathlib import Path
from typing import Protocol

import msgspec

FUNCTIONS_PATH = "/.fabric/functions/"
"""Where a guest is asked for a function that its service exports; nobody outside reaches it."""


class Abi(StrEnum):
    """How a guest is spoken to. docs/guests.md describes each with a guest in two languages."""

    COMMAND = "command"
    """`_start` once, with argv; its exit code is the replica's end."""
    REACTOR = "reactor"
    """Warm: `fabric_alloc`, `handle`, `fabric_free`; one instance answers request after request."""
    FRAMED = "framed"
    """Warm: `_start` once; frames on stdin and stdout. For interpreters."""
    CGI = "cgi"
    """Cold: a fresh instance a request, RFC 3875."""
    COMPONENT = "component"
    """Slow: a component that exports wasi:http/incoming-handler, hosted in Python."""
    TCP = "tcp"
    """A fresh instance a connection; stdin and stdout are the connection (inetd)."""


class Mount(msgspec.Struct, frozen=True, kw_only=True):
    """A host directory that the guest sees at `guest`, an absolute path."""

    host: Path
    guest: str
    writable: bool = False


class Launch(msgspec.Struct, frozen=True, kw_only=True):
    """Everything a worker needs to know; nothing else of the daemon is visible to it.

    `memory` bounds linear memory in bytes, `tables` table elements, `file_bytes` one written file. `http_request` lets
    a guest import `fabric.http_request` (a framed one: send such a frame). `cpu` is its share in cores, None: no limit.
    `start_time` bounds in seconds the time until it is ready. `user` is who it runs as, if the daemon is root.
    """

    service: str
    instance: str
    abi: Abi
    compiled: Path
    argv: tuple[str, ...] = ()
    environment: Mapping[str, str] = {}
    mounts: tuple[Mount, ...] = ()
    memory: int = 512 * 1024 * 1024
    tables: int = 100_000
    file_bytes: int | None = None
    http_request: bool = False
    seccomp: bool = True
    user: str | None = None
    cpu: float | None = None
    start_time: float = 30.0


class Usage(msgspec.Struct, kw_only=True):
    """What a replica has used. `cpu_ns` is CPU time of its process; memory is linear memory in bytes, now and at most.

    `received` and `sent` are bytes into and out of the guest; `traps` counts instances that were replaced.
    """

    cpu_ns: int = 0
    memory: int = 0
    memory_peak: int = 0
    requests: int = 0
    received: int = 0
    sent: int = 0
    traps: int = 0


class Exit(msgspec.Struct, frozen=True, kw_only=True):
    """How a worker ended. `code` is the guest's exit code, or -signal; `trap` says why a guest was stopped."""

    code: int
    trap: str | None = None
    cpu_ns: int = 0
    max_rss: int = 0

    @property
    def good(self) -> bool:
        """Did it end by itself, with code 0?"""
        return self.code == 0 and self.trap is None


Done = Callable[[bytes | Exception], None]
"""Called exactly once, on the loop: the guest's answer as `messages` encodes it, or a FabricError saying why none came:
TargetFailed GUEST_TRAPPED, GUEST_GONE, GUEST_BAD_ANSWER, GUEST_OVERFLOW (502), TargetTimeout GUEST_TIMEOUT (504).
Unavailable GUEST_NOT_BEGUN (503) says that the guest never saw the request: it may be given to another replica."""

Line = Callable[[str, bytes], None]
"""Takes raw output: the stream's name (`stdout`, `stderr`) and a piece of bytes, not yet cut into lines."""

Outgoing = Callable[[bytes], Awaitable[bytes]]
"""Carries out a guest's `fabric.http_request`: a request as `messages` encodes it, and its answer likewise. A refusal
is an answer too (status 0 and the code as body), so that a guest can read why."""


class Replica(Protocol):
    """A worker process, as the daemon holds it."""

    @property
    def pid(self) -> int:
        """Its process."""
        ...

    @property
    def pending(self) -> int:
        """Requests or connections that were handed over and are not answered."""
        ...

    def usage(self) -> Usage:
        """What it has used; reads /proc only while it runs."""
        ...

    def submit(self, request: bytes, done: Done) -> None:
        """Hand over one request as `messages` encodes it (http kinds)."""
        ...

    async def connect(self) -> "Pipes":
        """A fresh instance whose stdin and stdout are these pipes (tcp kind). Raises TargetFailed GUEST_GONE."""
        ...

    async def stop(self, grace: float) -> Exit:
        """Let what is under way end for `grace` seconds, then interrupt, then kill (within 100 ms)."""
        ...

    def kill(self) -> None:
        """SIGKILL now."""
        ...

    async def ended(self) -> Exit:
        """Wait until it has ended, however; may be awaited by many."""
        ...


class Pipes(msgspec.Struct, frozen=True):
    """Two file descriptors, owned by the caller: what is written to `stdin` the guest reads."""

    stdin: int
    stdout: int


class Launcher(Protocol):
    """What starts workers: the zygote's master."""

    async def launch(
        self,
        launch: Launch,
        *,
        output: Line,
        outgoing: Outgoing | None,
        timeout: float,  # noqa: ASYNC109 (one request's, not this call's)
    ) -> Replica:
        """Start one worker and wait until its guest is ready. `timeout` bounds one request, in seconds.

        Raises GuestFailed RUNTIME_ERROR (the module cannot be instantiated, with the reason), Unavailable
        ZYGOTE_DOWN.
        """
        ...

    async def close(self) -> None:
        """Kill every worker and the zygote."""
        ...
