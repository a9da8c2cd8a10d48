"""/v1/mortar with real guests: a project deployed, kept to its policy, shown, removed."""

import base64
import re
from pathlib import Path

import pytest

from api.daemon.mortar import decoded
from catalog.errors import Invalid
from catalog.jsonvalue import Json
from tests.api.daemon.hosted import Hosted

STAMP = re.compile(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\dZ")
DESK = """
mortar_version = "1.0"
[project]
name = "desk"
version = "1.0.0"
[variable.greeting]
type = "string"
default = "hello"
[secret.word]
provider = "file"
path = "word.txt"
[network.front]
ingress = "0.0.0.0/0"
egress = ["back"]
[network.back]
internal = true
ingress = ["front"]
[volume.drawer]
size = "1Mi"
[service.asker]
image = "caller:1.0.0"
type = "http"
networks = ["front"]
depends_on = ["teller"]
[service.teller]
image = "hello:1.0.0"
type = "http"
networks = ["back"]
volumes = { drawer = "/data" }
environment = { GREETING = "${variable.greeting}", WORD = "${secret.word}" }
[service.closed]
image = "hello:1.0.0"
type = "http"
networks = ["back"]
[[policy.privacy.deny]]
from = ["asker"]
to = ["closed"]
reason = "the desk is closed"
"""


@pytest.fixture
def project(running: Hosted, tmp_path: Path) -> Path:
    (tmp_path / "fabricks-mortar.toml").write_text(DESK)
    (tmp_path / "word.txt").write_text("abracadabra\n")
    return tmp_path


def deploy(running: Hosted, folder: Path, **more: Json) -> Json:
    text = base64.b64encode((folder / "fabricks-mortar.toml").read_bytes()).decode()
    body = {"mortar": text, "base_dir": str(folder), "build": True, "force_recreate": False, **more}
    return running.data("POST", "/mortar/deploy", body)


def test_a_project_from_its_deployment_to_its_end(running: Hosted, project: Path) -> None:
    done = deploy(running, project)
    assert re.fullmatch("deploy-[a-z0-9]{6}", done["deployment_id"])
    counts = {name: done[name] for name in ("services_created", "networks_created", "volumes_created")}
    assert counts == {"services_created": 3, "networks_created": 2, "volumes_created": 1}
    assert STAMP.fullmatch(done["deployed_at"])
    assert done["changes"]["created"] == ["teller", "closed", "asker"]

    status = running.get("/mortar/status/desk")
    seed = {"project_name", "state", "services", "health", "deployed_at", "updated_at"}
    assert status.keys() >= seed
    assert (status["state"], status["health"]) == ("running", "healthy")
    assert status["services"] == {"total": 3, "running": 3, "failed": 0}
    assert running.get("/mortar/status")["projects"] == [status]

    again = deploy(running, project)
    assert (again["services_created"], again["services_unchanged"]) == (0, 3)
    assert again["deployment_id"] == done["deployment_id"]

    shown = running.get("/services/teller")
    assert shown["environment"]["GREETING"] == "hello"
    assert "abracadabra" not in str(shown)

    _connections_are_kept_to_the_policy(running)

    body = {"project_name": "desk", "remove_volumes": False, "timeout": "10s"}
    gone = running.data("POST", "/mortar/undeploy", body)
    counts = {name: gone[name] for name in ("services_removed", "networks_removed", "volumes_removed")}
    assert counts == {"services_removed": 3, "networks_removed": 2, "volumes_removed": 0}
    assert STAMP.fullmatch(gone["undeployed_at"])
    missing = running.error("GET", "/mortar/status/desk", status=404)
    assert missing["code"] == "PROJECT_NOT_FOUND"
    running.data("DELETE", "/volumes/drawer")


def _connections_are_kept_to_the_policy(running: Hosted) -> None:
    """One guest asks two others: the one may be asked, the other not; and nobody comes in from outside."""
    asked = running.call("GET", "/services/asker/proxy/call?url=http://teller/")
    assert asked.status == 200
    assert asked.body["status"] == 200
    denied = running.call("GET", "/services/asker/proxy/call?url=http://closed/")
    assert denied.status == 502
    assert denied.body["body"] == "FORBIDDEN"
    asker = running.get("/services/asker")["id"]
    told = running.get(f"/events/history?types=policy.violated&service={asker}")["events"][0]["data"]
    assert {key: told[key] for key in ("policy", "rule", "from", "to", "reason", "mode")} == {
        "policy": "privacy",
        "rule": "deny",
        "from": "asker",
        "to": "closed",
        "reason": "the desk is closed",
        "mode": "enforce",
    }
    refused = running.error("GET", "/services/teller/proxy/", status=403)
    assert (refused["code"], refused["details"]["rule"]) == ("FORBIDDEN", "network")


def test_a_project_is_read_where_it_lies_and_its_variables_are_given(running: Hosted, project: Path) -> None:
    body = {"mortar_path": str(project), "variables": {"greeting": "ahoy"}}
    done = running.data("POST", "/mortar/deploy", body)
    assert done["project_name"] == "desk"
    assert running.get("/services/teller")["environment"]["GREETING"] == "ahoy"
    running.data("POST", "/mortar/undeploy", {"project_name": "desk", "remove_volumes": True})
    assert running.error("GET", "/volumes/drawer", status=404)["code"] == "VOLUME_NOT_FOUND"


def test_a_policy_against_a_service_undoes_all_of_it(running: Hosted, project: Path) -> None:
    path = project / "fabricks-mortar.toml"
    path.write_text(DESK + '[[policy.privacy.deny]]\nfrom = ["asker"]\nto = ["teller"]\n')
    refused = running.error("POST", "/mortar/deploy", {"mortar_path": str(path)}, status=403)
    assert refused["code"] == "FORBIDDEN"
    assert refused["details"].keys() >= {"policy", "rule", "reason"}
    assert running.get("/services")["total"] == 0
    assert [each["name"] for each in running.get("/networks")["networks"]] == ["default"]


def test_everything_that_is_wrong_is_told_before_anything_is_done(running: Hosted) -> None:
    text = DESK.replace('networks = ["front"]', 'networks = ["fornt"]').replace('"1Mi"', '"much"')
    refused = running.error("POST", "/mortar/deploy", {"mortar": text}, status=400)
    assert refused["code"] == "INVALID_REQUEST"
    places = [each["place"] for each in refused["details"]["problems"] if each["severity"] == "error"]
    assert {"service.asker.networks", "volume.drawer.size"} <= set(places)
    checked = running.data("POST", "/mortar/validate", {"mortar": text})
    assert checked["valid"] is False
    assert all(each["line"] for each in checked["problems"])
    assert running.data("POST", "/mortar/validate", {"mortar": DESK}) == {"valid": True, "problems": []}


@pytest.mark.parametrize(
    ("path", "body", "said"),
    [
        ("deploy", {}, "either `mortar` or `mortar_path`"),
        ("deploy", {"mortar": "a", "mortar_path": "/b"}, "either `mortar` or `mortar_path`"),
        ("deploy", {"mortar": "bm90IFVURi04OiD/"}, "neither a project file nor base64"),
        ("deploy", {"mortar_path": "here"}, "not absolute"),
        ("deploy", {"mortar_path": "/nowhere/at/all"}, "cannot be read"),
        ("deploy", {"mortar": DESK, "base_dir": "."}, "not absolute"),
        ("deploy", {"mortar": DESK, "timeout": "soon"}, "not a duration"),
        ("deploy", {"mortar": DESK, "profil": "x"}, "no field `profil`"),
        ("undeploy", {}, "project_name"),
    ],
)
def test_a_wrong_request_is_refused(daemon: Hosted, path: str, body: Json, said: str) -> None:
    refused = daemon.error("POST", f"/mortar/{path}", body, status=400)
    assert refused["code"] == "INVALID_REQUEST"
    assert said in refused["message"]


def test_an_unknown_project_is_not_found(daemon: Hosted) -> None:
    refused = daemon.error("POST", "/mortar/undeploy", {"project_name": "acme-shop"}, status=404)
    assert (refused["code"], refused["details"]["project_name"]) == ("PROJECT_NOT_FOUND", "acme-shop")


def test_base64_of_every_kind_is_undone_and_plain_text_stays() -> None:
    text = 'mortar_version = "1.0" # ü~~?>\n'
    for encode in (base64.b64encode, base64.urlsafe_b64encode, base64.encodebytes):
        assert decoded(encode(text.encode()).decode()) == text
    assert decoded(base64.b64encode(text.encode()).decode().rstrip("=")) == text
    assert decoded(text) == text
    with pytest.raises(Invalid):
        decoded("A")
