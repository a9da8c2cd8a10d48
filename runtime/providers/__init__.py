"""The operation providers. To add an operation: one file, one word in this tuple, one test."""

from runtime.providers.ai import AI
from runtime.providers.backup import BACKUP
from runtime.providers.cameras import CAMERAS
from runtime.providers.fabric import FABRIC
from runtime.providers.firewall import FIREWALL
from runtime.providers.hypervisor import HYPERVISOR
from runtime.providers.network import NETWORK
from runtime.providers.platform import PLATFORM
from runtime.providers.storage import STORAGE
from runtime.providers.voip import VOIP

NATIVE = (FABRIC, PLATFORM, CAMERAS, NETWORK, VOIP, FIREWALL, STORAGE, HYPERVISOR, BACKUP, AI)
"""Every provider of our own, in the order the catalog lists them."""
