"""Our own listening addresses: a request that comes back to us is a loop, or somebody using our trust in ourselves."""

from collections.abc import Iterable
from ipaddress import ip_address

import psutil

from runtime.egress.networks import Address, read_address

SelfAddress = str | tuple[str, int | None]
"""An address with the port we listen on (alone or with None: every port). `0.0.0.0` and `::` mean all of ours."""


class Ourselves:
    """Knows whether an (address, port) pair is one that this process listens on."""

    def __init__(self, pairs: Iterable[SelfAddress]) -> None:
        read = [(each, None) if isinstance(each, str) else (each[0], each[1]) for each in pairs]
        found = {(_need_address(text), port) for text, port in read}
        self._wild_ports = frozenset(port for address, port in found if address.is_unspecified)
        self._exact = frozenset(found)
        self._ports = frozenset(port for _, port in found)
        self._interfaces = interface_addresses() if self._wild_ports else frozenset()

    def includes(self, address: Address, port: int) -> bool:
        """Would connecting there reach ourselves?"""
        if port not in self._ports and None not in self._ports:
            return False
        if (address, port) in self._exact or (address, None) in self._exact:
            return True
        if port not in self._wild_ports and None not in self._wild_ports:
            return False
        return address.is_loopback or address in self._interfaces


def _need_address(text: str) -> Address:
    found = read_address(text)
    if found is None:
        raise ValueError(f"our own address `{text}` is not an IP address")
    return found


def interface_addresses() -> frozenset[Address]:
    """Every IP address of this machine's interfaces."""
    texts = [each.address.partition("%")[0] for found in psutil.net_if_addrs().values() for each in found]
    return frozenset(ip_address(text) for text in texts if read_address(text))
