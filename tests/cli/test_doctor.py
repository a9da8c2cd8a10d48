"""`fabric doctor`: each thing that can be wrong with a machine is seen."""

import socket
from collections.abc import Iterator
from pathlib import Path

import pytest

from api.cli import checkup
from api.cli.checkup import BAD, OK, WARNING, Finding
from api.settings import Settings
from engine.stores.sqlite import opening
from tests.api.running import Running
from tests.cli.commanding import Fabric


def states(findings: Iterator[Finding]) -> list[str]:
    return [each.state for each in findings]


@pytest.fixture
def healthy(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("FABRIC_DATA_DIR", str(tmp_path / "data"))
    monkeypatch.setenv("FABRIC_PORT", "0")
    monkeypatch.delenv("FABRIC_REDIS_URL", raising=False)
    return tmp_path


@pytest.mark.usefixtures("healthy")
def test_a_machine_that_is_fit_passes(fabric: Fabric) -> None:
    said = fabric("doctor", "--json")
    assert said.code == 0, said.out
    assert {each["check"] for each in said.json} >= {"python", "packages", "sqlite", "data directory", "port", "redis"}
    assert "ok" in fabric("doctor").out


def test_another_distribution_that_owns_a_name_of_ours_is_named() -> None:
    owners = {"catalog": ["fabricksd"], "engine": ["fabricksd", "some-engine"], "api": ["fabricksd"]}
    (found,) = checkup.package_owners(lambda: owners)
    assert (found.state, "some-engine" in found.found, "engine" in found.found) == (BAD, True, True)


def test_a_package_from_elsewhere_is_named(tmp_path: Path) -> None:
    places = {"runtime": tmp_path / "elsewhere"}
    (found,) = checkup.package_owners(dict, lambda package: places.get(package, tmp_path))
    assert (found.state, "elsewhere" in found.found) == (BAD, True)
    assert states(checkup.package_owners(dict, lambda _: tmp_path)) == [OK]


def test_an_unfit_sqlite_must_be_replaced(monkeypatch: pytest.MonkeyPatch) -> None:
    assert checkup.sqlite().state == OK
    monkeypatch.setattr(opening, "is_fit", lambda _: False)
    assert checkup.sqlite().state == BAD


def test_an_old_python_must_be_replaced() -> None:
    assert checkup.python_version((3, 10, 9)).state == BAD
    assert checkup.python_version((3, 11, 0)).state == OK


@pytest.mark.parametrize("name", ["admin-token", "seal.key", "fabric.sqlite", "fabric.sqlite-wal"])
def test_a_file_that_others_can_read_must_be_closed(name: str, tmp_path: Path) -> None:
    data = tmp_path / "data"
    data.mkdir(mode=0o700)
    (data / name).write_text("x")
    (data / name).chmod(0o640)
    assert states(checkup.modes(data)) == [OK, BAD]
    (data / name).chmod(0o600)
    assert states(checkup.modes(data)) == [OK, OK]


def test_a_data_directory_that_others_can_enter_must_be_closed(tmp_path: Path) -> None:
    data = tmp_path / "data"
    data.mkdir()
    data.chmod(0o755)
    (found,) = checkup.modes(data)
    assert (found.state, found.hint) == (BAD, f"chmod 700 {data}")
    (absent,) = checkup.modes(tmp_path / "absent")
    assert absent.state == OK
    assert not (tmp_path / "absent").exists()


def test_a_port_that_something_else_holds_must_be_freed(fabric: Fabric, monkeypatch: pytest.MonkeyPatch) -> None:
    with socket.socket() as listener:
        listener.bind(("127.0.0.1", 0))
        listener.listen()
        number = listener.getsockname()[1]
        assert checkup.port("127.0.0.1", number).state == BAD
        monkeypatch.setenv("FABRIC_PORT", str(number))
        assert fabric("doctor").code == 1
    assert checkup.port("127.0.0.1", number).state == OK


def test_a_port_that_our_own_server_holds_is_fine(server: Running) -> None:
    found = checkup.port(*server.address)
    assert (found.state, "answers" in found.found) == (OK, True)


def test_a_redis_that_does_not_answer_is_a_warning() -> None:
    (silent,) = checkup.redis(Settings(redis_url="redis://127.0.0.1:1/0"))
    (wrong,) = checkup.redis(Settings(redis_url="http://x"))
    assert (silent.state, wrong.state) == (WARNING, WARNING)
    (none,) = checkup.redis(Settings())
    assert none.state == OK


def test_a_variable_nobody_knows_is_a_warning_and_a_bad_value_must_be_mended(healthy: Path) -> None:
    base = {"FABRIC_DATA_DIR": str(healthy / "data"), "FABRIC_PORT": "0"}
    unknown = {each.check: each for each in checkup.examine({**base, "FABRIC_PROT": "1"})}["settings"]
    assert (unknown.state, "FABRIC_PORT" in unknown.found) == (WARNING, True)
    bad = {each.check: each for each in checkup.examine({**base, "FABRIC_PORT": "x"})}["settings"]
    assert bad.state == BAD
