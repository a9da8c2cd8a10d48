"""Sessions in processes of their own: the imports are paid once, each session is a fork that may be killed."""

import asyncio
import os
import sys
import traceback
from collections.abc import Callable, Coroutine

from engine import failpoints


def fork_for_each_line(session: Callable[[list[str]], Coroutine[None, None, None]]) -> None:
    """For each line of standard input `FAILPOINT-or-dash WORDS…`: fork `session(WORDS)` and wait for its end.

    Prints `pid N` when it lives and `end STATUS` when it does not; what the session prints goes to standard error.
    """
    for line in sys.stdin:
        failpoint, *words = line.split()
        pid = os.fork()
        if pid == 0:
            _live(failpoint, session(words))
        print(f"pid {pid}", flush=True)
        _, status = os.waitpid(pid, 0)
        print(f"end {os.waitstatus_to_exitcode(status)}", flush=True)


def _live(failpoint: str, session: Coroutine[None, None, None]) -> None:
    status = 1
    os.dup2(2, 1)
    try:
        if failpoint != "-":
            failpoints.arm(failpoint)
        asyncio.run(session)
        status = 0
    except BaseException:
        traceback.print_exc()
        raise
    finally:
        sys.stderr.flush()
        os._exit(status)
