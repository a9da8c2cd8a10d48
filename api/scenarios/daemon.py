"""A services daemon for a scenario: real, in the scenario's own folder, and asked what the scenario says."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

from api.daemon.claim import Claim
from api.daemon.here import Here
from api.daemon.hosting import Hosting
from api.scenarios.model import DaemonIn
from catalog.errors import Invalid
from runtime.daemon.config import read_config
from runtime.providers.service_functions import ServiceFunctions
from runtime.wasm.modules.building import build

START_SECONDS = 15.0
STOP_SECONDS = 2.0


@asynccontextmanager
async def hosting(
    given: DaemonIn, place: Path, folder: Path, here: Here, functions: ServiceFunctions, organisation_id: str
) -> AsyncIterator[None]:
    """The daemon while the scenario is played; its own events fire nothing, the scenario's do.

    Its services run, if they ever will, and what they export is known to `functions`.

    Raises FabricError where a module or a request is refused, Invalid SCENARIO_FILE for a folder that is not there.
    """
    settings = {"monitoring.prometheus_enabled": "false"}
    config, _ = read_config(None, {"HOME": str(folder), "FABRIC_DATA_DIR": str(folder)}, settings)
    claim = Claim(config)
    await asyncio.to_thread(claim.take)
    try:
        made = Hosting(config, claim)
        try:
            await made.open()
            for name in given.modules:
                await build(_module(place, name), made.daemon.modules, run_build=False)
            for each in given.asks:
                await made.inside.ask(each.method, each.path, body=each.body)
            for service in made.daemon.services.list():
                await made.daemon.services.settled(service.id, START_SECONDS)
            here.open(made.inside)
            functions.open(made.daemon.functions, organisation_id)
            yield
        finally:
            functions.close()
            here.close()
            await made.close(STOP_SECONDS)
    finally:
        claim.release()


def _module(place: Path, name: str) -> Path:
    folder = place / name
    if not folder.is_dir():
        raise Invalid(
            "SCENARIO_FILE", f"There is no folder `{name}` beside the scenario.", hint="Paths begin at its folder."
        )
    return folder.resolve()
