"""Networks: groups of services, and who may reach whom.

reach.py      the rules, pure: from service to service, from outside, to the outside
reading.py    a NetworkSpec from the API's JSON or from TOML
networks.py   the networks that there are, kept in the daemon's state
"""

from runtime.daemon.networks.networks import DEFAULT_NETWORK, Network, Networks
from runtime.daemon.networks.reading import read_network

__all__ = ["DEFAULT_NETWORK", "Network", "Networks", "read_network"]
