"""SQLite's errors, said in ours."""

import apsw

from catalog.errors import FabricError, Unavailable


def translated(error: Exception) -> Exception:
    """What a caller is told: a full or failing disk becomes Unavailable; a bug stays the bug it is."""
    if isinstance(error, apsw.FullError):
        return Unavailable("STORE_FULL", "The disk that holds the store is full.", hint="Make room, then try again.")
    if isinstance(error, apsw.BusyError | apsw.LockedError):
        return Unavailable(
            "STORE_BUSY",
            "Another program holds the store's write lock.",
            hint="Close what has the database file open for writing.",
        )
    if isinstance(error, apsw.CorruptError | apsw.NotADBError):
        return Unavailable(
            "STORE_CORRUPT", "The store's file is damaged.", hint="Stop, keep a copy, restore the last backup."
        )
    if isinstance(error, apsw.IOError | apsw.CantOpenError | apsw.ReadOnlyError | apsw.PermissionsError):
        return Unavailable(
            "STORE_UNAVAILABLE", f"The store cannot be used: {error}.", hint="Look at its disk and its owner."
        )
    return error


def refused(error: Exception) -> FabricError:
    """The error for work whose commit failed: nothing of it was kept."""
    known = translated(error)
    if isinstance(known, FabricError):
        return known
    return Unavailable("STORE_UNAVAILABLE", f"The store cannot commit: {error}.", hint="Try again; look at the log.")


def is_foreign_key(error: apsw.ConstraintError) -> bool:
    """Does a row refer to one that is not there?"""
    return _extended(error) == apsw.SQLITE_CONSTRAINT_FOREIGNKEY


def is_trigger(error: apsw.ConstraintError) -> bool:
    """Did one of our own triggers refuse?"""
    return _extended(error) == apsw.SQLITE_CONSTRAINT_TRIGGER


def _extended(error: apsw.ConstraintError) -> int:
    """The extended code, which apsw sets on what it raises and its stubs do not know."""
    return int(getattr(error, "extendedresult", 0))
