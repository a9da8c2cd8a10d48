"""Failpoints: named places at which a test kills the process, to prove what a crash there leaves behind.

`FABRIC_FAILPOINT=store.accept.before_commit:3` ends the process (status 137, no clean-up) the third time it gets there;
without a number, the first time. Unset, `hit` does nothing and `ARMED` is False. Call it as `failpoints.hit(NAME)`:
`arm` replaces it.
"""

import os

VARIABLE = "FABRIC_FAILPOINT"

WRITES = (
    "accept",
    "dispatch",
    "claim",
    "finish",
    "cancel",
    "recover",
    "stage",
    "move",
    "put_connection",
    "delete_connection",
    "put_tenant",
    "put_credential",
    "put_secret",
    "reseal",
    "deliver",
    "write_audit",
)
"""The store's writes that matter; each passes every stage."""

STAGES = ("before_statements", "after_statements", "before_commit", "after_commit")
"""`before_statements` and `after_statements` stand inside the transaction, `after_commit` before anybody is told."""

NAMES = (
    *(f"store.{write}.{stage}" for write in WRITES for stage in STAGES),
    "store.migrate",
    "artifact.keep.before_sync",
    "artifact.keep.after_sync",
    "artifact.keep.after_rename",
    "artifact.collect.before_unlink",
    "artifact.collect.after_unlink",
    *(f"seal.{step}.{stage}" for step in ("add", "drop") for stage in ("before_sync", "after_sync", "after_rename")),
)
"""Every failpoint there is. `store.migrate` is passed before each statement of a migration and after the last."""


def _parse(text: str) -> tuple[str, int]:
    name, _, number = text.partition(":")
    if name not in NAMES or not (number or "1").isdigit():
        raise ValueError(f"{VARIABLE}={text} names no failpoint.")
    return name, int(number or "1")


ARMED = False
"""Is any failpoint set? Where a place would have to work out its name, it asks this first."""

_wanted = ""
_left = 0


def _hit(name: str) -> None:
    global _left  # noqa: PLW0603 - one counter a process is what is counted
    if name == _wanted:
        _left -= 1
        if _left == 0:
            os._exit(137)


def _pass(name: str) -> None:
    """Do nothing."""


hit = _pass


def arm(text: str) -> None:
    """Set the failpoint of this process: `NAME` or `NAME:N`. Raises ValueError for a name that is not in NAMES."""
    global ARMED, _wanted, _left, hit
    _wanted, _left = _parse(text)
    ARMED, hit = True, _hit


if os.environ.get(VARIABLE):
    arm(os.environ[VARIABLE])
