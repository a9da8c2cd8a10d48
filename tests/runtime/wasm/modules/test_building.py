"""Building: what commands make, what is packed, what is inherited, and what a failed build tells."""

import asyncio
import os
import tarfile
from pathlib import Path

import pytest

from catalog.errors import GuestFailed, Invalid, NotFound
from runtime.wasm.modules.building import build, read_folder
from runtime.wasm.modules.fabrickfile import Capabilities, FilesystemCapability, NetworkCapability
from runtime.wasm.modules.media_types import AUTHORS, EXPORTS, MODULE_TYPE, RUNTIME_IMAGE
from runtime.wasm.modules.progress import Progress
from runtime.wasm.modules.sources import entrypoint_file, source_files
from runtime.wasm.modules.store import ModuleStore
from tests.runtime.wasm.modules.making import COMPONENT, HELLO, INTERPRETER, WASM_BYTES, all_files, folder_of, store_in


class Told(Progress):
    """Keeps what it is told."""

    def __init__(self) -> None:
        self.steps: list[str] = []
        self.printed = b""

    def step(self, text: str) -> None:
        self.steps.append(text)

    def output(self, piece: bytes) -> None:
        self.printed += piece

    def moved(self, name: str, done: int, total: int) -> None:
        raise AssertionError("nothing is moved here")


def building(command: str, *, more: str = "", rest: str = "") -> str:
    """A Fabrickfile that copies its input by a command."""
    return f"{HELLO}command = '''{command}'''\n{more}\n{rest}"


async def test_a_folder_becomes_a_module_named_after_its_fabrickfile(store: ModuleStore, tmp_path: Path) -> None:
    told = Told()
    info = await build(folder_of(tmp_path / "hello"), store, progress=told)
    assert (info.reference, info.name, info.version, info.type) == ("hello:1.2.3", "hello", "1.2.3", "http")
    assert store.resolve("hello").wasm.read_bytes() == WASM_BYTES
    assert info.annotations[AUTHORS] == "Ada, Grace"
    assert info.annotations[MODULE_TYPE] == "http"
    assert told.steps == ["packing hello:1.2.3"]
    assert (await build(tmp_path / "hello", store, tag="wasm://team/hi:x")).reference == "team/hi:x"


async def test_commands_run_in_order_in_their_folder_with_their_environment(
    store: ModuleStore, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("FABRICKS_API_KEY", "secret")
    monkeypatch.setenv("KEPT", "kept")
    more = 'pre_build = ["echo pre $PROFILE"]\npost_build = ["echo post; cp made.wasm ../out/hello.wasm"]\n'
    more += 'workdir = "work"\nenvironment = { PROFILE = "release" }'
    text = building("echo $KEPT ${FABRICKS_API_KEY:-none}; pwd; cp in.wasm made.wasm; echo err >&2", more=more)
    folder = folder_of(tmp_path / "hello", text)
    (folder / "out/hello.wasm").unlink()
    (folder / "work").mkdir()
    (folder / "work/in.wasm").write_bytes(WASM_BYTES)
    told = Told()
    info = await build(folder, store, progress=told)
    assert told.printed.decode().split("\n") == [
        "pre release",
        "kept none",
        str(folder / "work"),
        "err",
        "post",
        "",
    ]
    assert [each.split()[0] for each in told.steps] == ["$", "$", "$", "packing"]
    assert info.problem is None
    (folder / "out/hello.wasm").write_bytes(INTERPRETER)
    quiet = Told()
    assert (await build(folder, store, run_build=False, progress=quiet)).digest != info.digest
    assert quiet.printed == b""


async def test_a_failed_command_tells_its_code_and_its_last_words(store: ModuleStore, tmp_path: Path) -> None:
    lines = "for n in $(seq 3000); do echo line $n; done; echo no compiler here >&2; exit 7"
    with pytest.raises(GuestFailed) as caught:
        await build(folder_of(tmp_path / "hello", building(lines)), store)
    assert caught.value.code == "BUILD_FAILED"
    assert "exit code 7" in caught.value.message
    assert caught.value.hint == "It last said: no compiler here"
    assert caught.value.details["exit_code"] == 7
    output = caught.value.details["output"]
    assert output.endswith("line 3000\nno compiler here\n") and len(output) <= 8192
    assert store.list() == []


async def test_what_does_not_end_is_ended_with_its_children(store: ModuleStore, tmp_path: Path) -> None:
    mark = tmp_path / "pid"
    command = f"sleep 300 & echo $! > {mark}; echo begun; wait"
    with pytest.raises(GuestFailed, match="has not ended after") as caught:
        await build(folder_of(tmp_path / "hello", building(command)), store, seconds=0.5)
    assert caught.value.details["output"] == "begun\n"
    await gone(int(mark.read_text()))


async def test_what_a_command_leaves_running_is_killed(store: ModuleStore, tmp_path: Path) -> None:
    mark = tmp_path / "pid"
    await build(folder_of(tmp_path / "hello", building(f"sleep 300 & echo $! > {mark}")), store)
    await gone(int(mark.read_text()))


async def test_a_build_that_is_given_up_leaves_nothing_running(store: ModuleStore, tmp_path: Path) -> None:
    mark = tmp_path / "pid"
    command = f"echo $$ > {mark}.new; mv {mark}.new {mark}; sleep 300"
    task = asyncio.create_task(build(folder_of(tmp_path / "hello", building(command)), store))
    while not mark.exists():
        await asyncio.sleep(0.01)
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task
    await gone(int(mark.read_text()))


async def gone(pid: int) -> None:
    """Wait until the process has ended."""
    async with asyncio.timeout(5):
        while _runs(pid):
            await asyncio.sleep(0.01)


def _runs(pid: int) -> bool:
    try:
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] != "Z"
    except OSError:
        return False


async def test_only_so_many_builds_run_side_by_side(store: ModuleStore, tmp_path: Path) -> None:
    log = tmp_path / "log"
    command = f"echo in >> {log}; sleep 0.05; echo out >> {log}"
    slots = asyncio.Semaphore(1)
    folders = [folder_of(tmp_path / f"hello{n}", building(command)) for n in range(3)]
    await asyncio.gather(*(build(each, store, tag=f"h{n}:1", slots=slots) for n, each in enumerate(folders)))
    assert log.read_text().split() == ["in", "out"] * 3
    assert len(store.list()) == 3


@pytest.mark.parametrize(
    ("wasm", "says"),
    [(None, "is not there"), (b"#!/bin/sh\n", "is not a wasm module"), (b"\0asm\2\0\0\0", "is not a wasm module")],
)
async def test_an_output_that_is_no_module_is_refused(
    store: ModuleStore, tmp_path: Path, wasm: bytes | None, says: str
) -> None:
    folder = folder_of(tmp_path / "hello", HELLO, wasm or b"")
    if wasm is None:
        (folder / "out/hello.wasm").unlink()
    with pytest.raises(GuestFailed, match=says) as caught:
        await build(folder, store)
    assert caught.value.code == "BUILD_FAILED"
    assert store.list() == []


async def test_components_are_modules_too(store: ModuleStore, tmp_path: Path) -> None:
    await build(folder_of(tmp_path / "hello", wasm=COMPONENT), store)
    assert store.interface("hello").component


@pytest.mark.parametrize(("names", "good"), [('["handle", "memory"]', True), ('["handle", "nothing"]', False)])
async def test_exports_are_checked_where_that_is_asked_for(
    store: ModuleStore, tmp_path: Path, names: str, good: bool
) -> None:
    text = f"{HELLO}[exports]\nnames = {names}\n[validate]\ncheck_exports = true\n"
    folder = folder_of(tmp_path / "hello", text)
    if good:
        assert (await build(folder, store)).annotations[EXPORTS] == "handle, memory"
        return
    with pytest.raises(GuestFailed, match="does not export `nothing`"):
        await build(folder, store)


async def test_imports_are_checked_where_that_is_asked_for(store: ModuleStore, tmp_path: Path) -> None:
    text = f'{HELLO}[imports]\nclock = "wasm://clock:1"\n[validate]\ncheck_imports = true\n'
    folder = folder_of(tmp_path / "hello", text)
    with pytest.raises(NotFound, match="clock:1"):
        await build(folder, store)
    await build(folder_of(tmp_path / "clock"), store, tag="clock:1")
    await build(folder, store)


RUNTIME = """
fabrick_version = "1.0"
[info]
name = "python-http"
version = "3.11.3"
type = "http"
[build]
output = "out/hello.wasm"
[files]
"main.py" = "/runtime/main.py"
[runtime]
config = { argv = ["python", "-q", "/runtime/main.py"] }
[capabilities]
env = ["LANG"]
network = { connect = ["pypi.example:443"] }
"""

SCRIPT = """
fabrick_version = "1.0"
[info]
name = "fares"
version = "0.1.0"
type = "http"
[from]
source = "python"
[source]
path = "./src"
entrypoint = "fares:answer"
include = ["**/*.py", "data/*"]
exclude = ["**/test_*", "secret"]
[runtime]
image = "wasm://python-http"
[files]
"tables" = "/etc/fares"
"one.csv" = "/srv/one.csv"
[capabilities]
env = ["SEATS"]
filesystem = { read = ["/etc/fares"] }
network = { allow_all_outbound = true }
"""


def scripted(folder: Path, text: str = SCRIPT) -> Path:
    """A Python service's folder."""
    for name in ("fares.py", "lib/seats.py", "test_fares.py", "data/x.json", "secret/key.py", "readme", "a.pyc"):
        path = folder / "src" / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(name)
    (folder / "tables/deep").mkdir(parents=True)
    (folder / "tables/deep/t.csv").write_text("1,2")
    (folder / "one.csv").write_text("3,4")
    (folder / "Fabrickfile").write_text(text)
    return folder


async def with_runtime(store: ModuleStore, folder: Path) -> None:
    """A runtime's image in the store."""
    made = folder_of(folder / "runtime", RUNTIME, INTERPRETER)
    (made / "main.py").write_text("loop()")
    await build(made, store)


async def test_an_interpreted_module_is_its_interpreter_and_its_source(store: ModuleStore, tmp_path: Path) -> None:
    await with_runtime(store, tmp_path)
    info = await build(scripted(tmp_path / "fares"), store)
    assert [each.part for each in info.layers] == ["runtime", "files", "source", "files"]
    assert info.annotations[RUNTIME_IMAGE] == "python-http:3.11.3"
    module = store.resolve("fares")
    assert module.wasm.read_bytes() == INTERPRETER
    assert module.app is not None
    assert all_files(module.app) == [".fabricks.toml", "data/x.json", "fares.py", "lib/seats.py"]
    assert (module.app / ".fabricks.toml").read_text() == 'entrypoint = "fares:answer"\n'
    assert [each.guest for each in module.mounts] == ["/app", "/etc/fares", "/runtime", "/srv"]
    assert (module.mounts[1].host / "deep/t.csv").read_text() == "1,2"
    assert (module.mounts[3].host / "one.csv").read_text() == "3,4"
    assert module.argv == ("python", "-q", "/runtime/main.py")
    shared = store.get("python-http").layers[0].digest
    assert info.layers[0].digest == shared


async def test_a_child_has_its_parents_capabilities_and_its_own(store: ModuleStore, tmp_path: Path) -> None:
    await with_runtime(store, tmp_path)
    await build(scripted(tmp_path / "fares"), store)
    wanted = Capabilities(
        env=("LANG", "SEATS"),
        network=NetworkCapability(connect=("pypi.example:443",), allow_all_outbound=True),
        filesystem=FilesystemCapability(read=("/etc/fares",)),
    )
    assert store.resolve("fares").fabrickfile.capabilities == wanted
    (tmp_path / "child").mkdir()
    (tmp_path / "child/Fabrickfile").write_text(
        'fabrick_version = "1.0"\n[info]\nname = "child"\nversion = "1.0.0"\ntype = "http"\n[from]\nimage = "fares"\n'
    )
    await build(tmp_path / "child", store)
    child = store.resolve("child")
    assert child.fabrickfile.capabilities == wanted
    assert child.interpreted and child.app is not None and (child.app / "fares.py").exists()


async def test_the_runtime_must_be_in_the_store(store: ModuleStore, tmp_path: Path) -> None:
    with pytest.raises(NotFound) as caught:
        await build(scripted(tmp_path / "fares"), store)
    assert caught.value.code == "MODULE_NOT_FOUND"


async def test_a_wasm_file_that_is_there_needs_no_build(store: ModuleStore, tmp_path: Path) -> None:
    text = 'fabrick_version = "1.0"\n[info]\nname = "ready"\nversion = "1.0.0"\n[from]\npath = "out/hello.wasm"\n'
    await build(folder_of(tmp_path / "ready", text), store)
    assert store.resolve("ready").wasm.read_bytes() == WASM_BYTES


async def test_equal_sources_make_an_equal_digest_anywhere_anytime(tmp_path: Path) -> None:
    digests = set()
    for turn in range(2):
        store = store_in(tmp_path / f"store{turn}")
        await with_runtime(store, tmp_path / f"deep{turn}")
        folder = scripted(tmp_path / f"fares{turn}")
        for number, path in enumerate(sorted(folder.rglob("*"), reverse=bool(turn))):
            os.utime(path, (1000 * turn + number, 1000 * turn + number))
            path.chmod(0o755 if turn else 0o700)
        digests.add((await build(folder, store)).digest)
    assert len(digests) == 1
    (folder / "src/fares.py").write_text("changed")
    assert (await build(folder, store)).digest not in digests


async def test_a_layer_says_nothing_of_the_machine_that_made_it(store: ModuleStore, tmp_path: Path) -> None:
    await with_runtime(store, tmp_path)
    info = await build(scripted(tmp_path / "fares"), store)
    layer = store.layout.blob(info.layers[2].digest)
    assert layer.read_bytes()[3:8] == bytes(5), "no name and no time in gzip's head"
    with tarfile.open(layer) as tar:
        members = tar.getmembers()
    assert [each.name for each in members] == sorted(each.name for each in members)
    assert {(each.mtime, each.uid, each.gid, each.uname, each.gname, each.mode) for each in members} == {
        (0, 0, 0, "", "", 0o644)
    }


async def test_a_link_that_leads_out_of_the_source_is_refused(store: ModuleStore, tmp_path: Path) -> None:
    await with_runtime(store, tmp_path)
    folder = scripted(tmp_path / "fares")
    (folder / "src/inner.py").symlink_to("fares.py")
    await build(folder, store)
    (folder / "src/outer.py").symlink_to("/etc/hostname")
    with pytest.raises(Invalid, match="leads out") as caught:
        await build(folder, store)
    assert caught.value.code == "BUILD_SOURCE"


@pytest.mark.parametrize(
    ("change", "says"),
    [
        (('path = "./src"', 'path = "./nothing"'), "no folder"),
        (('include = ["**/*.py", "data/*"]', 'include = ["*.rs"]'), "left to pack"),
        (('include = ["**/*.py", "data/*"]', 'include = ["**x"]'), "no glob"),
        (('"tables" = "/etc/fares"', '"nothing" = "/etc/fares"'), "no `nothing`"),
        (('"one.csv" = "/srv/one.csv"', '"one.csv" = "/one.csv"'), "cannot lie in the guest's `/`"),
    ],
)
async def test_sources_that_are_not_there_are_told(
    store: ModuleStore, tmp_path: Path, change: tuple[str, str], says: str
) -> None:
    await with_runtime(store, tmp_path)
    with pytest.raises(Invalid, match=says) as caught:
        await build(scripted(tmp_path / "fares", SCRIPT.replace(*change)), store)
    assert caught.value.code == "BUILD_SOURCE"


async def test_warnings_are_told_and_strictness_makes_them_errors(store: ModuleStore, tmp_path: Path) -> None:
    told = Told()
    folder = folder_of(tmp_path / "hello", f'{HELLO}[lables]\na = "b"\n')
    await build(folder, store, progress=told)
    assert told.steps[0] == "warning: `lables` is not a field here: did you mean `labels`."
    with pytest.raises(Invalid):
        await build(folder, store, strict=True)


def test_a_folder_without_a_fabrickfile_is_told(tmp_path: Path) -> None:
    with pytest.raises(NotFound) as caught:
        read_folder(tmp_path)
    assert caught.value.code == "BUILD_NO_FABRICKFILE"
    (tmp_path / "Fabrickfile").mkdir()
    with pytest.raises(Invalid) as odd:
        read_folder(tmp_path)
    assert odd.value.code == "FILE_UNREADABLE"


def test_caches_and_repositories_are_never_packed(tmp_path: Path) -> None:
    for name in ("a.py", "__pycache__/a.pyc", "lib/__pycache__/b.pyc", ".git/HEAD", ".hidden"):
        path = tmp_path / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text("x")
    assert sorted(source_files(tmp_path, (), ())) == [".hidden", "a.py"]


def test_an_entry_point_is_written_as_toml() -> None:
    import tomllib

    odd = 'a"b\\c:handler'
    assert tomllib.loads(entrypoint_file(odd).decode()) == {"entrypoint": odd}
