"""Differences: what a reload tells, and what it puts in force."""

from pathlib import Path

import pytest

from runtime.daemon.config import DaemonConfig, differences, merged, places, read_config


@pytest.fixture(autouse=True)
def nothing_of_this_machine(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(places, "SYSTEM_FILE", tmp_path / "absent.toml")


def config(tmp_path: Path, **variables: str) -> DaemonConfig:
    return read_config(None, {"HOME": str(tmp_path), **{f"FABRICKS_{name}": text for name, text in variables.items()}})[
        0
    ]


def test_differences_are_told_as_the_reference_prints_them(tmp_path: Path) -> None:
    new = config(tmp_path, LOG_LEVEL="debug", RESOURCES_MAX_SERVICES="200")
    assert [str(each) for each in differences(config(tmp_path), new)] == [
        "log_level: info -> debug",
        "max_services: 100 -> 200",
    ]
    assert differences(new, new) == []


def test_what_needs_a_restart_says_so(tmp_path: Path) -> None:
    new = config(
        tmp_path,
        SOCKET="/tmp/other.sock",
        MONITORING_PROMETHEUS_PORT="9091",
        MONITORING_METRICS_INTERVAL="90s",
        SCALING_DEFAULT_CPU_THRESHOLD="72.5",
        API_MAX_BODY_SIZE="1Mi",
        POLICY_MODE="audit",
        EVENTS_PERSIST_EVENTS="yes",
        RUNTIME_ENGINE_FLAGS="--opt-level=2",
    )
    old = config(tmp_path, SOCKET="/tmp/one.sock", DAEMON_PID_FILE="/tmp/other.pid")
    assert [str(each) for each in differences(old, new)] == [
        "socket: /tmp/one.sock -> /tmp/other.sock (restart required)",
        "max_body_size: 10MB -> 1Mi (restart required)",
        "engine_flags: --opt-level=2 --cranelift-opt-level=speed -> --opt-level=2 (restart required)",
        "metrics_interval: 10s -> 1m 30s",
        "prometheus_port: 9090 -> 9091 (restart required)",
        "default_cpu_threshold: 70 -> 72.5",
        "mode: enforce -> audit",
        "persist_events: false -> true",
    ]


def test_secrets_are_told_of_and_not_shown(tmp_path: Path) -> None:
    one, two = config(tmp_path, API_KEY="hush"), config(tmp_path, API_KEY="quiet", VOLUME_KEY="ab" * 32)
    assert [str(each) for each in differences(config(tmp_path), one)] == ["api_key: (none) -> (set)"]
    assert [str(each) for each in differences(one, two)] == [
        "api_key: (set) -> (another)",
        "FABRICKS_VOLUME_KEY: (none) -> (set) (restart required)",
    ]


def test_values_that_print_alike_are_still_told_apart(tmp_path: Path) -> None:
    one, two = config(tmp_path, API_TIMEOUT="90.25"), config(tmp_path, API_TIMEOUT="90.5")
    assert [str(each) for each in differences(one, two)] == ["timeout: 90.25s -> 90.5s (restart required)"]


def test_a_reload_puts_in_force_what_needs_no_restart(tmp_path: Path) -> None:
    old = config(tmp_path)
    new = config(tmp_path, LOG_LEVEL="debug", SOCKET="/tmp/other.sock", EVENTS_RETENTION="2h", API_KEY="x")
    now = merged(old, new)
    assert (now.daemon.log_level, now.events.retention, now.api.api_key) == ("debug", 7200.0, "x")
    assert now.daemon.socket == old.daemon.socket
    assert all(each.restart for each in differences(now, new))
