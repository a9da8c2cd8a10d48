"""Volumes: directories with a quota."""

from runtime.daemon.volumes.reading import read_volume

__all__ = ["read_volume"]
