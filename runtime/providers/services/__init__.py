"""Services of a daemon: what they are, and what can be done to them."""

from runtime.providers.native import NativeProvider
from runtime.providers.services import moving, reads, specifying

SERVICES = NativeProvider(reads.operations, specifying.operations, moving.operations)
