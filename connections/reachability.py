"""Which step runs before which: sets of step numbers as bits, because a Connection has few steps and many questions."""

from collections.abc import Iterator, Sequence

Needs = Sequence[Sequence[int]]


class Reachability:
    """The order that `needs[n]`, the numbers of the steps that step n needs, imposes."""

    def __init__(self, needs: Needs) -> None:
        self.needs = tuple(tuple(each) for each in needs)
        self.order = tuple(self._sorted())
        """Topological, lowest number first among the ready; steps in a cycle, and what needs them, are left out."""
        self._above = self._closed()

    @property
    def acyclic(self) -> bool:
        """Does every step have a place in the order?"""
        return len(self.order) == len(self.needs)

    def runs_before(self, first: int, second: int) -> bool:
        """Does step `second` need step `first`, near or far?"""
        return bool(self._above[second] >> first & 1)

    def nearest_above(self, step: int) -> Iterator[int]:
        """Every step that `step` needs: the direct ones first, then theirs; of equally near ones the later first."""
        seen = 1 << step
        level = [step]
        while level:
            found = sorted({need for each in level for need in self.needs[each] if not seen >> need & 1}, reverse=True)
            yield from found
            for each in found:
                seen |= 1 << each
            level = found

    def cycle(self) -> list[int]:
        """The steps of one cycle in their order, [] where there is none."""
        left = set(range(len(self.needs))) - set(self.order)
        path: list[int] = []
        step = min(left, default=None)
        while step is not None and step not in path:
            path.append(step)
            step = next((each for each in self.needs[step] if each in left), None)
        return path[path.index(step) :][::-1] if step is not None else []

    def _sorted(self) -> Iterator[int]:
        done = 0
        waiting = {number: sum(1 << each for each in set(needs)) for number, needs in enumerate(self.needs)}
        while True:
            ready = next((number for number, wanted in waiting.items() if wanted & done == wanted), None)
            if ready is None:
                return
            done |= 1 << ready
            del waiting[ready]
            yield ready

    def _closed(self) -> list[int]:
        above = [sum(1 << each for each in set(needs)) for needs in self.needs]
        for _ in range(len(above)):
            before = list(above)
            for number, needs in enumerate(self.needs):
                for each in needs:
                    above[number] |= above[each]
            if before == above:
                break
        return above
