"""Reading services: the forms that are taken, and everything that is wrong at once."""

import tomllib
from collections.abc import Mapping

import pytest
from hypothesis import given
from hypothesis import strategies as st

from catalog.errors import Invalid
from catalog.jsonvalue import Json
from runtime.daemon.reading import read_service
from runtime.daemon.spec import Port, Replicas, RestartPolicy, ServiceSpec, VolumeUse
from runtime.daemon.writing import HIDDEN, merge_patch, patched, write_service
from runtime.forms.workload import HealthCheck, Resources

SEED: dict[str, Json] = {
    "name": "api-service",
    "image": "wasm://my-api:v1.0.0",
    "networks": ["application"],
    "environment": {"DATABASE_URL": "postgres://localhost/mydb", "LOG_LEVEL": "info"},
    "ports": [{"host": 8080, "container": 8080}],
    "volumes": [{"source": "api-data", "target": "/data"}],
    "resources": {"memory": "512Mi", "cpu": 1.0},
    "replicas": {"min": 2, "max": 10},
    "health_check": {"type": "http", "path": "/health", "interval": "30s", "timeout": "5s", "retries": 3},
    "restart_policy": {"policy": "on-failure", "max_attempts": 3, "backoff": "10s"},
}
SEED_SPEC = ServiceSpec(
    name="api-service",
    image="wasm://my-api:v1.0.0",
    networks=("application",),
    environment={"DATABASE_URL": "postgres://localhost/mydb", "LOG_LEVEL": "info"},
    ports=(Port(host=8080, container=8080),),
    volumes=(VolumeUse(source="api-data", target="/data"),),
    resources=Resources(memory=512 * 1024**2, cpu=1.0),
    replicas=Replicas(min=2, max=10),
    health_check=HealthCheck(type="http", path="/health", interval=30.0, timeout=5.0, retries=3),
    restart_policy=RestartPolicy(policy="on-failure", max_attempts=3, backoff=10.0),
)
TOML = """
name = "api-service"
image = "wasm://my-api:v1.0.0"
networks = ["application"]
ports = ["8080:8080"]
volumes = { api-data = "/data" }
environment = { DATABASE_URL = "postgres://localhost/mydb", LOG_LEVEL = "info" }
resources = { memory = "512Mi", cpu = 1.0 }
replicas = { min = 2, max = 10 }
restart = { policy = "on-failure", max_attempts = 3, backoff = "10s" }
[health_check.http]
path = "/health"
interval = "30s"
timeout = "5s"
retries = 3
"""


def _wrong(document: Mapping[str, Json]) -> dict[str, str]:
    with pytest.raises(Invalid) as raised:
        read_service(document)
    assert raised.value.code == "INVALID_REQUEST"
    return {each["field"]: each["problem"] for each in raised.value.details["fields"]}


def test_the_seeds_request_and_mortars_toml_are_the_same_service() -> None:
    assert read_service(SEED) == SEED_SPEC
    assert read_service(tomllib.loads(TOML)) == SEED_SPEC


def test_scalars_are_taken_in_every_form() -> None:
    plain = {"name": "a", "image": "b"}
    spec = read_service({
        **plain,
        "ports": ["80", "81:8081", 82, {"host": 83}],
        "volumes": ["data:/data:ro", {"source": "more", "target": "/more"}],
        "resources": {"memory": 1048576, "cpu": 2},
        "replicas": 3,
        "restart": "never",
        "environment": {"N": 120, "F": 1.5, "W": 2.0, "B": True},
        "health_check": {"exec": {"command": ["selftest"], "interval": 2.5, "timeout": "250ms"}},
    })  # fmt: skip
    assert [(each.host, each.container) for each in spec.ports] == [(80, 80), (81, 8081), (82, 82), (83, 83)]
    assert spec.volumes[0] == VolumeUse(source="data", target="/data", read_only=True)
    assert spec.resources == Resources(memory=1 << 20, cpu=2.0)
    assert spec.replicas == Replicas(min=3)
    assert spec.restart_policy == RestartPolicy(policy="never")
    assert spec.environment == {"N": "120", "F": "1.5", "W": "2", "B": "true"}
    assert spec.health_check == HealthCheck(type="exec", command=("selftest",), interval=2.5, timeout=0.25)
    table = read_service({**plain, "volumes": {"data": {"target": "/data", "read_only": True}}})
    assert table.volumes == (VolumeUse(source="data", target="/data", read_only=True),)


def test_every_wrong_field_is_named_at_once_with_the_form_it_must_have() -> None:
    wrong = _wrong({
        "name": "API", "networks": "application", "ports": ["8080:99999", {"host": 1, "conteiner": 2}],
        "volumes": {"data": "data"}, "resources": {"memory": "lots", "cpu": 0}, "replicas": {"min": 3, "max": 2},
        "health_check": {"type": "http", "path": "health", "command": ["x"], "retries": 0},
        "restart_policy": {"policy": "sometimes", "backoff": "-1s"}, "enviroment": {}, "depends_on": ["b", "b"],
        "args": [1], "no_capabilities": "yes", "labels": {"tier": ["web"]},
    })  # fmt: skip
    assert wrong.keys() == {
        "name", "image", "networks", "ports[0]", "ports[1]", "volumes.data", "resources.memory", "resources.cpu",
        "replicas.max", "health_check.path", "health_check.command", "health_check.retries", "restart_policy.policy",
        "restart_policy.backoff", "enviroment", "depends_on", "args[0]", "no_capabilities", "labels.tier",
    }  # fmt: skip
    assert wrong["enviroment"] == "is not a field here: did you mean `environment`"
    assert wrong["image"].startswith("is missing")
    assert "`512Mi`" in wrong["resources.memory"]
    assert "`8080:80`" in wrong["ports[0]"].replace('"', "")


@pytest.mark.parametrize(
    "field",
    [
        {"health_check": {"type": "exec"}},
        {"health_check": {"http": {"path": "/"}, "tcp": {"port": 1}}},
        {"health_check": {}},
        {"health_check": "http"},
        {"restart": "always", "restart_policy": "always"},
        {"ports": [{"host": 80}, "80:81"]},
        {"ports": ["80:"]},
        {"ports": [True]},
        {"ports": ["٨٠"]},
        {"volumes": ["a:/x", "b:/x"]},
        {"volumes": ["a:/../x"]},
        {"volumes": ["a:/"]},
        {"depends_on": ["a"]},
        {"secrets": ["TOKEN"]},
        {"environment": {"A=B": "1"}},
        {"environment": {"A": "\0"}},
        {"environment": {"A": "\ud800"}},
        {"replicas": 0},
        {"resources": {"cpu": float("nan")}},
        {"files": {"a": "etc"}},
        {"name": "-a"},
        {"name": "a" * 64},
    ],
)
def test_what_cannot_be_meant_is_refused(field: dict[str, Json]) -> None:
    assert _wrong({"name": "a", "image": "b", **field})


def test_places_are_those_of_the_whole_document_and_callers_fields_are_let_through() -> None:
    with pytest.raises(Invalid) as raised:
        read_service({"name": "a", "build": "./a", "resources": {"cpus": 1}}, where="service.a", besides=("build",))
    assert [each["field"] for each in raised.value.details["fields"]] == ["service.a.image", "service.a.resources.cpus"]


def test_a_secret_is_shown_to_nobody_and_survives_a_patch_that_sends_the_mark_back() -> None:
    spec = read_service({"name": "a", "image": "b", "environment": {"T": "s3cret", "U": "v"}, "secrets": ["T"]})
    shown = write_service(spec)
    assert shown["environment"] == {"T": HIDDEN, "U": "v"}
    again = patched(spec, {"environment": shown["environment"] | {"U": "w"}})
    assert again.environment == {"T": "s3cret", "U": "w"}
    assert again.secrets == ("T",)
    assert patched(spec, {"environment": {"T": None}}).secrets == ()
    assert patched(spec, {"environment": None}).environment == {}


def test_a_patch_changes_what_it_names_and_null_removes() -> None:
    spec = patched(SEED_SPEC, {"environment": {"LOG_LEVEL": "debug"}, "replicas": {"min": 3, "max": 15}})
    assert spec.environment == {**SEED_SPEC.environment, "LOG_LEVEL": "debug"}
    assert spec.replicas == Replicas(min=3, max=15)
    assert patched(SEED_SPEC, {"health_check": None, "restart": None}).restart_policy is None
    assert patched(SEED_SPEC, {"health_check": {"tcp": {"port": 80}}}).health_check == HealthCheck(type="tcp", port=80)
    assert patched(SEED_SPEC, {"restart": {"backoff": "1s"}}).restart_policy == RestartPolicy(
        policy="on-failure", max_attempts=3, backoff=1.0
    )


def test_merge_patch_does_as_its_rfcs_examples() -> None:
    for target, patch, result in (
        ({"a": "b"}, {"a": "c"}, {"a": "c"}),
        ({"a": "b"}, {"b": "c"}, {"a": "b", "b": "c"}),
        ({"a": "b"}, {"a": None}, {}),
        ({"a": ["b"]}, {"a": "c"}, {"a": "c"}),
        ({"a": {"b": "c"}}, {"a": {"b": "d", "c": None}}, {"a": {"b": "d"}}),
        ({"a": [{"b": "c"}]}, {"a": [1]}, {"a": [1]}),
        (["a"], {"a": "b"}, {"a": "b"}),
        ({}, {"a": {"bb": {"ccc": None}}}, {"a": {"bb": {}}}),
        ({"e": None}, {"a": 1}, {"e": None, "a": 1}),
    ):
        assert merge_patch(target, patch) == result


_name = st.from_regex(r"[a-z0-9](?:[a-z0-9-]{0,8}[a-z0-9])?", fullmatch=True)
_text = st.text(st.characters(exclude_categories=["Cs"], exclude_characters="\0"), max_size=12)
_key = st.text(st.characters(categories=["Lu", "Ll", "Nd"], max_codepoint=0x2FF), min_size=1, max_size=8)
_seconds = st.integers(1, 10**8).map(lambda each: each / 1000)
_port_number = st.integers(1, 65535)
_path = st.lists(st.from_regex(r"[a-z]{1,5}", fullmatch=True), min_size=1, max_size=3).map(lambda p: "/" + "/".join(p))


def _optional(strategy: st.SearchStrategy[Json]) -> st.SearchStrategy[Json]:
    return st.none() | strategy


_probing = {"interval": _optional(_seconds), "timeout": _optional(_seconds), "retries": _optional(st.integers(1, 9))}
_checks = st.one_of(
    st.builds(
        HealthCheck,
        type=st.just("http"),
        path=_path,
        method=st.sampled_from(["GET", "POST", "HEAD"]),
        expected_status=st.integers(200, 599),
        port=_optional(_port_number),
        **_probing,
    ),
    st.builds(HealthCheck, type=st.just("tcp"), port=_optional(_port_number), **_probing),
    st.builds(
        HealthCheck, type=st.just("exec"), command=st.lists(_text, min_size=1, max_size=3).map(tuple), **_probing
    ),
)


@st.composite
def _specs(draw: st.DrawFn) -> ServiceSpec:
    environment = draw(st.dictionaries(_key, _text, max_size=3))
    least = draw(st.integers(1, 20))
    targets = draw(st.lists(_path, unique=True, max_size=3))
    return ServiceSpec(
        name=draw(_name) + "-0",
        image=draw(_text.filter(bool)),
        type=draw(st.sampled_from([None, "command", "http", "tcp"])),
        networks=tuple(draw(st.lists(_name, unique=True, max_size=3))),
        environment=environment,
        secrets=tuple(draw(st.lists(st.sampled_from(sorted(environment)), unique=True)) if environment else ()),
        args=tuple(draw(st.lists(_text, max_size=3))),
        ports=tuple(
            Port(host=each, container=draw(_port_number))
            for each in draw(st.lists(_port_number, unique=True, max_size=3))
        ),
        volumes=tuple(VolumeUse(source=draw(_name), target=each, read_only=draw(st.booleans())) for each in targets),
        files=draw(st.dictionaries(_text.filter(bool), _path, max_size=2)),
        resources=Resources(memory=draw(_optional(st.integers(1, 2**60))), cpu=draw(_optional(st.floats(0.001, 1000)))),
        replicas=Replicas(
            min=least,
            max=draw(_optional(st.integers(least, 100))),
            cpu_threshold=draw(_optional(st.floats(1, 100))),
            in_flight_threshold=draw(_optional(st.floats(1, 100))),
            scale_up_cooldown=draw(_optional(_seconds)),
            scale_down_cooldown=draw(_optional(_seconds)),
        ),
        health_check=draw(_optional(_checks)),
        restart_policy=draw(
            _optional(
                st.builds(
                    RestartPolicy,
                    policy=st.sampled_from(["always", "on-failure", "never"]),
                    max_attempts=_optional(st.integers(1, 100)),
                    backoff=_seconds,
                )
            )
        ),
        labels=draw(st.dictionaries(_text.filter(bool), _text, max_size=2)),
        depends_on=tuple(draw(st.lists(_name.map(lambda each: each + "-1"), unique=True, max_size=3))),
        no_capabilities=draw(st.booleans()),
        egress_locked=draw(st.booleans()),
        project=draw(_optional(_name)),
    )


@given(_specs())
def test_what_is_written_is_read_back_as_it_was(spec: ServiceSpec) -> None:
    assert read_service(write_service(spec, reveal=True)) == spec


_json: st.SearchStrategy[Json] = st.recursive(
    st.none() | st.booleans() | st.integers(-(2**63), 2**63 - 1) | st.floats() | st.text(max_size=8),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=8), inner, max_size=3),
    max_leaves=6,
)


@given(st.dictionaries(st.sampled_from([*SEED, "restart", "files", "secrets", "args", "type"]) | st.text(), _json))
def test_whatever_is_sent_is_read_or_refused_by_name(document: dict[str, Json]) -> None:
    try:
        spec = read_service(document)
    except Invalid as error:
        assert error.code == "INVALID_REQUEST"
        assert error.details["fields"]
    else:
        assert read_service(write_service(spec, reveal=True)) == spec
