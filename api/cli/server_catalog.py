"""The catalog of the running server."""

from api.cli.server import Server
from catalog.catalog import Catalog
from catalog.files import load_catalog
from catalog.jsonvalue import compact


def server_catalog(server: Server | None = None) -> Catalog:
    """What the server can do now. Raises FabricError as the server means it; Invalid CATALOG_FILE."""
    return load_catalog(compact((server or Server.configured()).get("catalog")))
