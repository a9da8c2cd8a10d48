"""Connections: what a tcp worker has been given and has not ended."""

import os
import pwd
from collections.abc import Callable
from contextlib import ExitStack

from catalog.errors import Unavailable
from runtime.wasm.host import failures
from runtime.wasm.host.control_socket import ControlSocket
from runtime.wasm.launch import Pipes, Usage
from runtime.wasm.wire import CONNECTIONS_MOST, Closed, Connect


class Connections:
    """Each is a pair of pipes; the worker tells when a guest has ended."""

    def __init__(self, control: ControlSocket, usage: Usage, idle: Callable[[], None], user: str | None) -> None:
        self._control = control
        self._usage = usage
        self._idle = idle
        self._last = 0
        self._open: set[int] = set()
        self._user = user if os.geteuid() == 0 else None

    def __len__(self) -> int:
        return len(self._open)

    def open(self) -> Pipes:
        """Begin one. Raises TargetFailed GUEST_GONE, Unavailable GUEST_FULL."""
        if len(self._open) >= CONNECTIONS_MOST:
            raise Unavailable("GUEST_FULL", f"The guest has {CONNECTIONS_MOST} connections already.", hint="Try again.")
        stdin, to_stdin, from_stdout, stdout = _pipes()
        self._last += 1
        try:
            if self._user is not None:  # WASI opens them anew, as that user
                who = pwd.getpwnam(self._user)
                for each in (stdin, stdout):
                    os.fchown(each, who.pw_uid, who.pw_gid)
            said = self._control.say(Connect(connection=self._last), [stdin, stdout])
        finally:
            os.close(stdin)
            os.close(stdout)
        if not said:
            os.close(to_stdin)
            os.close(from_stdout)
            raise failures.gone()
        self._open.add(self._last)
        return Pipes(to_stdin, from_stdout)

    def closed(self, message: Closed) -> None:
        """The worker says that one has ended."""
        self._open.discard(message.connection)
        self._usage.requests += 1
        self._usage.traps += message.failure is not None
        if not self._open:
            self._idle()

    def clear(self) -> None:
        """The worker has ended."""
        self._open.clear()


def _pipes() -> tuple[int, int, int, int]:
    try:
        with ExitStack() as stack:
            ends = os.pipe()
            for each in ends:
                stack.callback(os.close, each)
            other_ends = os.pipe()
            stack.pop_all()
            return *ends, *other_ends
    except OSError as error:
        raise Unavailable("GUEST_FULL", f"No connection can be made: {error.strerror}.", hint="Try again.") from None
