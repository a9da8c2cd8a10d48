"""Offline: the catalog to compile against where no server is asked."""

from pathlib import Path

from api.cli.files import read_bytes
from catalog.catalog import Catalog
from catalog.diagnostics import Diagnostic
from catalog.errors import ConnectionInvalid


def offline_catalog(file: Path | None) -> Catalog:
    """The catalog of a file, else the built-in one. Raises Invalid CATALOG_FILE, FILE_UNREADABLE."""
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
