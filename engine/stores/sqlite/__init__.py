"""The SQLite store: one file, one writer with group commit, readers beside it."""

from engine.stores.sqlite.store import SqliteStore, open_store

__all__ = ["SqliteStore", "open_store"]
