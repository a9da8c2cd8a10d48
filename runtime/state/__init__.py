"""State: what the daemon must still know after it ends, however it ends."""

from runtime.state.store import Document, Key, StateStore

__all__ = ["Document", "Key", "StateStore"]
