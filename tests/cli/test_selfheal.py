"""`make demo-selfheal`: a real service fails, and is healthy again once the staged rollback is applied."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

from api.cli.demo.playing import played
from api.cli.demo.selfheal import story


def test_the_demo_ends_well(tmp_path: Path) -> None:
    command = [sys.executable, "-m", "api.cli.demo.selfheal"]
    settings = {**os.environ, "ADAPTER_READ_ONLY": "true", "FABRIC_PORT": "1"}
    done = subprocess.run(command, cwd=tmp_path, capture_output=True, text=True, check=False, timeout=110, env=settings)
    assert done.returncode == 0, done.stdout + done.stderr
    assert done.stdout.splitlines()[-1] == "demo: ok"
    assert '~ environment.STORE: "nowhere" → "/data"' in done.stdout
    for told in ("runtime.service.failed", "signature verified", "giving up", "revision 3: running, healthy"):
        assert told in done.stdout
    assert "\x1b" not in done.stdout


def test_a_service_that_does_not_fail_is_no_demo(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(story, "BAD", "/elsewhere")
    monkeypatch.setattr(story, "STATE_SECONDS", 4.0)
    assert played(story.play, tmp_path / "demo") != 0
    captured = capsys.readouterr()
    assert "demo: ok" not in captured.out
    assert "DEMO_TIMEOUT" in captured.err
