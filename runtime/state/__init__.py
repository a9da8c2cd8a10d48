"""State: what the daemon must still know after it ends, however it ends."""

from runtime.state.store import StateStore

__all__ = ["StateStore"]
