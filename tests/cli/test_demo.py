"""`make demo`: the story goes through, is kept, and does not say ok when it is not."""

import hashlib
import os
import re
import subprocess
import sys
from pathlib import Path

import pytest

from api.cli.demo import story
from api.cli.demo.playing import played
from api.cli.demo.process import ServerProcess
from catalog.errors import FabricError


def test_the_demo_ends_well_and_its_file_stays(tmp_path: Path) -> None:
    command = [sys.executable, "-m", "api.cli.demo"]
    settings = {**os.environ, "ADAPTER_READ_ONLY": "false", "FABRIC_PORT": "1"}
    done = subprocess.run(command, cwd=tmp_path, capture_output=True, text=True, check=False, timeout=60, env=settings)
    assert done.returncode == 0, done.stdout + done.stderr
    *_, event, run, change, file, last = done.stdout.splitlines()
    assert last == "demo: ok"
    for line, name in ((event, "event"), (run, "run"), (change, "change")):
        assert re.fullmatch(rf"{name}: [0-9a-f-]{{36}}", line)
    found = re.fullmatch(r"file: (?P<path>/\S+) sha256: (?P<sha256>[0-9a-f]{64})", file)
    assert found is not None
    assert hashlib.sha256(Path(found["path"]).read_bytes()).hexdigest() == found["sha256"]
    assert "\x1b" not in done.stdout
    for told in ("READ_ONLY", "PERSON_REQUIRED", "ADAPTER_READ_ONLY=false", "signature verified", "CHANGE_STATE"):
        assert told in done.stdout


def test_what_is_not_as_it_should_be_is_told_and_not_called_ok(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    wrong = tmp_path / "connection.yaml"
    wrong.write_text(
        story.SAMPLE.read_text().replace("operator: eq, value: order-received", "operator: eq, value: other")
    )
    monkeypatch.setattr(story, "SAMPLE", wrong)
    monkeypatch.setattr(story, "WAIT_SECONDS", 0.5)
    assert played(story.play, tmp_path / "demo") == 4
    captured = capsys.readouterr()
    assert "demo: ok" not in captured.out
    assert "DEMO_TIMEOUT" in captured.err


def test_a_second_demo_starts_from_nothing(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "demo").mkdir()
    (tmp_path / "demo" / "old").write_text("x")
    monkeypatch.setattr(story.Story, "tell", lambda _: None)
    story.play(tmp_path / "demo")
    assert not (tmp_path / "demo" / "old").exists()


def test_a_server_that_does_not_start_is_told(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(story, "SECRET", "")
    process = ServerProcess(tmp_path / "data", tmp_path / "log", {"FABRIC_LOG_LEVEL": "nonsense"})
    with pytest.raises(FabricError, match="does not start"):
        process.start()
    assert "SETTING_INVALID" in capsys.readouterr().err
