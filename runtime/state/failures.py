"""SQLite's errors, said in ours."""

import apsw

from catalog.errors import Unavailable


def translated(error: apsw.Error) -> Unavailable:
    """What a caller is told; nothing of what he wanted was kept."""
    if isinstance(error, apsw.FullError):
        return Unavailable("STATE_FULL", "The disk that holds the daemon's state is full.", hint="Make room on it.")
    if isinstance(error, apsw.CorruptError | apsw.NotADBError):
        return Unavailable(
            "STATE_CORRUPT",
            "The daemon's state file is damaged.",
            hint="Stop the daemon, keep a copy of the file, and put back a good one or start with none.",
        )
    if isinstance(error, apsw.BusyError | apsw.LockedError):
        return Unavailable("STATE_BUSY", "Another program holds the daemon's state file.", hint="Close that program.")
    return Unavailable(
        "STATE_UNAVAILABLE", f"The daemon's state cannot be used: {error}.", hint="Look at its disk and its owner."
    )
