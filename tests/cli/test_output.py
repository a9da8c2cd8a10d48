"""Where output goes wrong: nobody reads it, nothing takes it, a file cannot be written."""

import os
import signal
import subprocess
import sys
from pathlib import Path

import pytest

from tests.cli.commanding import Fabric

MANY = 400  # more than a pipe holds, however it is told
CONNECTION = """name: n{n}
source_event: ingest.external
steps:
  - operation_id: fabric.log
    params: {{message: "{{{{trigger.payload.who}}}} {padding}"}}
"""


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    for number in range(MANY):
        (tmp_path / f"{number}.yaml").write_text(CONNECTION.format(n=number, padding="x" * 2000))
    return tmp_path


def typed(words: str, folder: Path) -> subprocess.Popen[bytes]:
    command = [sys.executable, "-c", "from api.cli.main import run; run()", *words.split(), str(folder)]
    return subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE)


@pytest.mark.parametrize("words", ["validate", "validate --json", "fmt --diff"])
def test_a_reader_who_goes_away_is_neither_the_author_nor_a_bug(words: str, folder: Path) -> None:
    with typed(words, folder) as process:
        assert process.stdout is not None
        process.stdout.readline()
        process.stdout.close()
        said = b"" if process.stderr is None else process.stderr.read()
    # One long write that was taken in part counts as taken: then the command ends as it would have.
    assert process.returncode in ((0, 141) if "--json" in words else (141,))
    assert b"Traceback" not in said
    assert b"BrokenPipe" not in said


def test_ctrl_c_ends_a_command_without_a_traceback(tmp_path: Path) -> None:
    pipe = tmp_path / "never.yaml"
    os.mkfifo(pipe)
    with typed("validate", pipe) as process:
        assert process.stderr is not None
        process.stderr.readline()  # the note that it says before it reads
        process.send_signal(signal.SIGINT)
        said = process.stderr.read()
    assert process.returncode == 130
    assert b"Traceback" not in said


@pytest.mark.parametrize("words", ["catalog ls", "schema", "--help"])
def test_a_disk_that_is_full_is_the_outside_s_failure(words: str) -> None:
    command = [sys.executable, "-c", "from api.cli.main import run; run()", *words.split()]
    with Path("/dev/full").open("wb") as full:
        ended = subprocess.run(command, stdout=full, stderr=subprocess.PIPE, check=False)
    assert ended.returncode == 4
    assert b"OUTPUT_UNWRITABLE" in ended.stderr
    assert b"Traceback" not in ended.stderr


def test_a_place_that_cannot_be_written_to_is_told_with_its_name(fabric: Fabric, folder: Path, tmp_path: Path) -> None:
    nowhere = tmp_path / "nowhere" / "x"
    for said in (
        fabric("graph", folder / "0.yaml", "--format", "svg", "-o", nowhere),
        fabric("catalog", "export", "-o", nowhere),
    ):
        assert said.code == 1
        assert "FILE_UNWRITABLE" in said.err
        assert str(nowhere) in said.err
