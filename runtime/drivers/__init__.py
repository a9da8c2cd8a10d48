"""The drivers. To add one: one file, one entry in its module's list, one peer to test it against."""

from runtime.drivers.cameras import DRIVERS as CAMERAS
from runtime.drivers.daemon import DRIVERS as DAEMON
from runtime.drivers.firewall import DRIVERS as FIREWALL
from runtime.drivers.hypervisor import DRIVERS as HYPERVISOR
from runtime.drivers.network import DRIVERS as NETWORK
from runtime.drivers.storage import DRIVERS as STORAGE
from runtime.drivers.voip import DRIVERS as VOIP

DRIVERS = (*CAMERAS, *NETWORK, *VOIP, *FIREWALL, *STORAGE, *HYPERVISOR, *DAEMON)
"""Every driver, in the order that `fabric controllers drivers` lists them."""
