"""Real guests for a daemon under test: the committed modules of samples/services, built without a compiler."""

from pathlib import Path

from runtime.wasm.modules.building import build
from tests.api.daemon.hosted import Hosted

SERVICES = Path(__file__).resolve().parents[3] / "samples/services"


def store_guest(daemon: Hosted, name: str) -> str:
    """Store a sample's module as it is committed; its reference."""
    return daemon.run(build(SERVICES / name, daemon.daemon.modules, run_build=False)).reference
