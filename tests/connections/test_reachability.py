"""E7: the order follows the graph, is always the same, and no circle gets through."""

import random

import networkx
import pytest

import connections
from catalog.errors import ConnectionInvalid
from catalog.jsonvalue import Json
from connections.reachability import Reachability
from tests.connections.world import operation, small_catalog

_COUNT = 5000


def _random_needs(chance: random.Random) -> list[tuple[int, ...]]:
    """Needs of up to ten steps; about every second time without a circle."""
    count = chance.randrange(1, 11)
    forward = chance.random() < 0.5
    shuffled = chance.sample(range(count), count)
    needs: list[tuple[int, ...]] = []
    for number in range(count):
        allowed = [each for each in range(count) if not forward or shuffled[each] < shuffled[number]]
        chosen = {each for each in allowed if chance.random() < 0.25}
        needs.append(tuple(sorted(chosen)))
    return needs


def _naive_order(needs: list[tuple[int, ...]]) -> list[int]:
    order: list[int] = []
    while True:
        ready = [n for n in range(len(needs)) if n not in order and all(each in order for each in needs[n])]
        if not ready:
            return order
        order.append(min(ready))


def _naive_before(needs: list[tuple[int, ...]], step: int) -> set[int]:
    found: set[int] = set()
    waiting = list(needs[step])
    while waiting:
        each = waiting.pop()
        if each not in found:
            found.add(each)
            waiting.extend(needs[each])
    return found


@pytest.mark.promise("E7", count=_COUNT)
def test_random_graphs_are_ordered_as_a_naive_model_orders_them() -> None:
    chance = random.Random(7)
    circles = 0
    for _ in range(_COUNT):
        needs = _random_needs(chance)
        reach = Reachability(needs)
        order = _naive_order(needs)
        assert list(reach.order) == order
        for number in range(len(needs)):
            before = {each for each in range(len(needs)) if reach.runs_before(each, number)}
            assert before == _naive_before(needs, number)
            assert set(reach.nearest_above(number)) == before - {number}
        cycle = reach.cycle()
        assert bool(cycle) is not reach.acyclic
        assert reach.acyclic is (len(order) == len(needs))
        if cycle:
            circles += 1
            assert all(need in needs[step] for need, step in zip(cycle, [*cycle[1:], cycle[0]], strict=True))
    assert _COUNT * 0.2 < circles < _COUNT * 0.8


def _source(needs: list[tuple[int, ...]]) -> dict[str, Json]:
    steps = [{"id": f"s{n}", "operation_id": "a.b", "needs": [f"s{e}" for e in each]} for n, each in enumerate(needs)]
    return {"name": "t", "source_event": "test.event", "steps": steps}


@pytest.mark.promise("E7", count=500)
def test_a_plan_is_a_networkx_dag_and_a_circle_is_no_plan() -> None:
    catalog = small_catalog(operation("a.b"))
    chance = random.Random(8)
    for _ in range(500):
        needs = _random_needs(chance)
        try:
            plan = connections.compile(_source(needs), catalog)
        except ConnectionInvalid as error:
            assert {each.code for each in error.diagnostics} == {"STEP_CYCLE"}
            assert len(_naive_order(needs)) < len(needs)
            continue
        assert networkx.is_directed_acyclic_graph(plan.graph)
        assert list(networkx.lexicographical_topological_sort(plan.graph)) == list(plan.order)
        assert [step.needs for step in plan.steps] == needs
        assert set(plan.graph.edges) == {(step.index, each) for step in plan.steps for each in step.dependents}
        assert plan.roots == tuple(n for n, each in enumerate(needs) if not each)


def test_the_nearest_step_above_comes_first() -> None:
    reach = Reachability([(), (), (0,), (1, 2), (3,)])
    assert list(reach.nearest_above(4)) == [3, 2, 1, 0]
    assert list(reach.nearest_above(3)) == [2, 1, 0]
