"""`make demo-vm`: a real machine crashes; the one that needs it is kept, and its restart is declined."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

from api.cli.demo.playing import played
from api.cli.demo.vm import story
from api.cli.demo.vm.host import Host, lacking

pytestmark = pytest.mark.skipif(bool(lacking()) and "CI" not in os.environ, reason="takes libvirt and QEMU")


def test_the_demo_ends_well(tmp_path: Path) -> None:
    command = [sys.executable, "-m", "api.cli.demo.vm"]
    settings = {**os.environ, "ADAPTER_READ_ONLY": "true", "FABRIC_PORT": "1"}
    done = subprocess.run(command, cwd=tmp_path, capture_output=True, text=True, check=False, timeout=90, env=settings)
    assert done.returncode == 0, done.stdout + done.stderr
    assert done.stdout.splitlines()[-1] == "demo: ok"
    for told in (
        "virsh domstate nas: shut off (crashed)",
        "Take snapshot `nas-lost-",
        "Restart virtual machine `media`, now running.",
        "media runs on and was started once",
    ):
        assert told in done.stdout
    assert "\x1b" not in done.stdout


def test_a_machine_that_does_not_crash_is_no_demo(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(Host, "kill", lambda _host, _name: None)
    monkeypatch.setattr(story, "STATE_SECONDS", 8.0)
    assert played(story.play, tmp_path / "demo") != 0
    captured = capsys.readouterr()
    assert "demo: ok" not in captured.out
    assert "DEMO_TIMEOUT" in captured.err
    assert "waits 8 s for libvirt to notice that `nas` is gone in vain" in captured.err
