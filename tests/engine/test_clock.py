"""SystemClock: time, and ids that sort by it."""

import os
import threading
import time
import uuid

import pytest

from engine.clock import SystemClock


def test_an_id_is_a_version_7_uuid_of_now() -> None:
    before = time.time_ns() // 1_000_000
    made = uuid.UUID(SystemClock().new_id())
    assert (made.version, made.variant) == (7, uuid.RFC_4122)
    assert before <= made.int >> 80 <= time.time_ns() // 1_000_000 + 1


def test_ids_rise_strictly_and_never_repeat() -> None:
    clock = SystemClock()
    made = [clock.new_id() for _ in range(100_000)]
    assert made == sorted(set(made))


def test_ids_rise_even_when_the_wall_clock_is_set_back(monkeypatch: pytest.MonkeyPatch) -> None:
    clock = SystemClock()
    times = [2_000_000_000_000_000_000, 1_000_000_000_000_000_000, 2_000_000_001_000_000_000]
    made: list[str] = []
    for each in times:
        monkeypatch.setattr(time, "time_ns", lambda each=each: each)
        made.extend(clock.new_id() for _ in range(10_000))
    assert made == sorted(set(made))


def test_ids_of_several_threads_never_repeat() -> None:
    clock = SystemClock()
    made: list[str] = []
    threads = [threading.Thread(target=lambda: made.extend([clock.new_id() for _ in range(5_000)])) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(set(made)) == 20_000


def test_a_child_made_by_fork_makes_other_ids() -> None:
    clock = SystemClock()
    clock.new_id()
    reading, writing = os.pipe()
    child = os.fork()
    if child == 0:
        os.write(writing, clock.new_id()[-12:].encode())
        os._exit(0)
    os.waitpid(child, 0)
    assert os.read(reading, 12).decode() != clock.new_id()[-12:]
    os.close(reading)
    os.close(writing)


def test_the_clocks_are_the_machines() -> None:
    clock = SystemClock()
    assert abs(clock.now() - time.time()) < 1.0
    assert clock.monotonic() <= clock.monotonic()
