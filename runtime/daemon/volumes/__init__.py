"""Volumes: directories with a size that services share: mounted, measured, copied, encrypted at rest."""

from runtime.daemon.volumes.reading import read_volume
from runtime.daemon.volumes.volume import Copy, MountPoint, Volume
from runtime.daemon.volumes.volumes import Volumes

__all__ = ["Copy", "MountPoint", "Volume", "Volumes", "read_volume"]
