"""What follows a replica's end."""

import pytest

from runtime.daemon.services.restarts import Next, after_end, default_policy
from runtime.daemon.spec import RestartPolicy


@pytest.mark.parametrize(
    ("policy", "good", "state"),
    [
        ("always", True, "backoff"),
        ("always", False, "backoff"),
        ("on-failure", True, "completed"),
        ("on-failure", False, "backoff"),
        ("never", True, "completed"),
        ("never", False, "failed"),
    ],
)
def test_the_policy_decides(policy: str, good: bool, state: str) -> None:
    kept = RestartPolicy(policy=policy)  # type: ignore[arg-type]  # the table above has the three words
    assert after_end(kept, good=good, attempts=0, chance=0.5).state == state


def test_pauses_double_to_five_minutes_and_spread_by_a_tenth() -> None:
    policy = RestartPolicy(policy="always", backoff=10.0)
    pauses = [after_end(policy, good=False, attempts=each, chance=0.5).pause for each in range(7)]
    assert pauses == [10.0, 20.0, 40.0, 80.0, 160.0, 300.0, 300.0]
    assert after_end(policy, good=False, attempts=10_000, chance=0.5).pause == 300.0
    assert after_end(policy, good=False, attempts=0, chance=0.0).pause == pytest.approx(9.0)
    assert after_end(policy, good=False, attempts=0, chance=1.0).pause == pytest.approx(11.0)


def test_restarts_are_exhausted_after_as_many_as_were_granted() -> None:
    policy = RestartPolicy(policy="on-failure", max_attempts=2, backoff=1.0)
    states = [after_end(policy, good=False, attempts=each, chance=0.5).state for each in range(3)]
    assert states == ["backoff", "backoff", "failed"]
    assert after_end(policy, good=True, attempts=9, chance=0.5) == Next(state="completed")


def test_commands_are_restarted_on_failure_and_others_always() -> None:
    assert default_policy("command").policy == "on-failure"
    assert default_policy("http").policy == default_policy("tcp").policy == "always"
