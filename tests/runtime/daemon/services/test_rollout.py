"""Rollout, step by step: whatever happens on the way, no step takes more than it may."""

from hypothesis import given
from hypothesis import strategies as st

from runtime.daemon.services.rollout import LIVE, Moves, Place, next_moves

_places = st.lists(
    st.builds(
        lambda current, phase, fit, goes: (
            current,
            phase,
            fit and phase in ("running", "completed"),
            goes and phase == "stopping",
        ),
        st.booleans(),
        st.sampled_from(["starting", "running", "stopping", "stopped", "failed", "backoff", "completed"]),
        st.booleans(),
        st.booleans(),
    ),
    max_size=8,
).map(lambda found: [Place(*each[:3], born, goes=each[3]) for born, each in enumerate(found)])


@given(_places, st.integers(0, 5), st.integers(0, 3))
def test_a_step_never_takes_a_replica_that_answers_without_need(places: list[Place], wanted: int, more: int) -> None:
    most = wanted + more
    moves = next_moves(places, wanted, most=most)
    here = [each for each in places if not each.goes]
    if wanted == 0:
        assert moves == Moves(stop=tuple(at for at, each in enumerate(places) if each.phase in LIVE))
        return
    assert not any(places[at].goes for at in (*moves.stop, *moves.again))
    assert not set(moves.stop) & set(moves.again)
    assert len(here) + moves.add <= max(len(here), wanted + 1)
    assert len(places) + moves.add <= max(len(places), most)
    if len(here) <= wanted and moves.stop:
        # Only a change takes one before its time, and only where there is no room for a spare one.
        assert len(places) >= most
        assert len(moves.stop) == 1
        assert not places[moves.stop[0]].current
    if moves.stop:
        assert len(here) - len(moves.stop) >= wanted - 1


def _play(places: list[Place], wanted: int, most: int) -> tuple[int, int]:
    """Everything started comes up at once; answers the fewest fit and the most replicas there ever were."""
    fewest, highest, born = sum(each.fit for each in places), len(places), len(places)
    for _ in range(50):
        moves = next_moves(places, wanted, most=most)
        if moves == Moves():
            break
        for at in sorted(moves.stop, reverse=True):
            del places[at]
        fewest = min(fewest, sum(each.fit for each in places))
        for _ in range(moves.add):
            born += 1
            places.append(Place(True, "running", True, born))
        highest = max(highest, len(places))
    return fewest, highest


def test_a_change_reaches_all_replicas_and_one_more_runs_meanwhile() -> None:
    places = [Place(False, "running", True, born) for born in range(4)]
    assert _play(places, 4, 20) == (4, 5)
    assert [each.current for each in places] == [True] * 4


def test_without_room_for_one_more_a_change_takes_one_at_a_time() -> None:
    places = [Place(False, "running", True, born) for born in range(4)]
    assert _play(places, 4, 4) == (3, 4)
    assert [each.current for each in places] == [True] * 4


def test_as_long_as_a_new_replica_is_not_fit_no_old_one_goes() -> None:
    for phase in ("starting", "backoff", "failed", "running"):
        places = [Place(False, "running", True, 0), Place(False, "running", True, 1), Place(True, phase, False, 2)]
        assert next_moves(places, 2, most=20) == Moves()


def test_fewer_replicas_take_those_that_answer_nothing_and_then_the_newest() -> None:
    places = [
        Place(True, "running", True, 5),
        Place(True, "running", True, 2),
        Place(True, "backoff", False, 1),
        Place(True, "starting", False, 3),
    ]
    assert next_moves(places, 1, most=20) == Moves(stop=(2, 3, 0))


def test_a_replica_that_comes_back_by_itself_is_not_replaced() -> None:
    places = [Place(True, "stopping", False, 0), Place(True, "running", True, 1)]
    assert next_moves(places, 2, most=20) == Moves()
    gone = [Place(True, "stopping", False, 0, goes=True), Place(True, "running", True, 1)]
    assert next_moves(gone, 2, most=20) == Moves(add=1)
    assert next_moves(gone, 2, most=2) == Moves()
