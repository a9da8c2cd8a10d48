"""`make demo-porch`: something moves before a real stream, and its picture is stored once a person agrees."""

import hashlib
import os
import re
import subprocess
import sys
from pathlib import Path

import pytest

from api.cli.demo.playing import played
from api.cli.demo.porch import story, stream


def test_the_demo_ends_well_and_its_picture_stays(tmp_path: Path) -> None:
    command = [sys.executable, "-m", "api.cli.demo.porch"]
    settings = {**os.environ, "ADAPTER_READ_ONLY": "true", "FABRIC_PORT": "1"}
    done = subprocess.run(command, cwd=tmp_path, capture_output=True, text=True, check=False, timeout=60, env=settings)
    assert done.returncode == 0, done.stdout + done.stderr
    *_, change, file, last = done.stdout.splitlines()
    assert last == "demo: ok"
    assert re.fullmatch(r"change: [0-9a-f-]{36}", change)
    found = re.fullmatch(r"file: (?P<path>/\S+) sha256: (?P<sha256>[0-9a-f]{64})", file)
    assert found is not None
    content = Path(found["path"]).read_bytes()
    assert hashlib.sha256(content).hexdigest() == found["sha256"]
    assert content.startswith(b"\xff\xd8\xff")
    for told in ("cameras.event.motion", f"sha256 {found['sha256']}", "its password is sealed"):
        assert told in done.stdout
    assert "\x1b" not in done.stdout


def test_a_picture_in_which_nothing_moves_is_no_demo(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr("api.cli.demo.porch.story.BALL", stream.BALL.replace("pattern=ball", "pattern=black"))
    monkeypatch.setattr(story, "SEEN_SECONDS", 3.0)
    assert played(story.play, tmp_path / "demo") != 0
    captured = capsys.readouterr()
    assert "demo: ok" not in captured.out
    assert "DEMO_TIMEOUT" in captured.err


def test_without_gstreamer_it_says_what_to_install(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    for interpreter in ("/nowhere/python3", "/bin/true"):
        monkeypatch.setattr(stream, "SYSTEM_PYTHON", interpreter)
        assert played(story.play, tmp_path / "demo") != 0
        said = capsys.readouterr().err
        assert "DEMO_LACKS" in said
        assert "gir1.2-gst-rtsp-server-1.0" in said
