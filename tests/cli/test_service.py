"""`fabric service` against a daemon with real guests."""

import json
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.api.daemon.guests import store_guest
from tests.api.daemon.hosted import Hosted, hosted, short_folder
from tests.cli.commanding import Fabric


@pytest.fixture(scope="module")
def daemon() -> Iterator[Hosted]:
    """A daemon that has the module `hello`."""
    with short_folder() as folder, hosted(folder) as started:
        store_guest(started, "hello")
        yield started


@pytest.fixture(autouse=True)
def socket(daemon: Hosted, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("FABRICKS_SOCKET", str(daemon.socket))


@pytest.fixture
def api(fabric: Fabric, daemon: Hosted) -> Iterator[str]:
    """A running service `api`; its id."""
    said = fabric("service", "run", "hello:1.0.0", "--name", "api", "--network", "default", "--wait", "--json")
    assert said.code == 0, said.err
    yield said.json["id"]
    if daemon.call("GET", "/services/api").status == 200:
        daemon.remove("api")


def test_a_module_is_run_under_its_own_name(fabric: Fabric, daemon: Hosted) -> None:
    said = fabric("service", "run", "hello:1.0.0", "-e", "A=1")
    assert said.code == 0, said.err
    assert said.out.startswith("service hello  svc-")
    assert daemon.get("/services/hello")["environment"] == {"A": "1"}
    assert fabric("service", "rm", "hello", "--yes").err == "`hello` is removed.\n"


def test_everything_a_service_can_be_told_is_told(fabric: Fabric, daemon: Hosted) -> None:
    words = "run hello:1.0.0 --name all -e A=1 --network default --replicas 2 --memory 32Mi --cpu 0.5 --restart never"
    said = fabric("service", *words.split(), "--label", "tier=web", "--wait", "--", "--quick")
    assert said.code == 0, said.err
    found = daemon.get("/services/all")
    assert found["args"] == ["--quick"]
    assert found["labels"] == {"tier": "web"}
    assert found["restart_policy"]["policy"] == "never"
    assert found["resources"]["memory"]["limit"] == "32Mi"
    assert found["replicas"]["running"] == 2
    assert "all" in said.out
    assert "healthy" in said.out
    daemon.remove("all")


@pytest.mark.parametrize(
    "words",
    ["run", "run x -e A", "run x --label A", "run x -v A", "scale api", "scale api x", "logs", "logs api --stream out"],
)
def test_what_is_typed_wrong_is_said(fabric: Fabric, words: str) -> None:
    said = fabric("service", *words.split())
    assert said.code == 2
    assert said.out == ""


def test_services_are_listed_for_people_and_for_programs(fabric: Fabric, api: str) -> None:
    lines = fabric("service", "ls").out.splitlines()
    assert lines[0].split() == ["SERVICE", "ID", "STATE", "READY", "HEALTHY", "IMAGE", "NETWORKS", "WHY"]
    assert lines[1].split() == ["api", api, "running", "1/1", "1", "hello:1.0.0", "default"]
    assert [each["id"] for each in fabric("service", "ls", "--state", "running", "--json").json] == [api]
    assert fabric("service", "ls", "--state", "failed").err == "There are no services.\n"


def test_a_service_is_shown(fabric: Fabric, api: str) -> None:
    said = fabric("service", "show", "api")
    assert "image: hello:1.0.0" in said.out
    assert f"{api}-0" in said.out
    assert fabric("service", "show", api, "--json").json["id"] == api


def test_a_name_that_is_nearly_right_is_answered_with_the_right_one(fabric: Fabric, api: str) -> None:
    said = fabric("service", "show", "apy")
    assert said.code == 3
    assert "Did you mean `api`?" in said.err
    said = fabric("service", "run", "helo:1.0.0")
    assert said.code == 3
    assert "MODULE_NOT_FOUND" in said.err


def test_a_service_is_stopped_started_restarted_and_scaled(fabric: Fabric, daemon: Hosted, api: str) -> None:
    assert fabric("service", "scale", "api", "2").err == "`api` is scaled from 1 to 2.\n"
    daemon.settled("api")
    assert fabric("service", "restart", "api").err == "2 replicas of `api` restarted.\n"
    assert fabric("service", "stop", "api", "--timeout", "1s").err == "`api` is stopped.\n"
    assert fabric("service", "stop", "api").code == 3
    assert fabric("service", "start", "api", "--json").json["id"] == api


def test_a_service_is_removed_only_where_somebody_agrees(fabric: Fabric, daemon: Hosted, api: str) -> None:
    assert fabric("service", "rm", "api").code == 2
    assert daemon.get("/services/api")
    assert fabric("service", "rm", "api", "--yes", "--force", "--json").json["id"] == api
    assert daemon.call("GET", "/services/api").status == 404


def test_logs_are_shown_and_followed(fabric: Fabric, daemon: Hosted, api: str) -> None:
    daemon.ask("GET", "/v1/services/api/proxy/log?text=one")
    while "one" not in fabric("service", "logs", "api", "--stream", "stdout").out:
        pass
    assert {each["stream"] for each in fabric("service", "logs", "api", "--json").json} == {"stdout", "stderr"}
    assert len(fabric("service", "logs", "api", "--tail", "1").out.splitlines()) == 1
    assert fabric("service", "logs", "api", "-t").out.startswith("20")
    command = [str(Path(sys.executable).with_name("fabric")), "service", "logs", "api", "-f", "--tail", "1", "--json"]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout is not None
        assert "one" in json.loads(process.stdout.readline())["message"]
        daemon.ask("GET", "/v1/services/api/proxy/log?text=two")
        assert "two" in json.loads(process.stdout.readline())["message"]
        daemon.remove("api")
        assert process.wait(20) == 0


def test_stats_are_shown(fabric: Fabric, api: str) -> None:
    assert "requests 0" in fabric("service", "stats", "api").out
    assert fabric("service", "stats", "api", "--json").json["id"] == api


def test_a_service_that_fails_is_said_to(fabric: Fabric, daemon: Hosted) -> None:
    said = fabric("service", "run", "hello:1.0.0", "--name", "bad", "--memory", "64Ki", "--restart", "never", "--wait")
    assert said.code == 1
    assert "SERVICE_FAILED" in said.err
    daemon.remove("bad")


@pytest.mark.parametrize("words", ["ls", "show api", "run x", "stop api", "logs api", "logs api -f"])
def test_without_a_daemon_it_says_how_to_start_one(
    fabric: Fabric, monkeypatch: pytest.MonkeyPatch, tmp_path: Path, words: str
) -> None:
    monkeypatch.setenv("FABRICKS_SOCKET", str(tmp_path / "nothing.sock"))
    said = fabric("service", *words.split())
    assert said.code == 4
    assert "Is the daemon running?" in said.err
    assert "fabricksd start" in said.err
