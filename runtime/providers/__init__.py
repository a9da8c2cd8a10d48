"""The operation providers. To add an operation: one file, one word in this tuple, one test."""

from runtime.providers.ai import AI
from runtime.providers.backup import BACKUP
from runtime.providers.cameras import CAMERAS
from runtime.providers.daemon import DAEMON
from runtime.providers.events import EVENTS
from runtime.providers.fabric import FABRIC
from runtime.providers.firewall import FIREWALL
from runtime.providers.hypervisor import HYPERVISOR
from runtime.providers.mortar import MORTAR
from runtime.providers.network import NETWORK
from runtime.providers.networks import NETWORKS
from runtime.providers.platform import PLATFORM
from runtime.providers.runtime import RUNTIME
from runtime.providers.services import SERVICES
from runtime.providers.storage import STORAGE
from runtime.providers.time import TIME
from runtime.providers.voip import VOIP
from runtime.providers.volumes import VOLUMES

NATIVE = (
    FABRIC,
    PLATFORM,
    SERVICES,
    NETWORKS,
    VOLUMES,
    MORTAR,
    DAEMON,
    EVENTS,
    RUNTIME,
    CAMERAS,
    NETWORK,
    VOIP,
    FIREWALL,
    STORAGE,
    HYPERVISOR,
    BACKUP,
    AI,
    TIME,
)
"""Every provider of our own, in the order the catalog lists them."""
