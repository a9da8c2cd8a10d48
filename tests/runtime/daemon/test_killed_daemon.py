"""A daemon that is killed: its guests end with it, and the next one on the same directory takes everything up again."""

import json
import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import psutil
import pytest

from catalog.jsonvalue import Json
from tests.runtime.daemon.house import short_folder
from tests.runtime.daemon.killed_process import NAMES, WRITERS

ROUNDS = 5
_KILLED = "the daemon was ended without stopping the service; it has started again and takes the service up"


class Process:
    """The daemon's process."""

    def __init__(self, folder: Path) -> None:
        self._errors = (folder / "errors.txt").open("a+")
        self._process = subprocess.Popen(
            [sys.executable, "-m", "tests.runtime.daemon.killed_process", str(folder)],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=self._errors,
            text=True,
        )

    def line(self) -> Json:
        """The next line of JSON it prints; what else it prints is a log."""
        assert self._process.stdout is not None
        for line in self._process.stdout:
            if line.startswith(("{", '"')):
                return json.loads(line)
        self._errors.seek(0)
        raise AssertionError(f"it has ended: {self._errors.read()}")

    def write(self, text: str) -> None:
        """Have the volumes written to."""
        assert self._process.stdin is not None
        self._process.stdin.write(f"{text}\n")
        self._process.stdin.flush()
        assert self.line() == "written"

    def kill(self) -> None:
        """SIGKILL, without a word."""
        os.kill(self._process.pid, signal.SIGKILL)
        self._process.wait()
        for stream in (self._process.stdin, self._process.stdout, self._errors):
            if stream is not None:
                stream.close()


def _gone_within(pids: list[int], seconds: float) -> bool:
    until = time.monotonic() + seconds
    while any(psutil.pid_exists(pid) and psutil.Process(pid).status() != psutil.STATUS_ZOMBIE for pid in pids):
        if time.monotonic() > until:
            return False
        time.sleep(0.01)
    return True


@pytest.mark.promise("G5", count=ROUNDS)
def test_ten_services_end_with_the_daemon_and_come_back_with_the_next() -> None:
    with short_folder() as folder:
        process = Process(folder)
        told = process.line()
        for number in range(ROUNDS):
            assert told["states"].keys() == set(NAMES)
            assert set(told["states"].values()) == {"running"}
            workers = [pid for pids in told["pids"].values() for pid in pids]
            assert len(workers) == len(NAMES)
            process.write(f"round {number}")
            process.kill()
            assert _gone_within(workers, 2.0)
            process = Process(folder)
            told = process.line()
            assert told["kept"] == dict.fromkeys(WRITERS, f"round {number}")
            assert all(_KILLED in told["logs"][name] for name in NAMES)
            assert told["events"].count("service.stopped") == len(NAMES) * (number + 1)
            assert told["events"].count("service.created") == len(NAMES)
            assert told["events"].count("service.started") == len(NAMES) * (number + 2)
        process.kill()
