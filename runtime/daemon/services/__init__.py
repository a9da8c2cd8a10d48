"""Services and their replicas: states, restarts, rollouts, admission, order, statistics.

services.py    Services: what is asked of the daemon about services; the registry
service.py     Service: one of them, as it is wanted and as it is
supervisor.py  moves the replicas of one service towards what is wanted
slot.py        one replica's place: launched, watched, stopped
"""

from runtime.daemon.services.records import SERVICE_STATES, Counts, Instance, LastExit, Revision, Stats
from runtime.daemon.services.service import Service
from runtime.daemon.services.services import Services

__all__ = ["SERVICE_STATES", "Counts", "Instance", "LastExit", "Revision", "Service", "Services", "Stats"]
