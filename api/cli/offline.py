"""Offline: the catalog to compile against where no server is asked."""

from collections.abc import Iterable
from pathlib import Path

from api.cli.files import read_bytes
from catalog.catalog import Catalog
from catalog.diagnostics import Diagnostic
from catalog.errors import ConnectionInvalid
from catalog.operations import Operation


def offline_catalog(file: Path | None, services: Iterable[Path] = ()) -> Catalog:
    """The catalog of a file, else the built-in one, with the functions that the services in these folders export.

    Raises Invalid CATALOG_FILE, FILE_UNREADABLE; what is wrong with a Fabrickfile or a function.
    """
    known = _known(file)
    exported = [operation for folder in services for operation in _exported(folder)]
    return Catalog((*known.operations.values(), *exported), known.events.values()) if exported else known


def _exported(folder: Path) -> list[Operation]:
    """The functions of the service that is called as its module is, as it exports them while it runs."""
    from runtime.providers.service_functions import Offer, operations_of  # noqa: PLC0415 - only who names a service
    from runtime.wasm.modules.building import functions_of, read_folder  # noqa: PLC0415 - as above

    blueprint = read_folder(folder)
    name = blueprint.fabrickfile.info.name
    found, refused = operations_of(Offer(service_id=name, service=name, functions=functions_of(blueprint)))
    for _, error in refused:
        raise error
    return [operation for operation, _ in found.values()]


def _known(file: Path | None) -> Catalog:
    if file is not None:
        from catalog.files import load_catalog  # noqa: PLC0415 - the built-in one is the usual case

        return load_catalog(read_bytes(file))
    from catalog.registry import Registry  # noqa: PLC0415 - brings the providers along
    from runtime.providers import NATIVE  # noqa: PLC0415 - as above

    return Registry(NATIVE).current()


def diagnose(content: bytes, catalog: Catalog) -> tuple[Diagnostic, ...]:
    """Every error and warning of a Connection's text."""
    import connections  # noqa: PLC0415 - the compiler, only for who compiles

    try:
        return tuple(connections.compile(content, catalog).warnings)
    except ConnectionInvalid as error:
        return error.diagnostics
