"""Opening: which SQLite, whose file, who else is there, and how the last stop went."""

import asyncio
import os
import stat
import sys
import textwrap
from collections.abc import Callable
from pathlib import Path

import apsw
import pytest

from catalog.errors import Unavailable
from engine.stores.sqlite import open_store
from engine.stores.sqlite.lock import FileLock
from engine.stores.sqlite.opening import check_version, is_fit
from engine.stores.sqlite.schema import MIGRATIONS
from engine.stores.sqlite.store import SqliteStore
from tests.contracts.homes import SqliteHome
from tests.contracts.rows import Rows
from tests.fakes.clock import FakeClock
from tests.fakes.told import ToldBus


async def _refused(path: Path) -> Unavailable:
    with pytest.raises(Unavailable) as refused:
        await open_store(path, clock=FakeClock(), owner="me", bus=ToldBus())
    return refused.value


@pytest.mark.parametrize(
    ("version", "fit"),
    [
        ("3.40.1", False),
        ("3.44.5", False),
        ("3.44.6", True),
        ("3.45.0", False),
        ("3.50.6", False),
        ("3.50.7", True),
        ("3.51.2", False),
        ("3.51.3", True),
        ("3.54.1", True),
        ("4.0.0", True),
    ],
)
def test_a_sqlite_that_can_corrupt_in_wal_mode_is_refused(version: str, fit: bool) -> None:
    assert is_fit(version) is fit
    if not fit:
        with pytest.raises(Unavailable) as refused:
            check_version(version)
        assert refused.value.code == "SQLITE_TOO_OLD"


async def test_the_connection_is_set_as_the_design_says(store: SqliteStore, place: SqliteHome) -> None:
    writer = store._writer._connection
    wanted = {
        "journal_mode": "wal",
        "synchronous": 2,
        "foreign_keys": 1,
        "trusted_schema": 0,
        "cell_size_check": 1,
        "wal_autocheckpoint": 0,
        "recursive_triggers": 1,
    }
    assert {name: writer.pragma(name) for name in wanted} == wanted
    with pytest.raises(apsw.ReadOnlyError):
        store._readers._here.rows("DELETE FROM event")
    assert stat.S_IMODE(place.path.stat().st_mode) == 0o600


async def test_a_second_store_in_the_same_place_is_refused_by_name_of_the_process(
    store: SqliteStore, place: SqliteHome
) -> None:
    refused = await _refused(place.path)
    assert refused.code == "DATA_DIR_IN_USE"
    assert str(os.getpid()) in refused.message
    assert refused.details == {"pid": str(os.getpid())}


async def test_a_lock_dies_with_its_process_and_names_it_while_it_lives(tmp_path: Path) -> None:
    code = """
        import asyncio, sys
        from pathlib import Path
        from engine.clock import SystemClock
        from engine.buses.memory import MemoryBus
        from engine.stores.sqlite import open_store
        async def main():
            await open_store(Path(sys.argv[1]), clock=SystemClock(), owner="other", bus=MemoryBus())
            print("open", flush=True)
            await asyncio.sleep(60)
        asyncio.run(main())
    """
    path = tmp_path / "fabric.sqlite"
    other = await asyncio.create_subprocess_exec(
        sys.executable, "-c", textwrap.dedent(code), str(path), stdout=asyncio.subprocess.PIPE
    )
    assert other.stdout is not None
    assert await other.stdout.readline() == b"open\n"
    refused = await _refused(path)
    assert (refused.code, refused.details["pid"]) == ("DATA_DIR_IN_USE", str(other.pid))
    other.kill()
    await other.wait()
    place = SqliteHome(tmp_path)
    await place.open()
    await place.close()


async def test_a_child_made_by_fork_does_not_keep_the_lock(store: SqliteStore, place: SqliteHome) -> None:
    letting_go = _forked_child()
    try:
        await place.close()
        await place.open()
    finally:
        letting_go()


def _forked_child() -> Callable[[], None]:
    """A child that has all our descriptors and does nothing, until the returned function is called."""
    reading, writing = os.pipe()
    child = os.fork()
    if child == 0:
        os.close(writing)
        os.read(reading, 1)
        os._exit(0)

    def end() -> None:
        os.close(writing)
        os.waitpid(child, 0)
        os.close(reading)

    return end


async def test_a_file_of_another_program_is_left_alone(tmp_path: Path) -> None:
    path = tmp_path / "theirs.sqlite"
    theirs = apsw.Connection(str(path))
    theirs.execute("CREATE TABLE precious(x)")
    theirs.close()
    assert (await _refused(path)).code == "STORE_FOREIGN"
    path.write_bytes(b"this is no database at all, whatever its name says" * 100)
    assert (await _refused(path)).code == "STORE_CORRUPT"


async def test_a_store_of_a_newer_version_is_left_alone(store: SqliteStore, place: SqliteHome) -> None:
    await place.close()
    newer = apsw.Connection(str(place.path))
    newer.pragma("user_version", len(MIGRATIONS) + 1)
    newer.close()
    assert (await _refused(place.path)).code == "STORE_NEWER"


async def test_a_place_that_cannot_be_written_says_so(tmp_path: Path) -> None:
    (tmp_path / "fabric.sqlite").mkdir()
    assert (await _refused(tmp_path / "fabric.sqlite")).code == "STORE_UNAVAILABLE"


async def test_a_refused_opening_leaves_no_lock_behind(tmp_path: Path) -> None:
    (tmp_path / "fabric.sqlite").mkdir()
    await _refused(tmp_path / "fabric.sqlite")
    assert (await _refused(tmp_path / "fabric.sqlite")).code == "STORE_UNAVAILABLE"


async def test_a_clean_stop_leaves_one_file_and_no_log(store: SqliteStore, place: SqliteHome, rows: Rows) -> None:
    await rows.fire(store)
    await place.close()
    assert sorted(each.name for each in place.path.parent.iterdir()) == ["fabric.sqlite", "fabric.sqlite.lock"]


def _damage(path: Path) -> None:
    """Overwrite pages that hold events: a plain start does not come across them."""
    with path.open("r+b") as file:
        for page in range(3, 13):
            file.seek(-page * 4096, os.SEEK_END)
            file.write(b"\xaa" * 4096)


async def test_after_an_unclean_stop_damage_is_found_before_anything_is_written(
    store: SqliteStore, place: SqliteHome, rows: Rows
) -> None:
    for number in range(300):
        await store.accept(rows.event({"text": "x" * 900, "n": number}))
    await place.close()
    _damage(place.path)
    await place.open()
    await place.close()
    (place.path.parent / "fabric.sqlite-wal").write_bytes(b"what a crash leaves")
    refused = await _refused(place.path)
    assert refused.code == "STORE_CORRUPT"


async def test_the_integrity_check_finds_damage(store: SqliteStore, place: SqliteHome, rows: Rows) -> None:
    for number in range(300):
        await store.accept(rows.event({"text": "x" * 900, "n": number}))
    await place.close()
    _damage(place.path)
    store = await place.open()
    assert await store.check()


def test_a_copy_that_a_child_has_not_given_up_yet_does_not_keep_the_lock(tmp_path: Path) -> None:
    path = tmp_path / "lock"
    lock = FileLock(path)
    (held,) = [
        int(each.name) for each in Path("/proc/self/fd").iterdir() if each.exists() and each.resolve() == path.resolve()
    ]
    copy = os.dup(held)
    try:
        lock.release()
        FileLock(path).release()
    finally:
        os.close(copy)
