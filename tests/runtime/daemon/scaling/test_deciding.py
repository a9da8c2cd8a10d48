"""How many replicas, from what was measured."""

from hypothesis import given
from hypothesis import strategies as st

from runtime.daemon.scaling import Decision, Measured, Rules
from runtime.daemon.scaling.deciding import Memory, decide, recommend

RULES = Rules(least=1, most=10, cpu_threshold=70, in_flight_threshold=8, up_cooldown=60, down_cooldown=300, window=120)


def _measured(at: float, running: int, cpu: float = 0.0, in_flight: float = 0.0) -> Measured:
    return Measured(at=at, running=running, cpu_percent=cpu, in_flight=in_flight)


def test_the_measure_that_asks_for_more_decides() -> None:
    assert recommend(_measured(0, 2, cpu=100), RULES) == Decision(replicas=3, cause="cpu")
    assert recommend(_measured(0, 2, cpu=80, in_flight=48), RULES) == Decision(replicas=6, cause="in_flight")
    assert recommend(_measured(0, 4, cpu=35), RULES) == Decision(replicas=2, cause="cpu")
    assert recommend(_measured(0, 1, in_flight=400), RULES).replicas == 10


def test_what_is_near_the_threshold_asks_for_nothing() -> None:
    for cpu in (63.1, 70, 76.9):
        assert recommend(_measured(0, 5, cpu=cpu), RULES).replicas == 5
    assert recommend(_measured(0, 5, cpu=78), RULES).replicas == 6


def test_more_come_at_once_and_again_after_the_cooldown() -> None:
    memory = Memory(0)
    first = decide(_measured(0, 1, cpu=100), 1, RULES, memory)
    assert first == Decision(replicas=2, cause="cpu")
    memory.scaled_at = 0
    assert decide(_measured(30, 2, cpu=100), 2, RULES, memory) is None
    assert decide(_measured(60, 2, cpu=100), 2, RULES, memory) == Decision(replicas=3, cause="cpu")


def test_fewer_come_only_when_fewer_were_enough_for_the_whole_window_and_never_below_the_most_that_was_wanted() -> None:
    memory = Memory(0)
    loads = {0: 65, 30: 30, 60: 10, 90: 10, 120: 10, 150: 10}
    decisions = {at: decide(_measured(at, 4, cpu=cpu), 4, RULES, memory) for at, cpu in loads.items()}
    assert decisions == {0: None, 30: None, 60: None, 90: None, 120: None, 150: Decision(replicas=2, cause="cpu")}
    memory.scaled_at = 150
    assert decide(_measured(300, 2, cpu=1), 2, RULES, memory) is None
    assert decide(_measured(451, 2, cpu=1), 2, RULES, memory) == Decision(replicas=1, cause="cpu")


@given(
    st.lists(st.tuples(st.floats(0, 100), st.floats(0, 200)), min_size=1, max_size=40),
    st.integers(1, 4),
    st.integers(0, 8),
)
def test_the_count_stays_within_its_bounds_and_changes_no_faster_than_it_may(
    loads: list[tuple[float, float]], least: int, more: int
) -> None:
    rules = Rules(
        least=least, most=least + more, cpu_threshold=70, in_flight_threshold=8, up_cooldown=60, down_cooldown=300,
        window=120,
    )  # fmt: skip
    memory, replicas, changed = Memory(0), least, -1_000.0
    for step, (cpu, in_flight) in enumerate(loads):
        at = step * 30.0
        decision = decide(_measured(at, replicas, cpu, in_flight), replicas, rules, memory)
        if decision is None:
            continue
        assert rules.least <= decision.replicas <= rules.most
        assert decision.replicas != replicas
        assert at - changed >= (60 if decision.replicas > replicas else 300)
        replicas, changed, memory.scaled_at = decision.replicas, at, at
