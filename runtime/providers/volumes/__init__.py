"""Volumes of a daemon: directories with a size that services share."""

from runtime.providers.native import NativeProvider
from runtime.providers.volumes import reads, writes

VOLUMES = NativeProvider(reads.operations, writes.operations)
