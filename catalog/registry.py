"""Registry: the providers behind the catalog, and the catalog they make, never older than three seconds."""

import time
from collections.abc import Callable, Iterable

from catalog.catalog import Catalog
from catalog.errors import Unsupported
from catalog.operations import Read, Write, WriteEntry
from catalog.provider import Provider

FRESHNESS_SECONDS = 3.0
"""How old a catalog may be (the seed's TTL): a provider that comes or goes shows within this time."""


class Registry:
    """Collects providers; `current()` is the catalog of what they offer now."""

    def __init__(self, providers: Iterable[Provider], *, clock: Callable[[], float] = time.monotonic) -> None:
        self._providers = tuple(providers)
        self._clock = clock
        self._built_at = float("-inf")
        self._catalog = Catalog((), ())
        self._code: dict[str, Read | Write | None] = {}

    def current(self) -> Catalog:
        """The catalog, rebuilt when older than FRESHNESS_SECONDS; the same object while nothing has changed."""
        now = self._clock()
        if now - self._built_at >= FRESHNESS_SECONDS:
            self._rebuild()
            self._built_at = now
        return self._catalog

    def find_code(self, operation_id: str) -> Read | Write | None:
        """What can run the operation now; None where its driver is missing or the operation unknown."""
        return self._code.get(operation_id)

    def get_code(self, operation_id: str) -> Read | Write:
        """What can run the operation now. Raises NotFound OP_UNKNOWN, Unsupported DRIVER_MISSING."""
        code = self._code.get(operation_id)
        if code is not None:
            return code
        self.current().get_operation(operation_id)
        raise Unsupported(
            "DRIVER_MISSING",
            f"No driver for `{operation_id}` is installed.",
            hint="`fabric catalog ls` shows which operations have one.",
        )

    def _rebuild(self) -> None:
        offered = [(op, provider) for provider in self._providers for op in provider.operations()]
        catalog = Catalog(
            (op for op, _ in offered), (spec for provider in self._providers for spec in provider.events())
        )
        self._code = {op.id: _without_apply(provider.code(op.id)) for op, provider in offered}
        if catalog.digest != self._catalog.digest:
            self._catalog = catalog


def _without_apply(code: Read | WriteEntry | None) -> Read | Write | None:
    """A write leaves here without its way out: only `catalog.appliers` hands that on."""
    return Write(code.params, code.provider.plan) if isinstance(code, WriteEntry) else code
