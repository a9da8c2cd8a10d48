"""The compiler's meaning checks that are about more than one line, and what the Plan holds."""

import pytest

import connections
from catalog.authority import Author
from catalog.catalog import Catalog
from catalog.errors import ConnectionInvalid
from catalog.jsonvalue import Json
from catalog.operations import Operation, Tier
from connections.plan import Plan
from tests.connections.world import AUTHOR, CONTROLLERS, OURS, native_catalog, operation, small_catalog

_PAYLOAD: Json = {
    "type": "object",
    "properties": {
        "always": {"type": "string"},
        "maybe": {"type": "string"},
        "list": {"type": "array", "items": {"type": "object", "properties": {"x": {"type": "integer"}}}},
    },
    "required": ["always", "list"],
    "additionalProperties": False,
}
_OPEN = operation("a.open")
_NUMBER = operation("a.number", {"n": {"type": "integer"}})
_GIVES = Operation(
    id="a.gives",
    title="Gives",
    output_schema={"type": "object", "properties": {"n": {"type": "integer"}}, "required": ["n"]},
    produces=("image/jpeg",),
)
_TAKES = operation("a.takes", accepts=("image/*",))
_SECRET = operation(
    "a.secret",
    {
        "open": {"type": "string"},
        "token": {"type": "string", "x-fabric-secret": True},
        "map": {"type": "object", "additionalProperties": {"type": "string"}, "x-fabric-secret": True},
        "url": {"type": "string", "format": "uri"},
        "maybe_url": {"anyOf": [{"type": "string", "format": "uri"}, {"type": "null"}]},
    },
)
_CATALOG = small_catalog(_OPEN, _NUMBER, _GIVES, _TAKES, _SECRET, payload=_PAYLOAD)


def _compile(*steps: Json, catalog: Catalog = _CATALOG, author: Author | None = None, **rest: Json) -> Plan:
    source = {"name": "t", "source_event": "test.event", "steps": list(steps), **rest}
    return connections.compile(source, catalog, author=author, targets=CONTROLLERS if author else None)


def _errors(*steps: Json, **rest: Json) -> list[tuple[str, str]]:
    with pytest.raises(ConnectionInvalid) as caught:
        _compile(*steps, **rest)
    return [(each.code, each.pointer) for each in caught.value.diagnostics]


def _warned(*steps: Json, **rest: Json) -> list[str]:
    return [each.pointer for each in _compile(*steps, **rest).warnings]


def _step(message: str, **rest: Json) -> Json:
    return {"operation_id": "a.open", "params": {"m": message}, **rest}


def test_a_field_that_may_be_missing_is_warned_of_until_somebody_decides() -> None:
    assert _warned(_step("{{trigger.always}}")) == []
    assert _warned(_step("{{trigger.maybe}}")) == ["/steps/0/params/m"]
    assert _warned(_step("{{trigger.maybe}}", on_missing="error")) == []
    asks = {"field": "trigger.maybe", "operator": "exists"}
    assert _warned(_step("{{trigger.maybe}}"), conditions=[asks]) == []
    assert _warned(_step("{{trigger.maybe}}"), conditions=[{"all": [asks]}]) == []
    assert _warned(_step("{{trigger.maybe}}", **{"if": [asks]})) == []
    assert _warned(_step("{{trigger.maybe}}"), conditions=[{"any": [asks]}]) == ["/steps/0/params/m"]
    absent = {"field": "trigger.maybe", "operator": "not_exists"}
    assert _warned(_step("{{trigger.maybe}}"), conditions=[absent]) == ["/steps/0/params/m"]


def test_a_step_that_may_have_failed_may_have_no_output() -> None:
    gives: Json = {"id": "g", "operation_id": "a.gives"}
    looks = _step("{{steps.g.output.n}}", id="l")
    assert _warned(gives, looks) == []
    assert _warned({**gives, "continue_on_error": True}, looks) == ["/steps/1/params/m"]
    either = [gives, {**gives, "id": "h", "needs": []}, {**looks, "needs": ["g", "h"], "join": "any"}]
    assert _warned(*either) == ["/steps/2/params/m"]
    both = [gives, {**gives, "id": "h"}, {**looks, "needs": ["g", "h"], "join": "any"}]
    assert _warned(*both) == []


def test_with_several_events_a_field_is_impossible_only_if_none_has_it() -> None:
    sources: Json = {"source_event": ["cameras.event.motion", "device.status.changed"]}
    log = {"operation_id": "fabric.log", "on_missing": "empty"}
    for field in ("camera_id", "device_id"):
        _compile({**log, "params": {"message": f"{{{{trigger.{field}}}}}!"}}, catalog=native_catalog(), **sources)
    found = _errors({**log, "params": {"message": "{{trigger.nowhere}}"}}, catalog=native_catalog(), **sources)
    assert found == [("TEMPLATE_UNKNOWN_FIELD", "/steps/0/params/message")]


def test_types_that_can_never_fit_are_refused_and_others_are_not() -> None:
    gives: Json = {"id": "g", "operation_id": "a.gives"}
    _compile(gives, {"operation_id": "a.number", "params": {"n": "{{steps.g.output.n}}"}})
    wrong = {"operation_id": "a.number", "params": {"n": "{{trigger.always}}"}}
    assert _errors(wrong) == [("PARAM_TYPE", "/steps/0/params/n")]
    text = {"operation_id": "a.number", "params": {"n": "{{steps.g.output.n}} "}}
    assert _errors(gives, text) == [("PARAM_TYPE", "/steps/1/params/n")]


def test_foreach_knows_its_items() -> None:
    each: Json = {"in": "{{trigger.list}}", "as": "row"}
    number = {"operation_id": "a.number", "foreach": each}
    plan = _compile({**number, "params": {"n": "{{row.x}}"}, "on_missing": "error"})
    planned = plan.steps[0].foreach
    assert planned is not None
    assert (planned.as_, planned.max_parallel, planned.max_items) == ("row", 4, 1000)
    assert planned.in_.render({"trigger": {"list": [1]}}) == [1]
    assert _errors({**number, "params": {"n": "{{row}}"}}) == [("PARAM_TYPE", "/steps/0/params/n")]
    assert _errors({**number, "params": {"n": "{{item.x}}"}}) == [("TEMPLATE_UNKNOWN_ROOT", "/steps/0/params/n")]
    listed = [{"id": "g", "operation_id": "a.gives", "foreach": each}, _step("{{steps.g.output.0.n}}")]
    assert _warned(*listed) == ["/steps/1/params/m"]
    assert _errors(listed[0], _step("{{steps.g.output.n}}")) == [("TEMPLATE_UNKNOWN_FIELD", "/steps/1/params/m")]
    inside = {**number, "foreach": {"in": "{{row.x}}", "as": "row"}}
    assert _errors(inside) == [("TEMPLATE_UNKNOWN_ROOT", "/steps/0/foreach/in")]
    mixed = {**number, "foreach": {"in": "{{trigger.list}} "}}
    assert _errors(mixed) == [("SCHEMA_PATTERN", "/steps/0/foreach/in")]


def test_an_artifact_comes_from_the_nearest_producer_that_fits() -> None:
    gives, takes = {"operation_id": "a.gives"}, {"operation_id": "a.takes"}
    plan = _compile({**gives, "id": "far"}, {**gives, "id": "near"}, {"operation_id": "a.open"}, takes)
    assert [step.artifact_from for step in plan.steps] == [(), (), (), (1, 0)]
    assert _errors(takes) == [("ARTIFACT_REQUIRED", "/steps/0/operation_id")]
    beside = [{**gives, "id": "g"}, {**takes, "needs": []}]
    assert _errors(*beside) == [("ARTIFACT_REQUIRED", "/steps/1/operation_id")]
    many = {**gives, "foreach": {"in": "{{trigger.list}}"}}
    assert _errors(many, takes) == [("ARTIFACT_REQUIRED", "/steps/1/operation_id")]


def test_the_events_artifact_reaches_only_steps_that_accept_it() -> None:
    store = {"operation_id": "storage.store_blob", "params": {"controller_id": OURS, "path": "x"}}
    snapshot: Json = {"operation_id": "cameras.snapshot", "params": {"controller_id": OURS, "camera_id": "c"}}
    plan = _compile(
        {"operation_id": "fabric.log"}, snapshot, store, catalog=native_catalog(), source_event="cameras.event.person"
    )
    assert [step.artifact_from for step in plan.steps] == [(), (), (1, "trigger")]


def test_secrets_stand_only_where_the_schema_says_so() -> None:
    secret: Json = {"operation_id": "a.secret"}
    allowed = {"token": "Bearer {{secrets.t}}", "map": {"k": "{{secrets.u}}"}, "url": "{{secrets.hook}}"}
    plan = _compile({**secret, "params": allowed})
    assert plan.uses_secrets == {"t", "u", "hook"}
    assert plan.steps[0].template.secret_pointers == {"/token", "/map/k", "/url"}
    for name, value in (("open", "{{secrets.t}}"), ("open", "x{{secrets.t}}")):
        refused = _errors({**secret, "params": {name: value}})
        assert refused == [("TEMPLATE_UNKNOWN_ROOT", f"/steps/0/params/{name}")]
    assert _errors({**secret, "params": {"token": "{{secrets}}"}}) == [
        ("TEMPLATE_UNKNOWN_FIELD", "/steps/0/params/token")
    ]
    assert _errors({**secret, "params": {"token": "{{secrets.a.b}}"}}) == [
        ("TEMPLATE_UNKNOWN_FIELD", "/steps/0/params/token")
    ]
    assert _errors(_step("x", foreach={"in": "{{secrets.list}}"})) == [("TEMPLATE_UNKNOWN_ROOT", "/steps/0/foreach/in")]


@pytest.mark.parametrize(
    "url",
    ["{{trigger.always}}", "https://{{trigger.always}}/", "https://a{{trigger.always}}", "https://a.example:{{run.id}}/",
     "{{trigger.always}}://a.example/", "https://{{secrets.t}}/x", "//a.example/{{run.id}}"],
)  # fmt: skip
@pytest.mark.parametrize("name", ["url", "maybe_url"])
def test_no_payload_chooses_the_host(name: str, url: str) -> None:
    codes = {code for code, _ in _errors({"operation_id": "a.secret", "params": {name: url}})}
    assert "TEMPLATE_IN_URL_HOST" in codes


def test_path_and_query_may_be_templated() -> None:
    for url in (
        "https://a.example/{{trigger.always}}",
        "https://a.example?x={{run.id}}",
        "http://a.example:8080/{{run.id}}",
    ):
        _compile({"operation_id": "a.secret", "params": {"url": url}})


def test_a_plugins_write_is_refused_at_authoring_even_if_it_slipped_into_the_catalog() -> None:
    sly = Operation(id="plugin.sly.set", title="Sly", tier=Tier.PLUGIN, write=True, permission="plugin.sly")
    catalog = small_catalog(_OPEN)
    catalog.operations = {**catalog.operations, sly.id: sly}
    params = {"controller_id": OURS}
    found = _errors({"operation_id": sly.id, "params": params}, catalog=catalog)
    assert found == [("PLUGIN_WRITE_FORBIDDEN", "/steps/0/operation_id")]


@pytest.mark.parametrize("change", [{"org_admin": False}, {"scoped": True}, {"active": False}])
def test_only_an_active_unscoped_org_admin_authors(change: Json) -> None:
    author = Author(**{**{name: getattr(AUTHOR, name) for name in AUTHOR.__struct_fields__}, **change})
    assert _errors(_step("x"), author=author) == [("AUTHOR_FORBIDDEN", "")]


def test_a_permissionless_operation_is_allowed_only_as_a_native_sink() -> None:
    plugin = Operation(id="plugin.x.read", title="X", tier=Tier.PLUGIN)
    write = operation("a.write", write=True)
    catalog = small_catalog(_OPEN, plugin, write)
    _compile(_step("x"), catalog=catalog, author=AUTHOR)
    for name in ("plugin.x.read", "a.write"):
        found = _errors({"operation_id": name, "params": {"controller_id": OURS}}, catalog=catalog, author=AUTHOR)
        assert found == [("PERMISSION_DENIED", "/steps/0/operation_id")]


def test_offline_permissions_and_controllers_are_left_to_the_server() -> None:
    stop = {"operation_id": "hypervisor.vm.stop", "params": {"controller_id": OURS.replace("3", "4"), "vm_id": 1}}
    source: Json = {"source_event": "device.status.changed", "catalog": native_catalog()}
    _compile(stop, **source)
    assert _errors(stop, **source, author=AUTHOR) == [("CROSS_TENANT_TARGET", "/steps/0/params/controller_id")]


def test_what_only_a_full_validator_knows_is_found_too() -> None:
    odd = Operation(
        id="a.odd", title="Odd", input_schema={"type": "object", "minProperties": 1, "not": {"required": ["x"]}}
    )
    catalog = small_catalog(odd)
    _compile({"operation_id": "a.odd", "params": {"y": 1}}, catalog=catalog)
    assert _errors({"operation_id": "a.odd", "params": {"x": 1}}, catalog=catalog) == [
        ("PARAM_TYPE", "/steps/0/params")
    ]


def test_parameters_of_several_kinds_are_judged_by_the_kind_that_comes_nearest() -> None:
    union = {"anyOf": [{"type": "integer", "minimum": 1}, {"type": "object", "properties": {"a": {"type": "string"}}}]}
    catalog = small_catalog(operation("a.union", {"u": union}))

    def judged(value: Json) -> list[tuple[str, str]]:
        return _errors({"operation_id": "a.union", "params": {"u": value}}, catalog=catalog)

    assert judged(0) == [("PARAM_RANGE", "/steps/0/params/u")]
    assert judged({"a": 1}) == [("PARAM_TYPE", "/steps/0/params/u/a")]
    assert judged("x") == [("PARAM_TYPE", "/steps/0/params/u")]


def test_the_plan_holds_what_was_decided() -> None:
    plan = _compile(
        {"id": "a", "operation_id": "a.gives", "retry": {"max_attempts": 5, "delay": "250ms", "on": ["X"]}},
        _step("{{steps.a.output.n}}", timeout="5m", continue_on_error=True, on_missing="skip"),
        conditions=[{"field": "trigger.always", "operator": "eq", "value": "x"}],
        cooldown_seconds=60,
        max_rate="10/m",
        timeout="1h",
    )
    assert (plan.name, plan.cooldown_seconds, plan.max_rate, plan.timeout) == ("t", 60, (10, 60.0), 3600.0)
    assert plan.equality_terms == ((("always",), "x"),)
    assert plan.condition is not None
    assert plan.condition.holds({"trigger": {"always": "x"}})
    assert [each.text for each in plan.source_patterns] == ["test.event"]
    assert (plan.is_chain, plan.roots, plan.order) == (True, (0,), (0, 1))
    assert plan.uses_roots == {"steps"}
    first, second = plan.steps
    retry = first.retry
    assert retry is not None
    assert (retry.max_attempts, retry.delay, retry.max_delay, retry.backoff, retry.on) == (
        5, 0.25, 30.0, "exponential", frozenset({"X"}),
    )  # fmt: skip
    assert (first.timeout, first.on_missing, first.dependents, second.needs) == (30.0, "error", (1,), (0,))
    assert (second.timeout, second.continue_on_error, second.on_missing, second.join) == (300.0, True, "skip", "all")
    assert plan.graph.nodes[0]["step"] is first


def test_a_branch_is_no_chain() -> None:
    plan = _compile(_step("x", id="a"), _step("x", id="b", needs=[]), _step("x", needs=["a", "b"]))
    assert (plan.is_chain, plan.roots, plan.steps[2].needs) == (False, (0, 1), (0, 1))


def test_networkx_is_imported_only_where_a_graph_is_asked_for() -> None:
    import subprocess
    import sys

    code = (
        "import connections, sys; connections.load('{name: t, source_event: a.b, steps: [{operation_id: a.b}]}'); "
        "assert 'networkx' not in sys.modules"
    )
    subprocess.run([sys.executable, "-c", code], check=True)
