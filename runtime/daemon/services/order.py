"""Order: which services come before which. Pure."""

from collections.abc import Iterable, Mapping
from graphlib import TopologicalSorter


def waves(needs: Mapping[str, Iterable[str]]) -> list[tuple[str, ...]]:
    """Names in waves: each needs only what stands in earlier ones. Needs that nobody has are left out.

    There is no ring: admission refuses it.
    """
    sorter = TopologicalSorter({name: [each for each in found if each in needs] for name, found in needs.items()})
    sorter.prepare()
    found = []
    while sorter.is_active():
        wave = tuple(sorted(sorter.get_ready()))
        sorter.done(*wave)
        found.append(wave)
    return found
