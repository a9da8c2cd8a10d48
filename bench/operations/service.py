"""A services daemon in this very process, as in the server, with the sample `pricing` running."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

import msgspec

from runtime.daemon.config import read_config
from runtime.daemon.daemon import Daemon
from runtime.daemon.reading import read_service
from runtime.egress import Guard
from runtime.egress.client import EgressClient
from runtime.providers.service_functions import ServiceFunctions
from runtime.wasm.launch import Launch
from runtime.wasm.messages import encode_request
from runtime.wasm.modules.building import build

PRICING = Path(__file__).resolve().parents[2] / "samples" / "services" / "pricing"
STARTS_WITHIN = 30.0


class Service(msgspec.Struct, frozen=True, kw_only=True):
    """The provider of its functions, what its worker was launched with, and what one call of `quote` sends it."""

    functions: ServiceFunctions
    launch: Launch
    item: str
    request: bytes


@asynccontextmanager
async def service(folder: Path) -> AsyncIterator[Service]:
    """Start it; stop it at the end."""
    environment = {"HOME": str(folder), "FABRIC_DATA_DIR": str(folder)}
    config, _ = read_config(None, environment, {"monitoring.prometheus_enabled": "false"})
    daemon = Daemon(config, version="bench", http=EgressClient(Guard()))
    await daemon.start()
    try:
        info = await build(PRICING, daemon.modules, run_build=False)
        await daemon.services.create(read_service({"name": "pricing", "image": f"wasm://{info.reference}"}))
        running = await daemon.services.settled("pricing", STARTS_WITHIN)
        if running.prepared is None:
            raise RuntimeError(f"the service is {running.state}: {running.reason}")
        functions = ServiceFunctions()
        functions.open(daemon.functions, "org")
        headers = [(b"host", b"pricing"), (b"content-type", b"application/json")]
        request = encode_request(b"POST", b"/.fabric/functions/quote", headers, b'{"item":"anchor","quantity":10}')
        yield Service(functions=functions, launch=running.prepared.for_instance("echo"), item="anchor", request=request)
    finally:
        await daemon.stop(5.0)
