"""The guard that every outgoing connection passes.

`runtime.egress.client` is what sends; it stands apart because aiohttp is slow to import.
"""

from catalog.urls import Refused
from runtime.egress.guard import ConnectRefused, Guard, Pinned, Resolver
from runtime.egress.networks import Reach, classify

__all__ = ["ConnectRefused", "Guard", "Pinned", "Reach", "Refused", "Resolver", "classify"]
