"""What a configuration asks for and does not get is said, with what happens instead."""

import getpass
from pathlib import Path

import pytest

from runtime.daemon.config import honoured, not_honoured, places, read_config, service_user


@pytest.fixture(autouse=True)
def nothing_of_this_machine(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(places, "SYSTEM_FILE", tmp_path / "absent.toml")


def said(tmp_path: Path, about: str, **variables: str) -> list[str]:
    environment = {"HOME": str(tmp_path), **{f"FABRICKS_{name}": text for name, text in variables.items()}}
    return [each for each in not_honoured(read_config(None, environment)[0]) if about in each.split(";")[0]]


def test_a_profile_is_said_not_to_be_loaded_where_one_is_wanted(tmp_path: Path) -> None:
    assert len(said(tmp_path, "enable_mandatory_access_control")) == 1
    assert said(tmp_path, "enable_mandatory", SECURITY_ENABLE_MANDATORY_ACCESS_CONTROL="false") == []


def test_another_engine_and_another_volume_driver_are_said_not_to_be_there(tmp_path: Path) -> None:
    assert said(tmp_path, "default_engine") == said(tmp_path, "default_volume_driver") == []
    assert "wasmtime" in said(tmp_path, "default_engine", RUNTIME_DEFAULT_ENGINE="wasmer")[0]
    assert "directories" in said(tmp_path, "default_volume_driver", STORAGE_DEFAULT_VOLUME_DRIVER="nfs")[0]


def test_flags_that_are_not_understood_are_named_one_by_one(tmp_path: Path) -> None:
    assert said(tmp_path, "engine_flags") == []
    found = said(tmp_path, "engine_flags", RUNTIME_ENGINE_FLAGS="--opt-level=2 --opt-level=0 --wasm-gc")
    assert [each.split("`")[3] for each in found] == ["--opt-level=0", "--wasm-gc"]


def test_what_the_network_settings_do_is_said(tmp_path: Path) -> None:
    assert "no network namespace" in said(tmp_path, "default_driver")[0] + said(tmp_path, "default_driver")[0]
    assert "`9.9.9.9`" in said(tmp_path, "dns_server", NETWORKING_DNS_SERVER="9.9.9.9")[0]


def test_encryption_without_a_key_is_said(tmp_path: Path) -> None:
    assert len(said(tmp_path, "volume_encryption", STORAGE_VOLUME_ENCRYPTION="true")) == 1
    assert said(tmp_path, "volume_encryption", STORAGE_VOLUME_ENCRYPTION="true", VOLUME_KEY="ab" * 32) == []


def test_a_system_log_that_is_not_there_is_said(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(honoured, "SYSLOG", tmp_path / "log")
    assert len(said(tmp_path, "log_output", DAEMON_LOG_OUTPUT="syslog")) == 1
    (tmp_path / "log").touch()
    assert said(tmp_path, "log_output", DAEMON_LOG_OUTPUT="syslog") == []


def test_services_run_as_another_user_only_where_root_can_choose_one_who_exists(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    environment = {"HOME": str(tmp_path), "FABRICKS_SECURITY_DEFAULT_USER": "nobody"}
    config, _ = read_config(None, environment)
    monkeypatch.setattr("os.geteuid", lambda: 0)
    assert service_user(config) == "nobody"
    assert said(tmp_path, "default_user", SECURITY_DEFAULT_USER="nobody") == []
    assert "no such user" in said(tmp_path, "default_user", SECURITY_DEFAULT_USER="no-such-user")[0]
    monkeypatch.setattr("os.geteuid", lambda: 1)
    assert service_user(config) is None
    assert "only root" in said(tmp_path, "default_user", SECURITY_DEFAULT_USER="nobody")[0]


def test_one_who_asks_for_himself_is_told_nothing(tmp_path: Path) -> None:
    assert said(tmp_path, "default_user", SECURITY_DEFAULT_USER=getpass.getuser()) == []
