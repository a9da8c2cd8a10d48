"""A scenario that expects what does not happen fails, and says where: each kind of expectation is seen to bite."""

from pathlib import Path

import pytest

from api.scenarios.play import Outcome, play
from api.scenarios.reading import read_scenario

SAMPLES = Path(__file__).parents[2] / "samples"


async def outcome(sample: str, old: str, new: str, tmp_path: Path) -> Outcome:
    """The sample's scenario with one thing written otherwise."""
    for each in (SAMPLES / sample).iterdir():
        (tmp_path / each.name).write_bytes(each.read_bytes())
    file = tmp_path / "scenario.yaml"
    text = file.read_text()
    assert old in text
    file.write_text(text.replace(old, new, 1))
    return await play(read_scenario(file, file.read_bytes()), file)


WRONG = [
    ("device-webhook", "- state: succeeded", "- state: failed", 'runs[0].state: expected "failed", got "succeeded"'),
    ("device-webhook", '"0": {state: succeeded}', '"0": {state: staged}', "steps.0.state"),
    (
        "device-webhook",
        "status: 200, ok: true",
        "status: 204, ok: true",
        "steps.1.output.status: expected 204, got 200",
    ),
    ("device-webhook", '"0": {', '"7": {', "steps.7: expected"),
    ("device-webhook", "path: /webhook/freesdn", "path: /elsewhere", 'path: expected "/elsewhere"'),
    ("device-webhook", "method: POST", "method: PUT", "calls[0].method"),
    ("device-webhook", "logged: true", "logged: false", "calls[0].body.logged: expected false, got true"),
    ("device-webhook", "content-type: application/json", "content-type: text/plain", "calls[0].headers.content-type"),
    ("device-webhook", "changes: []", "changes: [{}]", "changes: expected 1 of them, got 0: none"),
    ("flaky-receiver", "attempts: 3", "attempts: 2", "attempts: expected 2, got 3"),
    ("flaky-receiver", "error: WEBHOOK_STATUS", "error: EGRESS_TIMEOUT", "then[0].expect.runs[0].steps.page.error"),
    ("motion-to-store", "reason: cooldown", "reason: rate", "then[0].expect.runs[0].reason"),
    ("motion-to-store", "before: {kind: absent}", "before: {kind: file}", "changes[0].before.kind"),
    ("motion-to-store", "media_type: image/jpeg, size: 1054", "media_type: image/png", "artifact.media_type"),
    ("motion-to-store", "title: Motion at Porch", "title: Motion", "notifications[0].title"),
    ("motion-to-store", "same_as: motion.jpg", "same_as: README.md", "same_as: expected"),
    ("motion-to-store", "porch/*.jpg", "porch/*.png", "files[0]: expected"),
    ("order-desk", "absent: true", "text: x", "files[0]: expected"),
    ("order-desk", "path: orders/A-17.json, absent", "path: orders/A-18.json, absent", "files[0]: expected"),
    ("order-desk", "refused: CHANGE_DRIFTED", "refused: CHANGE_STALE", "then[2].expect.refused"),
    ("order-desk", "{state: drifted}]", "{state: applied}]", "then[2].expect.changes"),
    ("order-desk", "total: 42.5}}]\n  - apply: [1]", "total: 42}}]\n  - apply: [1]", "files[0].json.total"),
    ("order-desk", 'text: \'{"order":"A-18"}\'', "text: other", "files[0].text"),
    ("order-desk", "written: true}", "written: false}", "outcome.written"),
    ("order-desk", "controller: desk, state: pending", "controller: nas, state: pending", None),
]


@pytest.mark.parametrize(("sample", "old", "new", "told"), WRONG, ids=[f"{each[0]}-{each[2]}" for each in WRONG])
async def test_a_wrong_expectation_is_told(sample: str, old: str, new: str, told: str | None, tmp_path: Path) -> None:
    if told is None:
        with pytest.raises(Exception, match="is not a scenario"):
            await outcome(sample, old, new, tmp_path)
        return
    went = await outcome(sample, old, new, tmp_path)
    assert not went.passed
    assert any(told in str(each) for each in went.mismatches), [str(each) for each in went.mismatches]


async def test_a_connection_that_does_not_compile_is_told_with_its_diagnostics(tmp_path: Path) -> None:
    for each in (SAMPLES / "device-webhook").iterdir():
        (tmp_path / each.name).write_bytes(each.read_bytes())
    connection = tmp_path / "connection.yaml"
    connection.write_text(connection.read_text().replace("fabric.log", "fabric.lgo"))
    file = tmp_path / "scenario.yaml"
    went = await play(read_scenario(file, file.read_bytes()), file)
    assert went.problem is not None
    assert went.problem.code == "CONNECTION_INVALID"


async def test_an_unforeseen_refusal_is_told(tmp_path: Path) -> None:
    went = await outcome("order-desk", "      refused: CHANGE_DRIFTED\n", "", tmp_path)
    assert went.problem is not None
    assert went.problem.code == "CHANGE_DRIFTED"


async def test_read_only_refuses_to_apply(tmp_path: Path) -> None:
    went = await outcome("change-follow-up", "controllers:", "read_only: true\ncontrollers:", tmp_path)
    assert went.problem is not None
    assert went.problem.code in ("READ_ONLY", "SCENARIO_FILE")


async def test_a_change_that_was_never_staged_cannot_be_applied(tmp_path: Path) -> None:
    went = await outcome("order-desk", "- apply: [0]", "- apply: [9]", tmp_path)
    assert went.problem is not None
    assert went.problem.code == "SCENARIO_CHANGE"


async def test_runs_that_do_not_end_in_time_are_told(tmp_path: Path) -> None:
    slow = "answers: [{delay: 1.5, status: 200"
    for each in (SAMPLES / "device-webhook").iterdir():
        (tmp_path / each.name).write_bytes(each.read_bytes())
    file = tmp_path / "scenario.yaml"
    text = file.read_text().replace("answers: [{status: 200", slow)
    for seconds, problem in (("0.3", "SCENARIO_SLOW"), ("20", None)):
        file.write_text(f"seconds: {seconds}\n{text}")
        went = await play(read_scenario(file, file.read_bytes()), file)
        assert (went.problem.code if went.problem else None) == problem
