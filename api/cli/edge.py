"""The outer edge of both programs: whatever happens becomes an exit code of `exits.py`."""

import errno
import os
import sys
from collections.abc import Callable
from typing import NoReturn

from api.cli.exits import ExitCode, report, report_bug
from catalog.errors import FabricError, Unavailable

_NO_ROOM = (errno.ENOSPC, errno.EDQUOT, errno.EFBIG, errno.EIO)
"""What writing to stdout fails with where its file takes no more."""


def run_program(app: Callable[..., object], program: str) -> NoReturn:
    """Run a Typer application until it ends; a bare traceback never shows."""
    code: object = ExitCode.FINE
    try:
        app(prog_name=program)
    except SystemExit as end:
        # Typer and rich answer a pipe that nobody reads with 1, which here would blame the author.
        code = ExitCode.UNREAD if isinstance(end.__context__, BrokenPipeError) else end.code
    except FabricError as error:
        code = report(error, program=program)
    except OSError as error:
        full = error.errno in _NO_ROOM and error.filename is None
        code = report(unwritable(error), program=program) if full else report_bug(error, program=program)
    except Exception as bug:  # noqa: BLE001 - the outer edge: a bare traceback never shows, and 70 says that it is ours
        code = report_bug(bug, program=program)
    sys.exit(_flushed(code, program))


def _flushed(code: object, program: str) -> ExitCode | int:
    """Write out what stdout still holds; where that fails, its exit code instead of `code`."""
    try:
        sys.stdout.flush()
    except BrokenPipeError:
        _drop_output()
        return ExitCode.UNREAD
    except OSError as error:
        _drop_output()
        return report(unwritable(error), program=program)
    return code if isinstance(code, int) else ExitCode.FINE


def _drop_output() -> None:
    """What is left in the buffer goes nowhere: Python would try to write it once more at its end."""
    nowhere = os.open(os.devnull, os.O_WRONLY)
    os.dup2(nowhere, sys.stdout.fileno())
    os.close(nowhere)


def unwritable(error: OSError) -> FabricError:
    """The failure of an output that takes no more."""
    message = f"The output cannot be written: {error.strerror or error}."
    return Unavailable("OUTPUT_UNWRITABLE", message, hint="Make room, or write elsewhere.")
