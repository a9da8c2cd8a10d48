"""Config: the daemon's settings, from options, environment and file; how two differ; what is not honoured here."""

from runtime.daemon.config.differences import Difference, differences, merged
from runtime.daemon.config.honoured import not_honoured, service_owner, service_user
from runtime.daemon.config.printing import print_config
from runtime.daemon.config.reading import read_config
from runtime.daemon.config.settings import DaemonConfig

__all__ = [
    "DaemonConfig",
    "Difference",
    "differences",
    "merged",
    "not_honoured",
    "print_config",
    "read_config",
    "service_owner",
    "service_user",
]
