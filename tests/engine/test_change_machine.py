"""Pending changes against a model: every face that moves one, in any order, over restarts and failures."""

import pytest
import structlog
from hypothesis import HealthCheck, settings
from hypothesis.stateful import run_state_machine_as_test

from tests.engine.change_machine import ChangeMachine

EXAMPLES, STEPS = 200, 100


@pytest.mark.promise("W1", "W2", "W3", "W4", "W8", count=EXAMPLES * STEPS)
def test_a_change_is_applied_at_most_once_by_a_person_who_saw_it_and_every_move_is_told() -> None:
    chosen = settings(
        max_examples=EXAMPLES,
        stateful_step_count=STEPS,
        deadline=None,
        suppress_health_check=list(HealthCheck),
        print_blob=True,
    )
    with structlog.testing.capture_logs():
        run_state_machine_as_test(ChangeMachine, settings=chosen)
