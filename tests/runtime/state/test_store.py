"""StateStore: what a write has ended with is there again, after whatever end."""

import asyncio
import os
import random
import signal
import subprocess
import sys
from pathlib import Path

import apsw
import pytest

from catalog.errors import Unavailable
from runtime.state import StateStore
from runtime.state.opening import APPLICATION_ID, check_version


async def opened(path: Path) -> StateStore:
    store = StateStore(path)
    await store.open()
    return store


async def test_documents_are_there_again_in_the_order_in_which_they_came(tmp_path: Path) -> None:
    store = await opened(tmp_path / "data" / "state.db")
    await store.put("service", "b", b"1")
    await store.put("service", "a", b"2")
    await store.put("network", "a", b"3")
    await store.put("service", "b", b"4")
    await store.delete("network", "nothing")
    await store.close()
    again = await opened(tmp_path / "data" / "state.db")
    assert again.load("service") == [b"4", b"2"]
    assert again.load("network") == [b"3"]
    await again.delete("service", "b")
    assert again.load("service") == [b"2"]
    await again.close()


async def test_many_documents_are_kept_together_or_not_at_all(tmp_path: Path) -> None:
    store = await opened(tmp_path / "state.db")
    await store.put("a", "old", b"x")
    with pytest.raises(TypeError):
        await store.put_many([("a", "1", b"new"), ("a", "2", object())], gone=[("a", "old")])  # type: ignore[list-item]
    assert store.load("a") == [b"x"]
    await store.put_many([("a", "1", b"y"), ("b", "2", b"z")], gone=[("a", "old")])
    assert (store.load("a"), store.load("b")) == ([b"y"], [b"z"])
    await store.close()


async def test_writes_that_gather_are_committed_together_and_each_is_answered(tmp_path: Path) -> None:
    store = await opened(tmp_path / "state.db")
    await asyncio.gather(*[store.put("n", str(number), b"%d" % number) for number in range(500)])
    assert store.load("n") == [b"%d" % number for number in range(500)]
    await store.close()


async def test_a_caller_who_is_cancelled_changes_nothing_about_his_write(tmp_path: Path) -> None:
    store = await opened(tmp_path / "state.db")
    caller = asyncio.create_task(store.put("n", "1", b"kept"))
    await asyncio.sleep(0)
    caller.cancel()
    await store.put("n", "2", b"after")
    assert store.load("n") == [b"kept", b"after"]
    await store.close()


async def test_a_second_daemon_on_the_same_directory_is_refused_and_told_who_holds_it(tmp_path: Path) -> None:
    store = await opened(tmp_path / "state.db")
    second = StateStore(tmp_path / "state.db")
    with pytest.raises(Unavailable, match=str(os.getpid())) as refused:
        await second.open()
    assert refused.value.code == "DATA_DIR_IN_USE"
    await second.close()
    await store.close()
    await (await opened(tmp_path / "state.db")).close()


async def test_files_are_the_owners_alone(tmp_path: Path) -> None:
    before = os.umask(0)
    try:
        store = await opened(tmp_path / "data" / "state.db")
        await store.put("a", "b", b"c")
        modes = {each.name: each.stat().st_mode & 0o777 for each in (tmp_path / "data").iterdir()}
        assert (tmp_path / "data").stat().st_mode & 0o777 == 0o700
        assert set(modes.values()) == {0o600}, modes
        await store.close()
    finally:
        os.umask(before)


async def test_a_foreign_a_newer_and_a_damaged_file_are_refused_and_left_alone(tmp_path: Path) -> None:
    foreign = apsw.Connection(str(tmp_path / "foreign.db"))
    foreign.execute("CREATE TABLE theirs (x)")
    foreign.close()
    newer = apsw.Connection(str(tmp_path / "newer.db"))
    newer.execute(f"PRAGMA user_version = 99; PRAGMA application_id = {APPLICATION_ID}")
    newer.close()
    (tmp_path / "damaged.db").write_bytes(b"not a database, but long enough to be one" * 50)
    for name, code in (("foreign", "STATE_FOREIGN"), ("newer", "STATE_NEWER"), ("damaged", "STATE_CORRUPT")):
        content = (tmp_path / f"{name}.db").read_bytes()
        store = StateStore(tmp_path / f"{name}.db")
        with pytest.raises(Unavailable) as refused:
            await store.open()
        assert refused.value.code == code
        assert (tmp_path / f"{name}.db").read_bytes() == content
        await store.close()


async def test_a_directory_that_cannot_be_made_is_said(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    store = StateStore(tmp_path / "file" / "state.db")
    with pytest.raises(Unavailable, match="file") as refused:
        await store.open()
    assert refused.value.code == "STATE_UNAVAILABLE"
    await store.close()


async def test_a_closed_store_refuses(tmp_path: Path) -> None:
    store = await opened(tmp_path / "state.db")
    await store.close()
    with pytest.raises(Unavailable) as refused:
        await store.put("a", "b", b"c")
    assert refused.value.code == "STATE_CLOSED"


@pytest.mark.parametrize(("version", "fit"), [("3.51.2", False), ("3.9.0", False), ("3.51.3", True), ("4.0.0", True)])
def test_a_sqlite_that_can_corrupt_is_refused(version: str, fit: bool) -> None:
    if fit:
        check_version(version)
        return
    with pytest.raises(Unavailable) as refused:
        check_version(version)
    assert refused.value.code == "SQLITE_TOO_OLD"


WRITER = """
import asyncio, sys
from pathlib import Path
from runtime.state import StateStore

async def main():
    store = StateStore(Path(sys.argv[1]))
    await store.open()
    async def client(name):
        for turn in range(1, 1000000):
            await store.put_many([("pair", name, b"%d" % turn), ("pair", name + "'", b"%d" % turn)])
            print(name, turn, flush=True)
    await asyncio.gather(*[client(name) for name in "abc"])

asyncio.run(main())
"""

KILLS = 12


async def test_killed_at_any_moment_it_holds_the_old_document_or_the_new_one(tmp_path: Path) -> None:
    dice = random.Random(7)
    path = tmp_path / "state.db"
    for _ in range(KILLS):
        told = _killed_writer(path, dice.randrange(1, 120))
        store = await opened(path)
        kept = [int(each) for each in store.load("pair")]
        await store.close()
        assert len(kept) == 6
        for name, at in zip("abc", range(0, 6, 2), strict=True):
            assert kept[at] == kept[at + 1], "a commit is whole"
            assert told[name] <= kept[at], "what was answered is kept"
        path.unlink()


def _killed_writer(path: Path, lines: int) -> dict[str, int]:
    """Run a writer, kill it with -9 once it has said so many lines; the last turn that each client was answered."""
    command = [sys.executable, "-c", WRITER, str(path)]
    told = dict.fromkeys("abc", 0)
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True, cwd=Path.cwd()) as writer:
        assert writer.stdout is not None
        for count, line in enumerate(writer.stdout):
            name, turn = line.split()
            told[name] = int(turn)
            if count == lines + 3:
                writer.send_signal(signal.SIGKILL)
    return told
