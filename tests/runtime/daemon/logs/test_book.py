"""LogBook: lines as they were printed, within bounds, and followed without a gap."""

import asyncio
import time
import tracemalloc

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from runtime.daemon.logs import LogBook, LogEntry, LogFollow, ServiceLog
from runtime.daemon.logs import follow as follow_module
from tests.fakes.daemon_clock import DaemonClock


@pytest.fixture
def clock() -> DaemonClock:
    return DaemonClock(1_736_936_625_123_456_789)


@pytest.fixture
def log(clock: DaemonClock) -> ServiceLog:
    return ServiceLog(clock, lines=10)


def messages(entries: list[LogEntry]) -> list[str]:
    return [each.message for each in entries]


async def read_now(follow: LogFollow) -> list[LogEntry]:
    found: list[LogEntry] = []
    while True:
        step = asyncio.ensure_future(anext(follow, None))
        await asyncio.sleep(0)
        await asyncio.sleep(0)
        if not step.done():
            step.cancel()
            await asyncio.wait([step])
            return found
        entry = step.result()
        if entry is None:
            return found
        found.append(entry)


def test_an_entry_is_shown_as_the_reference_prints_it(log: ServiceLog) -> None:
    log.feed("api-0", "stdout", b"Starting server on :8080\n")
    (entry,) = log.entries()
    assert entry.shown() == {
        "timestamp": "2025-01-15T10:23:45.123456789Z",
        "stream": "stdout",
        "message": "Starting server on :8080",
        "instance": "api-0",
    }


def test_streams_and_instances_are_joined_apart(log: ServiceLog, clock: DaemonClock) -> None:
    log.feed("a", "stdout", b"one ")
    log.feed("a", "stderr", b"warn")
    log.feed("b", "stdout", b"other\n")
    clock.pass_by(1)
    log.feed("a", "stdout", b"two\n")
    log.feed("a", "stderr", b"ing\n")
    found = log.entries()
    assert [(each.instance, each.stream, each.message) for each in found] == [
        ("b", "stdout", "other"),
        ("a", "stdout", "one two"),
        ("a", "stderr", "warning"),
    ]
    assert found[1].time_ns == clock.wall_ns, "a line bears the time at which its end arrived"
    assert messages(log.entries(instance="a")) == ["one two", "warning"]
    assert messages(log.entries(stream="stderr")) == ["warning"]
    assert messages(log.entries(since_ns=clock.wall_ns - 1)) == ["one two", "warning"]
    assert messages(log.entries(until_ns=clock.wall_ns - 1)) == ["other"]


def test_a_characters_bytes_may_come_in_two_pieces(log: ServiceLog) -> None:
    content = "Grüße ✓ 😀\n".encode()
    for byte in content:
        log.feed("a", "stdout", bytes([byte]))
    assert messages(log.entries()) == ["Grüße ✓ 😀"]


def test_what_is_not_utf_8_is_replaced_and_costs_no_line(log: ServiceLog) -> None:
    log.feed("a", "stdout", b"a\xff\xfeb\ncut \xe2\x9c\nwhole\n")
    assert messages(log.entries()) == ["a\ufffd\ufffdb", "cut \ufffd", "whole"]


def test_empty_lines_are_kept_and_a_carriage_return_is_part_of_the_end(log: ServiceLog) -> None:
    log.feed("a", "stdout", b"\n\nx\r\n\r\n")
    assert messages(log.entries()) == ["", "", "x", ""]


def test_a_begun_line_is_a_line_when_its_instance_has_ended(log: ServiceLog) -> None:
    log.feed("a", "stdout", b"half")
    log.feed("b", "stdout", b"other")
    assert log.entries() == []
    log.ended("a")
    assert messages(log.entries()) == ["half"]
    log.ended("a")
    log.ended("nobody")
    assert messages(log.entries()) == ["half"]


def test_the_daemons_own_words_stand_among_the_lines(log: ServiceLog) -> None:
    log.feed("a", "stdout", b"x\n")
    log.note("replica a ended with code 1")
    assert [(each.stream, each.instance, each.message) for each in log.entries()] == [
        ("stdout", "a", "x"),
        ("stderr", "", "replica a ended with code 1"),
    ]


@given(st.lists(st.integers(1, 9), min_size=1, max_size=30), st.integers(0, 15))
def test_the_last_lines_are_kept_exactly(pieces: list[int], tail: int) -> None:
    log, number, printed = ServiceLog(DaemonClock(), lines=10), 0, []
    for count in pieces:
        lines = [f"line {number + each}" for each in range(count)]
        number += count
        printed += lines
        log.feed("a", "stdout", "".join(line + "\n" for line in lines).encode())
        assert messages(log.entries()) == printed[-10:]
        assert log.dropped == max(0, len(printed) - 10)
    assert messages(log.entries(tail=tail)) == printed[-10:][-tail:]


def test_the_tail_is_of_what_was_picked(log: ServiceLog) -> None:
    for number in range(4):
        log.feed("a", "stdout", b"out %d\n" % number)
        log.feed("a", "stderr", b"err %d\n" % number)
    assert messages(log.entries(tail=2, stream="stderr")) == ["err 2", "err 3"]


@pytest.mark.promise("G3")
@pytest.mark.parametrize("piece", [b"y\n", b"y" * 60_000 + b"\n", b"\n" * 65_536, b"no end", b"x" * 300_000 + b"\n"])
def test_a_flood_is_held_within_bytes_and_lines(piece: bytes) -> None:
    tracemalloc.start()
    try:
        log = ServiceLog(DaemonClock())
        before = tracemalloc.get_traced_memory()[0]
        for _ in range(max(300, min(30_000, 20_000_000 // len(piece)))):
            log.feed("a", "stdout", piece)
        grown = tracemalloc.get_traced_memory()[0] - before
    finally:
        tracemalloc.stop()
    assert grown < 5 * 1024 * 1024
    assert len(log.entries()) <= 10_000


def test_ordinary_logs_are_kept_to_ten_thousand_lines(clock: DaemonClock) -> None:
    log = ServiceLog(clock)
    for number in range(12_000):
        log.feed("a", "stdout", b"2025-01-15T10:23:45Z INFO request %d answered in 12 ms with status 200\n" % number)
    kept = log.entries()
    assert len(kept) == 10_000
    assert kept[0].message.split()[3] == "2000"


def test_feeding_costs_little(clock: DaemonClock) -> None:
    log = ServiceLog(clock)
    piece = b"".join(b"2025-01-15 request %04d answered in 12 ms\n" % number for number in range(100))
    begun = time.process_time()
    for _ in range(1_000):
        log.feed("a", "stdout", piece)
    assert time.process_time() - begun < 0.2, "100,000 lines cost less than a fifth of a second"


async def test_following_has_what_is_there_and_what_comes_without_a_gap(log: ServiceLog) -> None:
    log.feed("a", "stdout", b"1\n2\n3\n")
    follow = log.follow(tail=2)
    log.feed("a", "stdout", b"4\n")
    assert messages(await read_now(follow)) == ["2", "3", "4"]
    waiting = asyncio.create_task(anext(follow))
    await asyncio.sleep(0)
    log.feed("a", "stdout", b"5\n6\n")
    assert (await waiting).message == "5"
    assert messages(await read_now(follow)) == ["6"]
    follow.close()
    log.feed("a", "stdout", b"7\n")
    assert await read_now(follow) == []


@settings(deadline=None)
@given(st.lists(st.tuples(st.booleans(), st.integers(1, 5)), max_size=30), st.integers(0, 30))
def test_however_reading_and_printing_interleave_each_line_comes_once(
    moves: list[tuple[bool, int]], begin: int
) -> None:
    async def live() -> None:
        log, number, follow, got = ServiceLog(DaemonClock(), lines=1_000), 0, None, []
        for turn, (printing, count) in enumerate(moves):
            if turn == begin:
                follow = log.follow()
            if printing:
                log.feed("a", "stdout", "".join(f"{number + each}\n" for each in range(count)).encode())
                number += count
            elif follow is not None:
                got += await read_now(follow)
        if follow is not None:
            got += await read_now(follow)
            assert messages(got) == [str(each) for each in range(number)]

    asyncio.run(live())


async def test_a_slow_follower_is_bounded_and_told_what_he_lost(
    log: ServiceLog, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(follow_module, "WAITING_MOST", 3_000)
    follow = log.follow()
    for number in range(100):
        log.feed("a", "stdout", b"line %d\n" % number)
    told, *rest = await read_now(follow)
    assert told.lost + len(rest) == 100
    assert rest[-1].message == "line 99"
    assert str(told.lost) in told.message
    log.feed("a", "stdout", b"after\n")
    assert messages(await read_now(follow)) == ["after"]


async def test_only_picked_lines_count_for_a_follower(log: ServiceLog) -> None:
    follow = log.follow(stream="stderr", instance="a")
    log.feed("a", "stdout", b"no\n")
    log.feed("b", "stderr", b"no\n")
    log.feed("a", "stderr", b"yes\n")
    assert messages(await read_now(follow)) == ["yes"]


async def test_following_ends_when_the_service_is_forgotten(clock: DaemonClock) -> None:
    book = LogBook(clock)
    log = book.of("a")
    assert book.of("a") is log
    follow = log.follow()
    log.feed("x", "stdout", b"last words\n")
    book.forget("a")
    assert [each.message async for each in follow] == ["last words"]
    follow.close()
    book.forget("a")
    assert book.of("a").entries() == []


def test_lines_that_were_cut_or_dropped_are_counted(clock: DaemonClock) -> None:
    book = LogBook(clock, lines=3)
    log = book.of("a")
    log.feed("x", "stdout", b"z" * 100_000 + b"\n")
    log.ended("x")
    log.feed("x", "stdout", b"1\n2\n3\n4\n")
    assert (log.truncated, log.dropped, log.fed, book.dropped()) == (1, 2, 5, 2)
