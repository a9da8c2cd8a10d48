"""Service functions: what running services export, as operations `service.{name}.{function}`."""

from runtime.providers.service_functions.operation import operations_of
from runtime.providers.service_functions.provider import ServiceFunctions
from runtime.providers.service_functions.source import Offer, Source

__all__ = ["Offer", "ServiceFunctions", "Source", "operations_of"]
