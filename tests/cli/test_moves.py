"""What `fabric diff` finds: pure, two sets in and a plan out."""

from pathlib import Path

from api.cli.change_view import difference
from api.cli.moves import HIDDEN, Action, Local, plan_moves
from catalog.jsonvalue import Json

STEPS: Json = [{"operation_id": "fabric.log", "params": {"message": "a"}}]


def local(**source: Json) -> Local:
    return Local(file=Path("x.yaml"), content=b"", source={"source_event": "a.b", "steps": STEPS, **source})


def remote(**facts: Json) -> Json:
    """As REST shows it."""
    shown = {"id": "1", "revision": 3, "enabled": True, "author_id": "u", "created_at": "…", "updated_at": "…"}
    return {**shown, "source_event": "a.b", "steps": STEPS, **facts}


def test_what_is_on_one_side_only_comes_or_goes() -> None:
    moves = plan_moves({"new": local(name="new")}, {"old": remote(name="old")}, prune=True)
    assert [(each.action, each.name) for each in moves] == [(Action.CREATE, "new"), (Action.DELETE, "old")]


def test_without_prune_nothing_is_deleted() -> None:
    assert plan_moves({}, {"old": remote(name="old")}, prune=False) == []


def test_what_is_alike_stays_whatever_the_server_adds() -> None:
    moves = plan_moves({"x": local(name="x")}, {"x": remote(name="x", broken=[{"code": "OP_UNKNOWN"}])}, prune=True)
    assert [each.action for each in moves] == [Action.KEEP]


def test_defaults_written_out_are_no_difference() -> None:
    written = local(name="x", enabled=True, description="", cooldown_seconds=0)
    assert [each.action for each in plan_moves({"x": written}, {"x": remote(name="x")}, prune=True)] == [Action.KEEP]


def test_a_change_names_the_field_and_both_values() -> None:
    changed = local(name="x", steps=[{"operation_id": "fabric.log", "params": {"message": "b"}}], cooldown_seconds=5)
    (move,) = plan_moves({"x": changed}, {"x": remote(name="x", description="gone")}, prune=False)
    assert move.action is Action.CHANGE
    assert set(move.lines) == {
        ("-", 'description: "gone"'),
        ("+", "cooldown_seconds: 5"),
        ("~", 'steps[0].params.message: "a" → "b"'),
    }


def test_a_patch_empties_what_the_file_no_longer_says() -> None:
    (move,) = plan_moves(
        {"x": local(name="x")}, {"x": remote(name="x", description="gone", labels={"a": "b"})}, prune=False
    )
    assert move.patch["description"] is None
    assert move.patch["labels"] is None
    assert move.patch["steps"] == STEPS
    assert "id" not in move.patch
    assert "revision" not in move.patch


def test_a_connection_that_was_disabled_on_the_server_is_a_difference() -> None:
    (move,) = plan_moves({"x": local(name="x")}, {"x": remote(name="x", enabled=False)}, prune=False)
    assert move.action is Action.CHANGE
    assert move.lines == (("-", "enabled: false"),)
    assert move.patch["enabled"] is None


def test_hidden_params_are_said_to_be_hidden() -> None:
    (move,) = plan_moves({"x": local(name="x")}, {"x": remote(name="x", redacted=True)}, prune=False)
    assert (move.action, move.lines) == (Action.CHANGE, (("~", HIDDEN),))


def test_a_difference_shows_what_comes_goes_changes_and_stays() -> None:
    before = {"kind": "file", "size": 3, "tags": ["a", "b"], "old": True}
    after = {"kind": "file", "size": 4, "tags": ["a", "c"], "new": None}
    assert list(difference(before, after)) == [
        (" ", 'kind: "file"'),
        ("~", "size: 3 → 4"),
        (" ", 'tags[0]: "a"'),
        ("~", 'tags[1]: "b" → "c"'),
        ("-", "old: true"),
        ("+", "new: null"),
    ]


def test_a_state_that_cannot_be_read_shows_only_what_is_known() -> None:
    assert list(difference(None, {"a": 1})) == [("+", "a: 1")]
    assert list(difference(None, None)) == []
    assert list(difference("on", "off")) == [("~", 'state: "on" → "off"')]
