"""Tools: their names are what every host takes, and each is one operation's alone."""

import re

from hypothesis import given, settings
from hypothesis import strategies as st

from catalog.ai_tools import NAME_LIMIT, tool_entry, tool_name
from catalog.operations import Operation
from catalog.schemas import validator

SEGMENT = st.from_regex(r"[a-z0-9][a-z0-9_-]{0,12}", fullmatch=True)
IDS = st.lists(SEGMENT, min_size=2, max_size=6).map(".".join)
NEAR = st.lists(st.from_regex(r"[ab][_-]{0,3}", fullmatch=True), min_size=2, max_size=4).map(".".join)
NAME = re.compile(rf"[A-Za-z0-9_-]{{1,{NAME_LIMIT}}}\Z")


def unfolded(name: str) -> str:
    """The operation's id, read out of a name that was not cut."""
    plain = re.sub(r"(_)(U+)", lambda run: "\0" * (1 + len(run[2])), name)
    return plain.replace("___", "_.").replace("__", ".").replace("\0", "_")


@given(st.one_of(IDS, NEAR))
@settings(max_examples=2000, deadline=None)
def test_a_name_can_be_read_back_and_every_host_takes_it(operation_id: str) -> None:
    name = tool_name(operation_id)
    assert NAME.match(name)
    if "X" not in name:
        assert unfolded(name) == operation_id


@given(st.lists(st.one_of(NEAR, st.from_regex(r"a{60}\.[ab._]{1,12}[a-z]", fullmatch=True)), unique=True, max_size=60))
@settings(max_examples=200, deadline=None)
def test_two_operations_never_share_a_name(ids: list[str]) -> None:
    assert len({tool_name(each) for each in ids}) == len(ids)


def test_what_people_will_see() -> None:
    assert tool_name("storage.store_blob") == "storage__store_blob"
    assert tool_name("a_b.c") != tool_name("a.b_c")
    assert tool_name("plugin." + "x" * 80 + ".read").startswith("plugin__xxxx")


def test_a_write_says_that_it_only_stages_and_answers_what_it_staged() -> None:
    entry = tool_entry(Operation(id="vm.stop", title="Stop", write=True, permission="vm.manage"))
    assert entry["stages"] is True
    assert entry["description"] == "Stop. Only stages the change: nothing happens until a person applies it."
    fits = validator(entry["output_schema"])
    staged = {"staged": True, "change_id": "c", "feature": "vm.stop", "state": "pending", "controller_id": "x"}
    assert fits({**staged, "target_id": "t", "summary": "", "before": None, "after": {"on": False}})
    assert not fits(staged)
