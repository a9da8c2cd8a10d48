"""The ingest rate."""

import random

import pytest

from catalog.errors import Invalid, TooMany
from engine.guards import Rate, Window
from tests.fakes.clock import FakeClock


@pytest.mark.promise("E9")
def test_no_window_of_sixty_seconds_ever_holds_more_than_the_limit() -> None:
    time = FakeClock()
    window = Window(Rate(120, 60.0), time)
    dice = random.Random(7)
    accepted: list[float] = []
    for _ in range(20_000):
        time.pass_by(dice.expovariate(20.0))
        try:
            window.admit("o")
        except TooMany as error:
            assert error.retry_after >= 1.0
        else:
            accepted.append(time.steady)
    assert len(accepted) > 1000
    first = 0
    for last, moment in enumerate(accepted):
        while moment - accepted[first] >= 60.0:
            first += 1
        assert last - first + 1 <= 120


def test_the_limit_is_reached_exactly_and_frees_after_the_window() -> None:
    time = FakeClock()
    window = Window(Rate(3, 10.0), time)
    for _ in range(3):
        window.admit("o")
        time.pass_by(1.0)
    with pytest.raises(TooMany) as caught:
        window.admit("o")
    assert caught.value.code == "INGEST_RATE"
    assert caught.value.retry_after == pytest.approx(7.0)
    window.admit("other")
    time.pass_by(7.0)
    window.admit("o")


def test_what_was_accepted_before_a_restart_still_counts() -> None:
    time = FakeClock()
    window = Window(Rate(3, 10.0), time)
    window.restore("o", [9.0, 5.0, 1.0])
    with pytest.raises(TooMany):
        window.admit("o")
    time.pass_by(1.0)
    window.admit("o")


def test_memory_is_bounded_whatever_the_limit() -> None:
    time = FakeClock()
    window = Window(Rate(900_000_000, 60.0), time)
    for _ in range(50_000):
        time.pass_by(0.0001)
        window.admit("o")
    assert len(window._kept["o"]) <= 600


@pytest.mark.parametrize("text", ["", "120", "120/60", "0/60s", "-1/60s", "120/60s\n", "120/0s", "a/bs"])
def test_a_malformed_rate_is_refused(text: str) -> None:
    with pytest.raises(Invalid) as caught:
        Rate.parse(text)
    assert caught.value.code == "SETTING_INVALID"
