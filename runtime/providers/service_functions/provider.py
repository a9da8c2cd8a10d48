"""ServiceFunctions: the provider of what services export. The services are one organisation's, and so is this."""

from collections.abc import Iterable
from pathlib import Path

import structlog

from catalog.events import EventSpec
from catalog.operations import Operation, Read
from runtime.arrival import Arrival
from runtime.providers.service_functions.exported import Exported
from runtime.providers.service_functions.memory import Memory, Remembered
from runtime.providers.service_functions.operation import operations_of
from runtime.providers.service_functions.patience import SECONDS, Patience
from runtime.providers.service_functions.source import Offer, Source

_log = structlog.get_logger()


class ServiceFunctions:
    """Implements `catalog.provider.OwnedProvider`. `open` gives it the services half, `close` takes it away.

    In between, and before, what was last exported stays in the catalog and answers SERVICES_UNAVAILABLE. `file`
    remembers it over restarts. `seconds` is what one call may take.
    """

    def __init__(self, file: Path | None = None, *, seconds: float = SECONDS) -> None:
        self.patience = Patience(seconds)
        self.arrival = Arrival()
        """Of the services half, while it comes up."""
        self._memory = Memory(file)
        remembered = self._memory.read()
        self.organisation_id = remembered.organisation_id
        """Whose services these are; empty while nobody's are known."""
        self.source: Source | None = None
        self._seen: tuple[Offer, ...] | None = None
        self._offers: dict[str, Offer] = {}
        self._exported: dict[str, dict[str, Exported]] = {}
        self._reads: dict[str, Read] = {}
        self._take(remembered.offers)

    def expect(self) -> None:
        """The services half comes up: who calls a function in the meantime waits."""
        self.arrival.expect()

    def open(self, source: Source, organisation_id: str) -> None:
        """From now on services can be asked; they are this organisation's."""
        self.source, self.organisation_id, self._seen = source, organisation_id, None
        self.arrival.over()

    def close(self) -> None:
        """They cannot be asked any longer."""
        self.source = None
        self.arrival.over()

    def operations(self) -> Iterable[Operation]:
        """Functions of services that have run and are not deleted."""
        source = self.source
        if source is not None:
            offers = source.offers()
            if offers is not self._seen:
                self._seen = offers
                fresh = {each.service_id: each for each in offers}
                kept = [each for key, each in self._offers.items() if key not in fresh and source.knows(key)]
                self._take((*kept, *offers))
        return tuple(each.operation for service in self._exported.values() for each in service.values())

    def events(self) -> Iterable[EventSpec]:
        """None: a service's own events are the daemon's to tell."""
        return ()

    def code(self, operation_id: str) -> Read | None:
        """What asks the service."""
        return self._reads.get(operation_id)

    def _take(self, offers: tuple[Offer, ...]) -> None:
        found = {each.service_id: each for each in offers}
        if found == self._offers:
            return
        exported: dict[str, dict[str, Exported]] = {}
        for key, offer in found.items():
            known = self._exported.get(key) if self._offers.get(key) == offer else None
            exported[key] = self._made(offer) if known is None else known
        self._offers, self._exported = found, exported
        self._reads = {
            name: Read(dict, each.call, plain=True) for service in exported.values() for name, each in service.items()
        }
        if self.source is not None:
            self._memory.write(Remembered(organisation_id=self.organisation_id, offers=tuple(found.values())))

    def _made(self, offer: Offer) -> dict[str, Exported]:
        operations, refused = operations_of(offer)
        for name, error in refused:
            _log.warning("service_function_refused", service=offer.service, function=name, code=error.code)
            if self.source is not None:
                sentence = f"its function `{name[:80]}` is not in the catalog: {error.code}: {error.message}"
                self.source.note(offer.service_id, sentence)
        return {name: Exported(self, offer, operation, each) for name, (operation, each) in operations.items()}
