"""The three sinks that are always there: they need no permission and touch no device."""

from runtime.providers.fabric import log, notify, webhook
from runtime.providers.native import NativeProvider

FABRIC = NativeProvider(log.operations, notify.operations, webhook.operations)
