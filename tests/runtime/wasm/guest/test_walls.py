"""The walls around a worker, tried from inside by a process that wants out."""

import json
import os
import subprocess
import sys
import tempfile
from collections.abc import Mapping
from pathlib import Path

import pytest

from catalog.errors import GuestFailed
from runtime.wasm.guest.syscalls import ALLOWED, HARMFUL
from runtime.wasm.launch import Abi
from tests.runtime.wasm.lab import Lab, ask
from tests.runtime.wasm.modules_in_wat import REACTOR

STRANGE = {"a call of tomorrow": 999, "an x32 call": 0x40000000 + 39}

EXPECTED = {
    "inet socket": "EPERM",
    "unix socket": "EPERM",
    "fork": "EPERM",
    "execve": "EPERM",
    "kill the parent": "EPERM",
    "pidfd of the parent": "EPERM",
    "read /etc/passwd": "EACCES",
    "list /": "EACCES",
    "read another's memory": "EACCES",
    "write beside the mount": "EACCES",
    "read in the mount": "done",
    "write in the read-only mount": "EACCES",
    "write in the mount": "done",
    "make a directory there": "done",
    "move there": "done",
    "link out of the mount": "EXDEV",
    "a large file": "EFBIG",
    "chmod": "EPERM",
    "raise a limit": "EPERM",
    "much memory": "ENOMEM",
    "many files": "EMFILE",
    "become root": "EPERM",
    "a thread": "done",
    "random": "done",
    "a memory file": "done",
    "a pipe opened anew": "done",
    "raise for itself": "done",
    **dict.fromkeys(("a call of tomorrow", "an x32 call"), "ENOSYS"),
    **dict.fromkeys((name for name, (x86, arm) in HARMFUL.items() if x86 is not None and arm is not None), "EPERM"),
}


def imprison(folder: Path, user: str = "") -> tuple[Mapping[str, bool], int, Mapping[str, str]]:
    """What a process reports that has put itself behind the walls."""
    for name in ("read", "write"):
        (folder / name).mkdir()
        (folder / name).chmod(0o777)
    (folder / "read" / "file").write_text("x")
    column = 0 if os.uname().machine == "x86_64" else 1
    calls = {name: numbers[column] for name, numbers in HARMFUL.items() if numbers[column] is not None}
    done = subprocess.run(
        [sys.executable, "-m", "tests.runtime.wasm.guest.prisoner", str(folder), user, json.dumps(calls | STRANGE)],
        capture_output=True,
        cwd=Path(__file__).parents[4],
        timeout=60,
        check=False,
    )
    assert not done.returncode, done.stderr.decode()
    walls, uid, outcomes = json.loads(done.stdout)
    return walls, uid, outcomes


def test_whoever_breaks_out_of_wasm_is_still_inside(tmp_path: Path) -> None:
    walls, uid, outcomes = imprison(tmp_path)
    if not all(walls.values()):
        pytest.skip(f"this kernel has not all walls: {walls}")
    assert uid == os.getuid()
    assert {name: outcomes.get(name) for name in EXPECTED if outcomes.get(name) != EXPECTED[name]} == {}


@pytest.mark.skipif(os.geteuid() != 0, reason="only root can become somebody else")
def test_root_becomes_the_user_that_is_named() -> None:
    # Not below pytest's folder: each pytest that starts closes that to everybody else.
    with tempfile.TemporaryDirectory(prefix="fabric-walls-") as folder:
        Path(folder).chmod(0o755)
        walls, uid, outcomes = imprison(Path(folder), "nobody")
    assert uid == 65534
    assert outcomes["become root"] == "EPERM"
    expected = EXPECTED | {"link out of the mount": "EPERM"}  # fs.protected_hardlinks: the file is root's
    if all(walls.values()):
        assert {name: outcomes.get(name) for name in expected if outcomes.get(name) != expected[name]} == {}


def test_no_call_is_both_allowed_and_harmful() -> None:
    assert not ALLOWED.keys() & HARMFUL.keys()
    for column in (0, 1):
        numbers = [each[column] for each in (*ALLOWED.values(), *HARMFUL.values()) if each[column] is not None]
        assert len(numbers) == len(set(numbers)), "a number stands for one call"


def status_of(pid: int) -> str:
    return Path(f"/proc/{pid}/status").read_text(encoding="ascii")


def files_of(pid: int) -> set[str]:
    return {str(each.readlink()) for each in Path(f"/proc/{pid}/fd").iterdir()}


def limits_of(pid: int) -> dict[str, tuple[str, str]]:
    lines = Path(f"/proc/{pid}/limits").read_text(encoding="ascii").splitlines()[1:]
    return {line[:26].strip(): (line[26:47].strip(), line[47:68].strip()) for line in lines}


@pytest.mark.skipif(os.geteuid() != 0, reason="only root can become somebody else")
@pytest.mark.asyncio(loop_scope="module")
async def test_a_user_who_is_not_there_is_said(lab: Lab) -> None:
    with pytest.raises(GuestFailed, match="nobody-of-that-name"):
        await lab.start(REACTOR, user="nobody-of-that-name")


@pytest.mark.promise("G3", count=1)
@pytest.mark.asyncio(loop_scope="module")
async def test_the_kernel_bounds_what_a_worker_uses(lab: Lab) -> None:
    replica = await lab.start(REACTOR, memory=64 << 20, file_bytes=1_000_000)
    limits = limits_of(replica.pid)
    assert limits["Max file size"] == ("1000000", "1000000")
    assert limits["Max open files"] == ("512", "512")
    assert limits["Max core file size"] == ("0", "0")
    assert (64 << 20) < int(limits["Max data size"][1]) < (64 << 20) + (300 << 20)
    assert int(limits["Max address space"][1]) < 16 << 30
    await replica.stop(1)


@pytest.mark.asyncio(loop_scope="module")
async def test_a_worker_says_which_walls_stand(lab: Lab, tmp_path: Path) -> None:
    walls, _, _ = imprison(tmp_path)
    replica = await lab.start(REACTOR)
    assert replica.walls is not None
    assert {"landlock": replica.walls.landlock, "seccomp": replica.walls.seccomp} == walls
    status = status_of(replica.pid)
    assert ("Seccomp:\t2" in status) == walls["seccomp"]
    assert "CapEff:\t0000000000000000" in status
    assert "NoNewPrivs:\t1" in status
    files = files_of(replica.pid)
    assert {each.split(":")[0] for each in files} <= {
        "socket",
        "pipe",
        "anon_inode",
        "/dev/null",
        "/memfd",
        *(each for each in files if each.endswith(".cwasm")),
    }, "nothing of the daemon's or the zygote's is open"
    await replica.stop(1)
    without = await lab.start(REACTOR, seccomp=False)
    assert without.walls is not None
    assert (without.walls.seccomp, without.walls.landlock) == (False, False)
    await without.stop(1)


@pytest.mark.skipif(os.geteuid() != 0, reason="only root can become somebody else")
@pytest.mark.asyncio(loop_scope="module")
@pytest.mark.parametrize("abi", [each for each in Abi if each is not Abi.COMPONENT])
async def test_a_guest_runs_as_the_user_that_is_named(lab: Lab, abi: Abi) -> None:
    from tests.runtime.wasm.host.test_framed_guests import FRAMED
    from tests.runtime.wasm.modules_in_wat import command

    prints = command("(call $print (i32.const 1)) (loop $l (br $l))")
    module = {Abi.REACTOR: REACTOR, Abi.FRAMED: FRAMED}.get(abi, prints)
    lab.output["stdout"].clear()
    replica = await lab.start(module, abi, user="nobody")
    assert "Uid:\t65534\t65534" in status_of(replica.pid)
    if abi in {Abi.REACTOR, Abi.FRAMED}:
        assert await ask(replica, b"e\n") == b"e\n"
    elif abi is Abi.COMMAND:
        await lab.until_printed(b"printed\n")
    elif abi is Abi.TCP:
        pipes = await replica.connect()
        assert os.read(pipes.stdout, 8) == b"printed\n"
        os.close(pipes.stdin)
        os.close(pipes.stdout)
    await replica.stop(0)
