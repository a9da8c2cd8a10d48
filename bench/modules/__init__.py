"""modules: what a driver costs over its bare client library, and what a thousand watched devices cost."""

from collections.abc import Callable

from bench.modules.overhead import measure as measure_overhead
from bench.modules.watching import measure as measure_watching


def run(progress: Callable[[str], None]) -> dict[str, float | int | str]:
    """The figures of modules."""
    return {**measure_overhead(progress), **measure_watching(progress)}
