"""modules: what a driver costs over its bare client library, and what a thousand watched devices cost."""

from collections.abc import Callable

from bench.modules.overhead import measure as overhead
from bench.modules.watching import measure as watching


def run(progress: Callable[[str], None]) -> dict[str, float | int | str]:
    """The figures of modules."""
    return {**overhead(progress), **watching(progress)}
