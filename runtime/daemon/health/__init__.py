"""Health: replicas are asked how they are, as long as their service wants it; what they said is kept for a while.

monitor.py   Monitor: every service's watches, histories and counts
watch.py     Watch: one replica's health, and what turns it
probes.py    how a replica is asked: over HTTP, by a connection, by a command
history.py   what was answered
"""

from runtime.daemon.health.history import Probe
from runtime.daemon.health.monitor import Defaults, Monitor

__all__ = ["Defaults", "Monitor", "Probe"]
