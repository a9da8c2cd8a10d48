"""Appliers: the only road from an operation's id to the code that changes a target.

Nothing but `engine.apply` may import this module, and `api.wiring` to build it (kept by lint-imports).
"""

from collections.abc import Iterable

from catalog.errors import Unsupported
from catalog.operations import WriteEntry, WriteProvider
from catalog.provider import Provider


class Appliers:
    """Finds a write's `observe` and `apply`, and how long they may take."""

    def __init__(self, providers: Iterable[Provider]) -> None:
        self._providers = tuple(providers)

    def get(self, operation_id: str) -> WriteProvider:
        """The write's code. Raises Unsupported DRIVER_MISSING."""
        return self.entry(operation_id).provider

    def entry(self, operation_id: str) -> WriteEntry:
        """The write's code with its bounds. Raises Unsupported DRIVER_MISSING."""
        for provider in self._providers:
            code = provider.code(operation_id)
            if isinstance(code, WriteEntry):
                return code
        raise Unsupported(
            "DRIVER_MISSING",
            f"No driver for `{operation_id}` is installed.",
            hint="The change stays pending; install the driver and apply it again.",
        )
