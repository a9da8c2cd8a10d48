"""Traffic: what reaches services and what leaves them.

router.py     Router, Route: requests to replicas, waiting, counting
meter.py      requests, bytes, status classes, rate, latency
"""

from runtime.daemon.traffic.router import Route, Router

__all__ = ["Route", "Router"]
