"""Exit codes: the one place where a problem becomes a number that a script can test."""

import os
import sys
import traceback
from enum import IntEnum

from catalog.errors import (
    Conflict,
    FabricError,
    Forbidden,
    GuestFailed,
    Invalid,
    NotFound,
    PreconditionFailed,
    TargetFailed,
    TargetTimeout,
    TooLarge,
    TooMany,
    Unauthenticated,
    Unavailable,
    Unsupported,
)
from catalog.jsonvalue import Json

DEBUG_VARIABLE = "FABRIC_DEBUG"
REPORT_TO = "the project's issue tracker (see CONTRIBUTING.md)"


class ExitCode(IntEnum):
    """What a command came to."""

    FINE = 0
    AUTHOR = 1
    USAGE = 2
    REFUSED = 3
    OUTSIDE = 4
    BUG = 70
    STOPPED = 130
    UNREAD = 141


_BY_CLASS: tuple[tuple[tuple[type[FabricError], ...], ExitCode], ...] = (
    ((Invalid, TooLarge, GuestFailed), ExitCode.AUTHOR),
    (
        (Unauthenticated, Forbidden, NotFound, Conflict, PreconditionFailed, TooMany, Unsupported),
        ExitCode.REFUSED,
    ),
    ((Unavailable, TargetFailed, TargetTimeout), ExitCode.OUTSIDE),
)

_OUTSIDE_CODES = (
    "WEBHOOK_STATUS",
    "EGRESS_",
    "MAIL_",
    "STEP_TIMEOUT",
    "APPLY_TIMEOUT",
    "APPLY_LOST",
    "NOTIFY_FAILED",
    "SSRF_DNS_EMPTY",
)
"""Codes of steps and changes that failed because what they called did."""


def of_error(error: FabricError) -> ExitCode:
    """The exit code of a deliberate failure; one that no class explains is a bug of the server's."""
    for classes, code in _BY_CLASS:
        if isinstance(error, classes):
            return code
    return ExitCode.BUG


def of_failure(code: str | None) -> ExitCode:
    """The exit code for a run or change that failed with this code (None: without one)."""
    return ExitCode.OUTSIDE if code is not None and code.startswith(_OUTSIDE_CODES) else ExitCode.AUTHOR


def of_run(run: Json) -> ExitCode:
    """The exit code for a run as REST shows it; one under way counts as fine."""
    if run["state"] not in ("failed", "dead_letter", "cancelled"):
        return ExitCode.FINE
    return of_failure((run.get("error") or {}).get("code"))


def of_change(change: Json) -> ExitCode:
    """The exit code for a change after Apply."""
    if change["state"] == "applied":
        return ExitCode.FINE
    return ExitCode.REFUSED if change["state"] == "drifted" else ExitCode.OUTSIDE


def debugging() -> bool:
    """Does the user want tracebacks (`--debug` or FABRIC_DEBUG)?"""
    return os.environ.get(DEBUG_VARIABLE, "") not in ("", "0")


def report(error: FabricError, *, program: str = "fabric") -> ExitCode:
    """Say on stderr what went wrong and what to do now."""
    if debugging():
        traceback.print_exception(error)
    sys.stderr.write(f"{program}: {error.message} ({error.code})\n")
    if error.hint:
        sys.stderr.write(f"  {error.hint}\n")
    code = of_error(error)
    if code is ExitCode.BUG:
        sys.stderr.write(f"  This is a bug of the server's; report it to {REPORT_TO}.\n")
    return code


def report_bug(bug: Exception, *, program: str = "fabric") -> ExitCode:
    """One line on stderr with where to report; the traceback only for who asked for it."""
    if debugging():
        traceback.print_exception(bug)
    more = "" if debugging() else " Run it again with `--debug` for the traceback."
    sys.stderr.write(f"{program}: this is a bug ({type(bug).__name__}); report it to {REPORT_TO}.{more}\n")
    return ExitCode.BUG
