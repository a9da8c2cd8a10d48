"""`fabricksd`: starts, says where, and ends with an exit code that says why."""

import os
import signal
import subprocess
import sys
from importlib.metadata import version
from pathlib import Path

DAEMON = [str(Path(sys.executable).with_name("fabricksd"))]


def environment(**given: str) -> dict[str, str]:
    kept = {name: value for name, value in os.environ.items() if not name.startswith(("FABRIC_", "ADAPTER_"))}
    return {**kept, **given}


def test_it_says_its_version() -> None:
    done = subprocess.run([*DAEMON, "--version"], capture_output=True, text=True, check=True, env=environment())
    assert done.stdout == f"fabricksd {version('fabricksd')}\n"


def test_it_serves_until_it_is_told_to_stop(tmp_path: Path) -> None:
    command = [*DAEMON, "start", "--port", "0", "--data-dir", str(tmp_path / "data")]
    settings = environment(FABRIC_ARTIFACT_DURABLE_DIR=str(tmp_path / "durable"), FABRIC_PROT="1")
    with subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, env=settings) as process:
        assert process.stdout is not None
        for line in process.stdout:
            if "listening on http://127.0.0.1:" in line:
                break
        process.send_signal(signal.SIGTERM)
        _, err = process.communicate(timeout=20)
    assert process.returncode == 0
    assert "Did you mean `FABRIC_PORT`?" in err
    assert (tmp_path / "data" / "admin-token").stat().st_mode & 0o777 == 0o600


def test_a_setting_that_cannot_be_is_the_operator_s_to_mend(tmp_path: Path) -> None:
    command = [*DAEMON, "start", "--data-dir", str(tmp_path)]
    done = subprocess.run(
        command, capture_output=True, text=True, check=False, env=environment(FABRIC_PORT="x"), timeout=30
    )
    assert done.returncode == 1
    assert "SETTING_INVALID" in done.stderr
    assert "Traceback" not in done.stderr
