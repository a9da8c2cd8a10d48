"""Hosts: an address that is a name or an IP, for drivers that do not speak HTTP."""

from catalog.errors import Invalid
from catalog.urls import parse_url


def check_host(address: str) -> None:
    """Refuse what is no host. Raises ValueError."""
    try:
        # As the way out reads it when it is looked up.
        found = parse_url(f"http://{f'[{address}]' if ':' in address else address}:1/")
    except Invalid:
        found = None
    if found is None or (found.port, found.target) != (1, "/"):
        raise ValueError("`address` is not a host name or IP address alone; a port has a setting of its own")
