"""Daemons as the operations about services, networks, volumes and projects see them: asked by one small face."""

from runtime.providers.daemons.finding import daemon_of, segment
from runtime.providers.daemons.sending import find, request, send
from runtime.providers.daemons.told import told

__all__ = ["daemon_of", "find", "request", "segment", "send", "told"]
