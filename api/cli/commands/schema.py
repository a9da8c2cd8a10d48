"""`fabric schema`: JSON Schema of a Connection, for editors."""

import typer

from api.cli import terminal
from api.cli.commands.validate import CatalogFile, Services
from api.cli.offline import offline_catalog
from catalog.catalog import Catalog


def schema(
    catalog: CatalogFile = None,
    service: Services = None,
    live: bool = typer.Option(False, "--live", help="From the catalog of the running server."),
) -> None:
    """Print the JSON Schema of a Connection, made from the catalog: point your editor at it.

    Example: fabric schema > connection.schema.json
    """
    from connections.editor_schema import editor_schema  # noqa: PLC0415 - keeps `--help` quick

    terminal.print_json(editor_schema(_live() if live else offline_catalog(catalog, service or ())))


def _live() -> Catalog:
    from api.cli.server_catalog import server_catalog  # noqa: PLC0415 - as above

    return server_catalog()
