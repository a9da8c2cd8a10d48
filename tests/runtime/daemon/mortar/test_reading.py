"""Reading a project file: what is understood, and everything that is wrong at once, with its place."""

from pathlib import Path

import pytest

from catalog.errors import Invalid
from catalog.jsonvalue import Json
from runtime.daemon.mortar.problems import Problem
from runtime.daemon.mortar.project import Project
from runtime.daemon.mortar.reading import Read, read_project
from runtime.daemon.policies import Deny, Require
from runtime.daemon.spec import Port, Replicas, RestartPolicy, VolumeUse
from runtime.forms.workload import HealthCheck

ROOT = Path(__file__).resolve().parents[4]
FERRY = (ROOT / "samples/mortar/ferry-desk/fabricks-mortar.toml").read_text()
SMALL = """
mortar_version = "1.0"
[project]
name = "shop"
version = "1.0.0"
[network.edge]
[service.gate]
image = "gate:1.0.0"
networks = ["edge"]
"""


def read(text: str, **options: Json) -> Read:
    return read_project(text, **options)


def good(text: str, **options: Json) -> Project:
    found = read(text, **options)
    assert found.findings.errors == []
    assert found.project is not None
    return found.project


def errors(text: str, **options: Json) -> list[tuple[str, str]]:
    found = read(text, **options)
    assert found.project is None or not found.findings.errors
    return [(each.place, each.message) for each in found.findings.errors]


def warnings(text: str, **options: Json) -> list[str]:
    return [each.place for each in read(text, **options).findings.warnings]


@pytest.fixture
def ferry(monkeypatch: pytest.MonkeyPatch) -> Project:
    monkeypatch.setenv("FERRY_PAY_TOKEN", "ahoy")
    return good(FERRY, base=ROOT / "samples/mortar/ferry-desk")


def test_the_example_of_every_field_is_understood(ferry: Project) -> None:
    assert (ferry.name, ferry.version) == ("ferry-desk", "0.3.1")
    assert [each.key for each in ferry.parts] == ["ledger", "fares", "gate"]
    ledger, fares, gate = (each.spec for each in ferry.parts)
    assert gate.image == "ferry-desk/gate:0.3.1"
    assert ferry.parts[2].build == ROOT / "samples/mortar/ferry-desk/gate"
    assert gate.ports == (Port(host=8080, container=8080),)
    assert gate.environment == {"REGION": "north", "TRACE": "false"}
    assert gate.replicas == Replicas(min=2, max=8, cpu_threshold=65, scale_up_cooldown=60, scale_down_cooldown=300)
    assert gate.restart_policy == RestartPolicy(policy="on-failure", max_attempts=5, backoff=2)
    assert gate.health_check == HealthCheck(type="http", path="/health", port=8080, interval=10, timeout=2, retries=3)
    assert fares.environment == {"SEATS": "120", "TOKEN": "ahoy"}
    assert fares.secrets == ("TOKEN",)
    assert fares.egress_locked
    assert fares.depends_on == ("ledger",)
    assert fares.files == {str(ROOT / "samples/mortar/ferry-desk/tables"): "/etc/fares"}
    assert fares.health_check == HealthCheck(type="exec", command=("selftest", "--quick"))
    assert ledger.type == "tcp"
    assert ledger.volumes == (
        VolumeUse(source="bookings", target="/data"),
        VolumeUse(source="scratch", target="/tmp"),
    )
    assert {each.project for each in (ledger, fares, gate)} == {"ferry-desk"}


def test_the_examples_networks_volumes_and_policies_are_understood(ferry: Project) -> None:
    edge, core, store = ferry.networks
    assert edge.ingress == ("0.0.0.0/0",)
    assert core.external == {"payments": ("pay.example.net:443",)}
    assert core.external_tls == ("payments",)
    assert (core.internal, core.encryption, core.audit_all) == (True, "required", True)
    assert (store.isolated, store.ingress_only) == (True, True)
    bookings, scratch = ferry.volumes
    assert (bookings.size, bookings.encrypted, bookings.backup.schedule) == (2 * 1024**3, True, "15 2 * * *")
    assert bookings.backup.retention == 14 * 86400
    assert scratch.type == "ephemeral"
    card, tls = ferry.policies
    assert card.deny == (
        Deny(from_=("gate",), to=("external:*",), except_=("fares",), reason="only fares talks to the payment host"),
    )
    assert card.require == (Require(networks=("core",), encryption=True, audit=True),)
    assert card.warn[0].except_ == ("fares",)
    assert tls.require == (Require(services=("fares",), tls=True),)
    assert card.project == "ferry-desk"


def test_what_is_not_acted_on_is_named(ferry: Project) -> None:
    found = read(FERRY, base=ROOT / "samples/mortar/ferry-desk").findings.warnings
    idle = [each.place for each in found if "not acted on" in each.message]
    assert idle == [
        "service.gate.imports",
        "service.gate.metrics",
        "service.fares.exports",
        "service.fares.audit",
        "service.ledger.persistence",
        "profile.drill.settings",
        "profile.drill.approval",
    ]
    lines = FERRY.splitlines()
    assert all(each.line and each.place.rpartition(".")[2] in lines[each.line - 1] for each in found)


def test_a_profile_is_laid_over_the_services(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("FERRY_PAY_TOKEN", "ahoy")
    project = good(FERRY, profile="drill", base=ROOT)
    assert {(each.spec.replicas.min, each.spec.replicas.max) for each in project.parts} == {(1, 1)}
    assert project.parts[2].spec.replicas.cpu_threshold == 65


def test_a_profile_of_one_service_goes_over_that_of_all() -> None:
    text = (
        SMALL
        + """
[profile.big.overrides.all_services.replicas]
min = 2
[profile.big.overrides.gate]
replicas = { min = 5 }
environment = { MODE = "big" }
[profile.nested.overrides.service.gate.resources]
memory = "1Gi"
"""
    )
    assert good(text, profile="big").parts[0].spec.replicas.min == 5
    assert good(text, profile="big").parts[0].spec.environment == {"MODE": "big"}
    assert good(text, profile="nested").parts[0].spec.resources.memory == 1024**3
    assert good(text).parts[0].spec.replicas.min == 1


@pytest.mark.parametrize(
    ("more", "profile", "place", "said"),
    [
        ("[profile.drill]", "dril", "profile.dril", "did you mean `drill`"),
        ("", "drill", "profile.drill", "there are: none"),
        ("[profile.p]\ntarget = 'kubernetes'", "p", "profile.p.target", "must be `localhost`"),
        ("[profile.p.overrides.gaet]\nreplicas = 1", None, "profile.p.overrides.gaet", "did you mean `gate`"),
        ("[profile.p.overrides]\ngate = 1", None, "profile.p.overrides.gate", "must be a table"),
    ],
)
def test_a_wrong_profile_is_told(more: str, profile: str | None, place: str, said: str) -> None:
    ((where, message),) = errors(SMALL + more, profile=profile)
    assert where == place
    assert said in message


def test_all_that_is_wrong_is_told_at_once_with_its_line() -> None:
    text = """mortar_version = "2.0"
[project]
name = "-shop"
version = "v1.0.0"
[network.edge]
egress = ["cor", "external:bank", "nowhere"]
[network.core]
ingress = "300.0.0.0/8"
[service.gate]
build = "./gate"
image = "gate:1.0.0"
networks = ["egde"]
depends_on = ["legder"]
volumes = { boks = "/data" }
[service.gate.health_check.http]
path = "/"
[service.gate.health_check.tcp]
port = 1
[service.ledger]
image = "ledger"
ports = ["x"]
[volume.books]
size = "many"
"""
    found = read(text)
    assert found.project is None
    told = {(each.place, each.line) for each in found.findings.errors}
    assert told == {
        ("mortar_version", 1),
        ("project.name", 3),
        ("project.version", 4),
        ("network.edge.egress", 6),
        ("network.core.ingress", 8),
        ("service.gate", 9),
        ("service.gate.networks", 12),
        ("service.gate.depends_on", 13),
        ("service.gate.volumes", 14),
        ("service.gate.health_check", 15),
        ("service.ledger", 19),
        ("service.ledger.ports[0]", 21),
        ("volume.books.size", 23),
    }
    with pytest.raises(Invalid) as raised:
        found.findings.check()
    assert raised.value.code == "INVALID_REQUEST"
    assert len([each for each in raised.value.details["problems"] if each["severity"] == "error"]) == 15


@pytest.mark.parametrize(
    ("more", "place", "said"),
    [
        ("networks2 = []\n[service.b]\nimage='b'\nnetworks=['egde']", "service.b.networks", "did you mean `edge`"),
        ("depends_on = ['gaet']", "service.gate.depends_on", "`gaet`, which is not declared: did you mean `gate`"),
        ("volumes = { data = '/data' }", "service.gate.volumes", "the volume `data`"),
        ("[network.core]\negress = ['external:x']", "network.core.egress", "the external host `x`"),
        ("[network.core]\ningress = ['egde']", "network.core.ingress", "did you mean `edge`"),
        ("[network.default]", "network.default", "daemon's own"),
        ("[service.b]\nname = 'gate'\nimage = 'b'\nnetworks = []", "service.b.name", "as `service.gate` is called"),
        ("ports = [80]\n[service.b]\nimage='b'\nnetworks=[]\nports=[80]", "service.b.ports", "takes port 80"),
        ("[validate]\nrequire_health_checks = true", "service.gate", "has no `health_check`"),
        ("[validate]\nrequire_health_checks = 1", "validate.require_health_checks", "true or false"),
        ("no_capabilities = true", "service.gate.no_capabilities", "never widen"),
        ("[service.b]\nimage = 'b'", "service.b", "lacks `networks`"),
        ("[service.b]\nnetworks = []", "service.b", "exactly one of `build`"),
        ("[external_hosts.x]\nhosts = ['a']", "external_hosts.x.hosts[0]", "`host:port`"),
        ("[external_hosts.x]\nhosts = []", "external_hosts.x.hosts", "must be a list"),
        ("[service.'A b']\nimage = 'b'\nnetworks = []", "service.A b", "must have a name"),
        ("[[policy.p.deny]]\nfrom = ['gate']", "policy.p.deny[0].to", "is missing"),
        ("[volume]\nb = 1", "volume.b", "must be a table"),
        ("[profile]\nb = 1", "profile.b", "must be a table"),
        ("[service.b]\nbuild = '../b'\nnetworks = []", "service.b.build", "leads out of the project's folder"),
        ("[service.b]\nbuild = '/etc'\nnetworks = []", "service.b.build", "leads out of the project's folder"),
        ("files = { '../x' = '/x' }", "service.gate.files", "leads out of the project's folder"),
        ("[secret.x]\nprovider = 'vault'\npath = 'a'", "secret.x", "`vault`, which is not supported here"),
        ("[secret.x]\nprovider = 'env'", "secret.x", "must have a `key`"),
        ("[secret.x]\nprovider = 'env'\nkey = 'FABRICKS_API_KEY'", "secret.x", "daemon's own settings"),
    ],
)
def test_a_wrong_part_is_told(more: str, place: str, said: str) -> None:
    found = errors(SMALL + more, base=ROOT)
    assert any(where == place and said in message for where, message in found), found


def test_a_ring_of_dependencies_is_told_with_its_names() -> None:
    text = (
        SMALL
        + """depends_on = ["b"]
[service.b]
image = "b"
networks = []
depends_on = ["c"]
[service.c]
image = "c"
networks = []
depends_on = ["gate"]
"""
    )
    ((place, message),) = errors(text)
    assert place.endswith(".depends_on")
    assert "goes round in a ring" in message
    assert all(f"`{each}`" in message for each in ("gate", "b", "c"))


def test_a_key_below_a_sub_table_is_told_to_stand_too_low() -> None:
    text = (
        SMALL
        + """[service.gate.resources]
memory = "64Mi"
depends_on = ["ledger"]
[service.gate.health_check.http]
path = "/"
[service.gate.health_check.http.environment]
A = "1"
"""
    )
    found = read(text).findings.errors
    assert [(each.place, each.line) for each in found] == [
        ("service.gate.resources.depends_on", 12),
        ("service.gate.health_check.http.environment", 15),
    ]
    assert "belongs to that table: write it above that header, right below `[service.gate]`" in found[0].message


def test_an_unknown_key_is_a_warning_with_the_nearest_name_and_an_error_if_strict() -> None:
    text = SMALL + "replica = 3\n[service.gate.resources]\nmemroy = '1Gi'\n[nettwork.x]\n"
    assert good(text).parts[0].spec.replicas.min == 1
    found = read(text).findings.warnings
    assert [each.place for each in found] == ["service.gate.replica", "service.gate.resources.memroy", "nettwork"]
    assert "did you mean `replicas`" in found[0].message
    assert "did you mean `memory`" in found[1].message
    assert [each.place for each in read(text, strict=True).findings.errors] == [each.place for each in found]


def test_rules_without_effect_are_warned_of() -> None:
    text = (
        SMALL
        + """
[network.in]
internal = true
ingress = ["10.0.0.0/8"]
egress = ["external:*"]
[network.sink]
ingress_only = true
egress = ["edge"]
[volume.spare]
size = "1Mi"
[validate]
check_circular_dependencies = false
"""
    )
    assert warnings(text) == [
        "network.in.ingress",
        "network.in.egress",
        "network.sink.egress",
        "volume.spare",
        "validate.check_circular_dependencies",
    ]


def test_a_service_may_be_called_otherwise_than_its_key() -> None:
    text = (
        SMALL
        + """depends_on = ["books"]
[service.books]
name = "ledger"
build = "./ledger"
version = "2.0.0"
networks = []
"""
    )
    ledger, gate = good(text).parts
    assert ledger.spec.name == "ledger"
    assert ledger.spec.image == "shop/ledger:2.0.0"
    assert gate.spec.depends_on == ("ledger",)


def test_the_forms_of_the_api_are_taken_too() -> None:
    text = (
        SMALL
        + """ports = [{ host = 8080, container = 80 }, "9090"]
restart_policy = { policy = "always" }
health_check = { type = "tcp", port = 80 }
replicas = 3
"""
    )
    spec = good(text).parts[0].spec
    assert spec.ports == (Port(host=8080, container=80), Port(host=9090, container=9090))
    assert spec.replicas.min == 3


def test_what_is_no_toml_says_line_and_column() -> None:
    with pytest.raises(Invalid, match="is not TOML at line 2, column 4") as raised:
        read("a = 1\nb == 2\n")
    assert raised.value.details == {"line": 2, "column": 4}


def test_a_file_that_is_too_long_is_refused() -> None:
    with pytest.raises(Invalid, match="longer than"):
        read("#" * (1024 * 1024 + 1))


@pytest.mark.parametrize("version", ["1.0", "v1.0.0", "1.0.0.0", "01.0.0", "1.0.0-", "1.0.0-01", "", "1.0.0\n"])
def test_a_version_that_is_not_semantic_is_told(version: str) -> None:
    text = SMALL.replace('"1.0.0"\n[network', f"{version!r}\n[network".replace("'", '"'))
    assert [place for place, _ in errors(text)] == ["project.version"]


@pytest.mark.parametrize("version", ["0.0.0", "1.2.3-rc.1+build.5", "10.20.30"])
def test_a_semantic_version_is_taken(version: str) -> None:
    assert good(SMALL.replace('version = "1.0.0"', f'version = "{version}"')).version == version


def test_problems_are_in_the_order_of_the_text() -> None:
    found: list[Problem] = read(FERRY).findings.all
    assert [each.line for each in found] == sorted(each.line or 0 for each in found)


def test_validation_looks_up_no_secret_and_needs_no_folder() -> None:
    assert read(FERRY, look_up=False).findings.errors == []


def test_deploying_files_needs_the_folder(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("FERRY_PAY_TOKEN", "ahoy")
    assert errors(FERRY) == [("service.fares.files", "has the path `./tables`, and nobody says below which folder.")]


def test_a_project_may_have_no_services(tmp_path: Path) -> None:
    assert good('mortar_version = "1.0"\n[project]\nname = "empty"\nversion = "1.0.0"\n').parts == ()
