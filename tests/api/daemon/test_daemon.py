"""The daemon about itself: what it is and holds, its settings read again, its end."""

import os
import re
import time
from pathlib import Path

import pytest

from api.logs import set_level
from tests.api.daemon.hosted import Hosted, hosted


@pytest.mark.reference("setting api.version")
def test_it_says_what_it_is_and_where_its_files_are(daemon: Hosted) -> None:
    found = daemon.get("/daemon/info")
    assert re.fullmatch(r"wasmtime \d+\.\d+\.\d+", found["runtime"])
    assert found["platform"] in ("linux/amd64", "linux/arm64")
    assert found["config"]["data_dir"] == str(daemon.folder / "services")
    assert found["process"]["pid"] == os.getpid()


def test_it_says_what_it_holds(daemon: Hosted) -> None:
    before = daemon.get("/daemon/stats")
    daemon.call("GET", "/nothing")
    after = daemon.get("/daemon/stats")
    assert after["services"].keys() == {"total", "running", "stopped", "failed"}
    assert after["resources"]["memory"]["limit"] == "8Gi"
    assert after["api"]["requests_total"] == before["api"]["requests_total"] + 2
    assert after["api"]["errors_total"] == before["api"]["errors_total"] + 1
    assert after["api"]["requests_per_second"] > 0


def with_file(folder: Path, text: str) -> Path:
    path = folder / "daemon.toml"
    path.write_text(text)
    return path


@pytest.fixture
def file(folder: Path) -> Path:
    """A configuration file of a daemon to come."""
    return with_file(folder, '[daemon]\nlog_level = "info"\n[resources]\nmax_services = 100\n')


@pytest.mark.reference("setting resources.max_services", "setting daemon.log_level", "heading Starting & Stopping")
def test_a_reload_says_what_changes_and_what_needs_a_restart(folder: Path, file: Path) -> None:
    with hosted(folder, file=file) as daemon:
        assert daemon.data("POST", "/daemon/reload")["changes"] == []
        text = '[daemon]\nlog_level = "warn"\n[api]\ntimeout = "10s"\n[resources]\nmax_services = 1\nmax_servces = 2\n'
        with_file(folder, text)
        changes = ["log_level: info -> warn", "timeout: 30s -> 10s (restart required)", "max_services: 100 -> 1"]
        dry = daemon.data("POST", "/daemon/reload?dry_run=true")
        assert (dry["changes"], dry["applied"]) == (changes, False)
        assert daemon.get("/daemon/info")["config"]["max_services"] == 100
        done = daemon.data("POST", "/daemon/reload")
        assert (done["changes"], done["applied"]) == (changes, True)
        assert any("max_services" in each for each in done["warnings"])
        assert daemon.get("/daemon/info")["config"]["max_services"] == 1
        assert daemon.daemon.config.api.timeout == 30.0
        # What still needs a restart is still said.
        assert daemon.data("POST", "/daemon/reload")["changes"] == [changes[1]]
        daemon.add_module("hello", "hello:1.0.0")
        daemon.data("POST", "/services", {"name": "one", "image": "hello:1.0.0"}, status=201)
        error = daemon.error("POST", "/services", {"name": "two", "image": "hello:1.0.0"}, status=429)
        assert error["code"] == "RESOURCE_LIMIT_EXCEEDED"
    set_level("info")


@pytest.mark.parametrize("text", ["[daemon", '[daemon]\nlog_level = "loud"\n', '[resources]\nmax_services = "many"\n'])
def test_a_file_that_cannot_be_read_changes_nothing(folder: Path, file: Path, text: str) -> None:
    with hosted(folder, file=file) as daemon:
        with_file(folder, text)
        error = daemon.error("POST", "/daemon/reload", status=400)
        assert error["code"] == "CONFIG_INVALID"
        assert daemon.get("/daemon/info")["config"]["max_services"] == 100


@pytest.mark.reference(
    "request POST /v1/daemon/shutdown *", "says Overview: State persistence *", "heading Starting & Stopping"
)
def test_a_shutdown_is_answered_and_then_asked_for(folder: Path) -> None:
    with hosted(folder) as daemon:
        daemon.add_module("hello", "hello:1.0.0")
        daemon.data("POST", "/services", {"name": "one", "image": "hello:1.0.0"}, status=201)
        daemon.settled("one")
        assert daemon.asked_to_end.is_set() is False
        done = daemon.data("POST", "/daemon/shutdown", {"timeout": "5s", "force": False})
        assert done == {"message": "Daemon shutting down gracefully", "services_to_stop": 1}
        assert daemon.asked_to_end.is_set()
    with hosted(folder) as again:
        assert again.settled("one")["state"] == "running"


def test_policies_of_a_file_hold_after_a_reload(folder: Path) -> None:
    with hosted(folder, policy__policy_dir=str(folder / "policies")) as daemon:
        daemon.add_module("hello", "hello:1.0.0")
        (folder / "policies").mkdir()
        policy = '[policy.p]\n[[policy.p.deny]]\nfrom = ["payment"]\nto = ["*"]\nreason = "no"\n'
        (folder / "policies" / "p.toml").write_text(policy)
        daemon.data("POST", "/daemon/reload")
        (folder / "policies" / "p.toml").write_text("[policy")
        assert daemon.data("POST", "/daemon/reload")["warnings"]


def test_a_service_that_cannot_start_does_not_keep_the_daemon_from_starting(folder: Path) -> None:
    with hosted(folder) as daemon:
        daemon.add_module("hello", "hello:1.0.0")
        daemon.data("POST", "/services", {"name": "one", "image": "hello:1.0.0"}, status=201)
        daemon.settled("one")
        daemon.data("DELETE", "/modules/hello:1.0.0?force=true")
    began = time.monotonic()
    with hosted(folder) as daemon:
        assert time.monotonic() - began < 5
        assert daemon.get("/services/one")["state"] != "running"


@pytest.mark.reference("setting monitoring.metrics_*", "says State Store: Metrics")
def test_what_services_used_is_kept_over_a_restart(folder: Path) -> None:
    with hosted(folder, monitoring__metrics_interval="100ms") as daemon:
        while daemon.get("/daemon/stats/history")["total"] < 2:
            time.sleep(0.05)
        found = daemon.get("/daemon/stats/history?limit=1")
        assert len(found["samples"]) == 1
        assert found["samples"][0].keys() == {
            "timestamp", "services_running", "memory_bytes", "cpu_cores", "requests_total",
        }  # fmt: skip
        before = daemon.get("/daemon/stats/history")["total"]
    with hosted(folder) as daemon:
        assert daemon.get("/daemon/stats/history")["total"] >= before
        assert daemon.get("/daemon/stats/history?until=2020-01-01T00:00:00Z") == {"samples": [], "total": 0}


@pytest.mark.reference("says State Store: Health history")
def test_the_health_of_the_past_is_known_after_a_restart(folder: Path) -> None:
    check = {"type": "http", "path": "/health", "interval": "100ms"}
    with hosted(folder) as daemon:
        daemon.add_module("hello", "hello:1.0.0")
        body = {"name": "one", "image": "hello:1.0.0", "health_check": check}
        daemon.data("POST", "/services", body, status=201)
        daemon.settled("one")
        oldest = daemon.get("/health/one/history")["history"][-1]
    with hosted(folder) as daemon:
        daemon.settled("one")
        assert daemon.get("/health/one/history")["history"][-1] == oldest
