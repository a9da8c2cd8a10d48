"""What non-authors see, and what nobody sees."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from catalog.errors import Invalid
from catalog.jsonvalue import Json
from engine.redaction import HIDDEN, SECRET, hide_secrets, hide_values, redacted_source, refuse_redacted

CANARY = "canary-5e3f"


def test_a_redacted_connection_keeps_operation_ids_and_hides_every_param() -> None:
    source = {
        "name": "n",
        "source_event": "a.b.c",
        "conditions": [{"field": "trigger.x", "operator": "eq", "value": CANARY}],
        "steps": [
            {"operation_id": "fabric.webhook", "id": "out", "params": {"url": CANARY}, "if": [{"value": CANARY}]},
            {"operation_id": "fabric.log", "foreach": {"in": CANARY}},
        ],
    }
    shown = redacted_source(source)
    assert CANARY not in repr(shown)
    assert [step["operation_id"] for step in shown["steps"]] == ["fabric.webhook", "fabric.log"]
    assert all(step["params"] == HIDDEN for step in shown["steps"])
    with pytest.raises(Invalid) as caught:
        refuse_redacted(shown)
    assert caught.value.code == "REDACTED_COPY"


def test_secrets_are_hidden_where_the_template_put_them_and_the_original_stays() -> None:
    params: Json = {"headers": {"a/b": "x", "Auth~1": CANARY}, "list": [CANARY, "kept"]}
    hidden = hide_secrets(params, ["/headers/Auth~01", "/list/0"])
    assert hidden == {"headers": {"a/b": "x", "Auth~1": SECRET}, "list": [SECRET, "kept"]}
    assert params["headers"]["Auth~1"] == CANARY


def test_a_secret_that_comes_back_is_hidden_wherever_it_stands() -> None:
    echoed = {"headers": [f"Bearer {CANARY}"], CANARY: {"short": "pw", "word": "pwned"}, "kept": 5}
    assert hide_values(echoed, [CANARY, "pw"]) == {
        "headers": [f"Bearer {SECRET}"],
        SECRET: {"short": SECRET, "word": "pwned"},
        "kept": 5,
    }
    assert CANARY in echoed


json_values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(), inner, max_size=4),
    max_leaves=20,
)


@given(json_values, st.lists(st.text(alphabet="/~01abc"), max_size=3))
def test_a_pointer_that_leads_nowhere_changes_nothing_else(value: object, segments: list[str]) -> None:
    pointer = "".join(f"/{each.replace('~', '~0').replace('/', '~1')}" for each in segments)
    hidden = hide_secrets(value, [pointer])
    assert hidden == value or SECRET in repr(hidden)
