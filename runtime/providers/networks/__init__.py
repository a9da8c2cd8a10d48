"""Networks of a daemon: who may reach whom."""

from runtime.providers.native import NativeProvider
from runtime.providers.networks import reads, writes

NETWORKS = NativeProvider(reads.operations, writes.operations)
