"""Failpoints: unset they do nothing; set, the process ends at the place and time that was named."""

import os
import subprocess
import sys

import pytest

from engine import failpoints


def _run(code: str, wanted: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-c", "from engine import failpoints\n" + code],
        env={**os.environ, failpoints.VARIABLE: wanted},
        capture_output=True,
        text=True,
        check=False,
    )


def test_unset_nothing_happens() -> None:
    assert not failpoints.ARMED
    for name in failpoints.NAMES:
        failpoints.hit(name)


@pytest.mark.parametrize(("wanted", "reached"), [("store.migrate", 0), ("store.migrate:3", 2)])
def test_the_process_ends_at_the_hit_that_was_named(wanted: str, reached: int) -> None:
    code = "for n in range(9):\n failpoints.hit('store.accept.before_commit')\n"
    done = _run(code + " failpoints.hit('store.migrate')\n print(n, flush=True)", wanted)
    assert done.returncode == 137
    assert done.stdout.split() == [str(number) for number in range(reached)]


@pytest.mark.parametrize("wanted", ["store.nowhere", "store.migrate:x", "store.migrate:-1"])
def test_a_name_that_is_none_is_refused_at_once(wanted: str) -> None:
    done = _run("print('on')", wanted)
    assert done.returncode == 1
    assert "names no failpoint" in done.stderr


def test_names_are_unique_and_there_are_over_sixty() -> None:
    assert len(set(failpoints.NAMES)) == len(failpoints.NAMES) > 60
