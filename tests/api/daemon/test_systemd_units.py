"""The systemd units: what systemd takes, and what the daemon understands."""

import re
import shutil
import subprocess
from pathlib import Path

import pytest

from runtime.daemon.config import read_config

SAMPLES = Path(__file__).parents[3] / "samples/systemd"
UNITS = [SAMPLES / "fabricksd.service", SAMPLES / "user/fabricksd.service"]


@pytest.fixture(params=UNITS, ids=["system", "user"])
def unit(request: pytest.FixtureRequest) -> Path:
    """Each unit."""
    found: Path = request.param
    return found


def values(unit: Path, key: str) -> list[str]:
    return re.findall(rf"(?m)^{key}=(.*)$", unit.read_text())


def test_a_unit_waits_for_the_daemons_word_and_gives_it_time_to_stop(unit: Path) -> None:
    assert values(unit, "Type") == ["notify"]
    (start,) = values(unit, "ExecStart")
    assert start.endswith("bin/fabricksd start")
    assert values(unit, "Restart") == ["on-failure"]
    assert int(values(unit, "TimeoutStopSec")[0].removesuffix("s")) > 30, "what a stop may take by default"
    assert not values(unit, "MemoryDenyWriteExecute")


def test_every_variable_of_a_unit_is_one_that_the_daemon_knows(unit: Path, tmp_path: Path) -> None:
    given = dict(each.split("=", 1) for each in values(unit, "Environment"))
    config, warnings = read_config(None, {"HOME": str(tmp_path), **given})
    assert warnings == []
    if given:
        assert config.daemon.socket == Path("/run/fabricks/fabricks.sock")
        assert config.daemon.pid_file == Path("/run/fabricks/fabricks.pid")
        for path in (config.daemon.data_dir, config.storage.volume_base_path):
            assert path.is_relative_to("/var/lib/fabricksd"), "which StateDirectory makes"


@pytest.mark.skipif(shutil.which("systemd-analyze") is None, reason="there is no systemd here")
def test_systemd_finds_nothing_wrong(unit: Path, tmp_path: Path) -> None:
    copy = tmp_path / "fabricksd.service"
    text = re.sub(r"(?m)^(Exec\w+)=.*$", r"\1=/bin/true", unit.read_text())
    copy.write_text(re.sub(r"(?m)^(User|Group)=.*$", r"\1=root", text))
    command = ["systemd-analyze", "verify", "--man=no", "--recursive-errors=no", str(copy)]
    done = subprocess.run(command, capture_output=True, text=True, check=False, timeout=60)
    assert [line for line in done.stderr.splitlines() if "fabricksd" in line] == []
