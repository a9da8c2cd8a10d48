"""services: what it costs to run a WASM service, against the same handler in plain Sanic in the same run."""

from collections.abc import Callable

from bench.services import cold, component, hop, idle, traps
from bench.services.daemon import daemon


def run(progress: Callable[[str], None]) -> dict[str, float | int | str]:
    """The figures of services: the hop, a cold start, idle services, memory a replica, a trap, a component."""
    figures: dict[str, float | int | str] = {}
    for part in (hop, cold, traps, component, idle):
        with daemon() as running:
            figures.update(part.measure(running, progress))
    return figures
