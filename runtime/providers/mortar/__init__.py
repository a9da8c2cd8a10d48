"""Mortar projects of a daemon: services, networks, volumes and policies deployed together."""

from runtime.providers.mortar import reads, writes
from runtime.providers.native import NativeProvider

MORTAR = NativeProvider(reads.operations, writes.operations)
