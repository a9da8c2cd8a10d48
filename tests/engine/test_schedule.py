"""The schedule: fairness, slots, rates."""

from engine.schedule import CONNECTION_SLOTS, ORGANISATION_SLOTS, Schedule, Waiting
from tests.fakes.clock import FakeClock


def test_one_organisations_slots_are_its_own() -> None:
    schedule = Schedule(FakeClock(1000.0))
    taken = sum(schedule.admit("slow", f"c{number % 8}") for number in range(1000))
    assert taken == ORGANISATION_SLOTS
    assert schedule.admit("quick", "c")


def test_a_connection_cannot_take_all_slots_of_its_organisation() -> None:
    schedule = Schedule(FakeClock(1000.0))
    assert sum(schedule.admit("o", "greedy") for _ in range(100)) == CONNECTION_SLOTS
    assert schedule.admit("o", "modest")


def test_a_new_firing_never_overtakes_a_waiting_one_of_its_connection() -> None:
    schedule = Schedule(FakeClock(1000.0))
    for _ in range(CONNECTION_SLOTS):
        schedule.admit("o", "c")
    assert not schedule.admit("o", "c")
    schedule.put(Waiting("first", "o", "c"))
    schedule.release("o", "c")
    assert not schedule.admit("o", "c")
    assert [each.run_id for each in schedule.take()] == ["first"]


def test_connections_take_turns_for_the_slots_of_their_organisation() -> None:
    schedule = Schedule(FakeClock(1000.0))
    for number in range(ORGANISATION_SLOTS):
        assert schedule.admit("o", f"c{number}")
    for number in range(5):
        schedule.put(Waiting(f"a{number}", "o", "a"))
    schedule.put(Waiting("b0", "o", "b"))
    for number in range(2):
        schedule.release("o", f"c{number}")
    assert sorted(each.run_id for each in schedule.take()) == ["a0", "b0"]


def test_firings_over_the_rate_wait_and_none_is_dropped() -> None:
    time = FakeClock(1000.0)
    schedule = Schedule(time)
    starts = [schedule.pace("c", (2, 1.0)) for _ in range(5)]
    assert starts == [0.0, 1000.5, 1001.0, 1001.5, 1002.0]
    for number, start in enumerate(starts[1:]):
        schedule.put(Waiting(f"r{number}", "o", "c"), start)
    assert schedule.take() == []
    assert schedule.next_wake() == 1000.5
    time.pass_by(1.0)
    assert [each.run_id for each in schedule.take()] == ["r0", "r1"]
    time.pass_by(4.0)
    assert [each.run_id for each in schedule.take()] == ["r2", "r3"]
    assert schedule.waiting == 0


def test_everything_released_leaves_nothing_behind() -> None:
    schedule = Schedule(FakeClock(1000.0))
    for organisation in range(50):
        assert schedule.admit(f"o{organisation}", "c")
        schedule.release(f"o{organisation}", "c")
    assert schedule._organisations == {}
    assert schedule._running == {}


def test_what_waits_from_before_a_restart_sets_the_pace_for_what_comes_after_it() -> None:
    clock = FakeClock(1000.0)
    schedule = Schedule(clock)
    for number in range(3):
        schedule.put(Waiting(f"old{number}", "o", "c"), clock.now() + 1.0 + number)
    assert schedule.pace("c", (1, 1.0)) - clock.now() == 4.0
    assert schedule.pace("c", (1, 1.0)) - clock.now() == 5.0
    assert schedule.pace("other", (1, 1.0)) == 0.0
