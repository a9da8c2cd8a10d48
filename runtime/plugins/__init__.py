"""The plugin host: reads plugins' modules, and runs each in workers of its own when it is called."""

from runtime.plugins.host import Host
from runtime.plugins.workshop import Workshop

__all__ = ["Host", "Workshop"]
