"""How a run walks its plan."""

import asyncio

import pytest

from catalog.jsonvalue import Json
from engine.runs import Run, RunState, StepState
from tests.engine.house import House, current, flaky


def step(value: Json, **fields: Json) -> Json:
    """A step that echoes a value."""
    return {"operation_id": "probe.echo", "params": {"value": value}, **fields}


def states(run: Run) -> list[str]:
    """The states of a run's steps."""
    return [record.state.value for record in run.steps]


async def test_a_chain_hands_outputs_on_with_their_types(home: House) -> None:
    run = await home.fire(
        [
            step("{{trigger.list}}"),
            step("{{steps.0.output.value.1}}", id="second"),
            step("n={{steps.second.output.value}} ok={{steps.second.success}} {{run.id}}"),
        ],
        {"list": [1, 2.5, {"a": None}]},
    )
    assert run.state is RunState.SUCCEEDED
    assert run.steps[0].output == {"value": [1, 2.5, {"a": None}]}
    assert run.steps[1].output == {"value": 2.5}
    assert run.steps[2].output == {"value": f"n=2.5 ok=true {run.id}"}


async def test_steps_without_needs_of_each_other_run_side_by_side(home: House) -> None:
    both = asyncio.Barrier(2)
    current().on_call = lambda value: both.wait() if value in ("a", "b") else None
    run = await home.fire(
        [step("a", id="a"), step("b", id="b", needs=[]), step("end", needs=["a", "b"])],
    )
    assert states(run) == ["succeeded"] * 3
    assert current().calls[-1] == ("echo", "end")


async def test_a_failure_ends_the_run_and_what_runs_beside_it_finishes(home: House) -> None:
    gate = current().gates["slow"] = asyncio.Event()
    current().failures["bad"] = flaky(1)
    current().on_call = lambda value: asyncio.sleep(0.05) if value == "bad" else None
    asyncio.get_running_loop().call_later(0.2, gate.set)
    run = await home.fire(
        [
            step("bad", id="bad"),
            step("slow", id="slow", needs=[]),
            step("after", needs=["slow"]),
            step("never", needs=["bad"]),
        ]
    )
    assert run.state is RunState.FAILED
    assert run.error is not None
    assert run.error.code == "TARGET_FAILED"
    assert states(run) == ["failed", "succeeded", "skipped", "skipped"]


async def test_continue_on_error_lets_what_needs_it_run_and_the_run_succeed(home: House) -> None:
    current().failures["bad"] = flaky(1)
    run = await home.fire(
        [
            step("bad", id="bad", continue_on_error=True),
            step("{{steps.bad.success}}"),
            step("{{steps.bad.output.value}}", on_missing="empty"),
        ]
    )
    assert run.state is RunState.SUCCEEDED
    assert states(run) == ["failed", "succeeded", "succeeded"]
    assert run.steps[1].output == {"value": False}
    assert run.steps[2].output == {"value": None}
    assert run.steps[2].missing == ("steps.bad.output.value",)


async def test_a_missing_reference_fails_the_step_or_skips_it_as_its_author_says(home: House) -> None:
    run = await home.fire([step("{{trigger.no.where}}", on_missing="skip"), step("next")])
    assert states(run) == ["skipped", "skipped"]
    assert run.state is RunState.SUCCEEDED
    run = await home.fire([step("{{trigger.no.where}}")])
    assert run.state is RunState.FAILED
    assert run.steps[0].error is not None
    assert run.steps[0].error.code == "TEMPLATE_MISSING"


async def test_if_skips_a_step_and_what_needs_it_unless_join_says_any(home: House) -> None:
    run = await home.fire(
        [
            step("yes", id="yes", needs=[], **{"if": [{"field": "trigger.n", "operator": "gt", "value": 1}]}),
            step("no", id="no", needs=[], **{"if": [{"field": "trigger.n", "operator": "lte", "value": 1}]}),
            step("of no", needs=["no"]),
            step("all", needs=["yes", "no"]),
            step("any", needs=["yes", "no"], join="any"),
            step("last"),
        ],
        {"n": 2},
    )
    assert states(run) == ["succeeded", "skipped", "skipped", "skipped", "succeeded", "succeeded"]
    assert run.state is RunState.SUCCEEDED


async def test_if_looks_at_the_output_of_a_step_it_needs(home: House) -> None:
    condition = [{"field": "steps.first.output.value", "operator": "eq", "value": "go"}]
    for value, state in (("go", "succeeded"), ("stay", "skipped")):
        run = await home.fire([step(value, id="first"), step("second", **{"if": condition})])
        assert states(run)[1] == state


async def test_retry_repeats_until_it_works_with_one_delivery_id(home: House) -> None:
    current().failures["x"] = flaky(2)
    run = await home.fire([step("x", retry={"max_attempts": 3, "delay": "1ms"})])
    assert run.state is RunState.SUCCEEDED
    assert run.steps[0].attempts == 3
    assert len(set(current().deliveries)) == 1


async def test_retry_gives_up_after_its_attempts_and_keeps_to_the_codes_it_names(home: House) -> None:
    current().failures["x"] = flaky(9)
    run = await home.fire([step("x", retry={"max_attempts": 3, "delay": "1ms"})])
    assert (run.state, run.steps[0].attempts) == (RunState.FAILED, 3)
    current().failures["x"] = flaky(9)
    run = await home.fire([step("x", retry={"max_attempts": 3, "delay": "1ms", "on": ["OTHER"]})])
    assert run.steps[0].attempts == 1


async def test_a_step_that_outlasts_its_timeout_fails_and_later_steps_keep_their_own(home: House) -> None:
    current().gates["hang"] = asyncio.Event()
    run = await home.fire([step("hang", timeout="50ms", continue_on_error=True), step("next", timeout="5s")])
    assert states(run) == ["failed", "succeeded"]
    assert run.steps[0].error is not None
    assert run.steps[0].error.code == "STEP_TIMEOUT"


async def test_a_run_that_outlasts_its_timeout_fails(home: House) -> None:
    current().gates["hang"] = asyncio.Event()
    run = await home.fire([step("hang"), step("next")], timeout="60ms")
    assert run.state is RunState.FAILED
    assert run.error is not None
    assert run.error.code == "RUN_TIMEOUT"
    assert states(run) == ["failed", "skipped"]


async def test_foreach_gives_a_list_in_order_and_never_more_side_by_side_than_it_says(home: House) -> None:
    now, most = 0, 0

    async def watch() -> None:
        nonlocal now, most
        now += 1
        most = max(most, now)
        await asyncio.sleep(0.005)
        now -= 1

    current().on_call = lambda _value: watch()
    run = await home.fire(
        [step("{{row.id}}", foreach={"in": "{{trigger.rows}}", "as": "row", "max_parallel": 3})],
        {"rows": [{"id": number} for number in range(20)]},
    )
    assert run.steps[0].output == [{"value": number} for number in range(20)]
    assert most == 3
    assert len(set(current().deliveries)) == 20


@pytest.mark.parametrize(("rows", "code"), [("text", "FOREACH_NOT_A_LIST"), (list(range(5)), "FOREACH_TOO_MANY")])
async def test_foreach_refuses_what_is_no_list_or_too_long(home: House, rows: Json, code: str) -> None:
    run = await home.fire([step("{{item}}", foreach={"in": "{{trigger.rows}}", "max_items": 4})], {"rows": rows})
    assert run.steps[0].error is not None
    assert run.steps[0].error.code == code


async def test_a_crash_in_an_operation_is_that_steps_failure_and_nobody_elses(home: House) -> None:
    current().failures["boom"] = [ZeroDivisionError("secret detail")]
    run = await home.fire([step("boom", continue_on_error=True), step("next")])
    assert states(run) == ["failed", "succeeded"]
    assert run.steps[0].error is not None
    assert run.steps[0].error.code == "STEP_CRASHED"
    assert "secret detail" not in run.steps[0].error.message


async def test_an_output_over_256_kib_fails_its_step(home: House) -> None:
    run = await home.fire([step("{{trigger.big}}")], {"big": "x" * (256 * 1024)})
    assert run.steps[0].error is not None
    assert run.steps[0].error.code == "OUTPUT_TOO_LARGE"


async def test_an_artifact_reaches_only_a_step_that_accepts_it_from_the_nearest_producer(home: House) -> None:
    run = await home.fire(
        [
            {"operation_id": "probe.picture", "params": {"value": 1}, "id": "far"},
            {"operation_id": "probe.picture", "params": {"value": 2}, "id": "near"},
            step("no picture here"),
            {"operation_id": "probe.look", "params": {}},
        ]
    )
    assert run.state is RunState.SUCCEEDED, run.error
    near = run.steps[1].artifact
    assert near is not None
    assert run.steps[3].output == {"value": near.sha256}
    assert run.steps[2].artifact is None


async def test_a_denied_step_keeps_its_number(home: House) -> None:
    run = await home.fire([step("a"), step("b"), step("{{steps.1.output.value}}")])
    assert [record.index for record in run.steps] == [0, 1, 2]
    assert all(record.state is StepState.SUCCEEDED for record in run.steps)
