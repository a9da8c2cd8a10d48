"""The compiler: machine code made once, in a process with limits, and never half written."""

import asyncio
import hashlib
import os
import time
from contextlib import suppress
from pathlib import Path

import pytest
import wasmtime

from catalog.errors import GuestFailed
from runtime.wasm.compile import Compiler
from runtime.wasm.settings import COMPONENT, CORE, fingerprint
from samples.services.hostile.modules import compile_bomb
from tests.runtime.wasm.lab import processes_of
from tests.runtime.wasm.modules_in_wat import REACTOR


def wasm(text: str) -> bytes:
    return bytes(wasmtime.wat2wasm(text))


def put(folder: Path, data: bytes) -> tuple[Path, str]:
    digest = hashlib.sha256(data).hexdigest()
    path = folder / f"{digest[:12]}.wasm"
    path.write_bytes(data)
    return path, digest


async def test_a_module_is_compiled_once_and_told_about(tmp_path: Path) -> None:
    compiler = Compiler(tmp_path / "cache")
    path, digest = put(tmp_path, wasm(REACTOR))
    first, second = await asyncio.gather(compiler.compile(path, digest), compiler.compile(path, f"sha256:{digest}"))
    assert first == second
    assert not first.component
    assert first.exports == ("memory", "fabric_alloc", "fabric_free", "handle")
    assert first.imports[0] == "wasi_snapshot_preview1::poll_oneoff"
    assert first.path.name == f"{digest}-{fingerprint(CORE)}.cwasm"
    path.unlink()
    written = first.path.stat().st_mtime_ns
    assert await Compiler(tmp_path / "cache").compile(path, digest) == first, "another process finds it"
    assert first.path.stat().st_mtime_ns == written
    assert sorted(each.suffix for each in (tmp_path / "cache").iterdir()) == [".cwasm", ".json"], "no draft is left"
    assert (tmp_path / "cache").stat().st_mode & 0o77 == 0, "nobody else writes there"


async def test_a_component_is_one(tmp_path: Path) -> None:
    path, digest = put(tmp_path, wasm('(component (import "a:b/c" (instance)) (core module))'))
    compiled = await Compiler(tmp_path / "cache").compile(path, digest)
    assert compiled.component
    assert compiled.imports == ("a:b/c",)
    assert compiled.path.name.endswith(f"{fingerprint(COMPONENT)}.cwasm")
    assert fingerprint(COMPONENT) != fingerprint(CORE)


@pytest.mark.parametrize(
    ("data", "why"),
    [
        (b"", "it is not WebAssembly"),
        (b"#!/bin/sh\n", "it is not WebAssembly"),
        (wasm("(module)")[:6], "unexpected end"),
        (wasm("(module)") + b"\x01", "unexpected end"),
        (wasm("(module (memory i64 1))"), "memory64 must be enabled"),
        (wasm("(module (memory 1 1 shared))"), "threads must be enabled"),
        (wasm("(module (memory 1) (memory 1))"), "multiple memories"),
        (wasm("(module (tag))"), "exceptions"),
        (wasm("(module (type (struct)))"), "gc"),
    ],
)
async def test_what_is_no_module_of_ours_is_refused_with_the_reason(tmp_path: Path, data: bytes, why: str) -> None:
    path, digest = put(tmp_path, data)
    with pytest.raises(GuestFailed, match=why) as caught:
        await Compiler(tmp_path / "cache").compile(path, digest)
    assert caught.value.code == "BUILD_FAILED"
    assert not [*(tmp_path / "cache").iterdir()]


async def test_bytes_that_are_not_their_digests_are_refused(tmp_path: Path) -> None:
    path, _ = put(tmp_path, wasm("(module)"))
    with pytest.raises(GuestFailed, match="not those of its digest"):
        await Compiler(tmp_path / "cache").compile(path, "0" * 64)


async def test_a_module_that_is_not_there_is_said(tmp_path: Path) -> None:
    with pytest.raises(GuestFailed, match="No such file"):
        await Compiler(tmp_path / "cache").compile(tmp_path / "none.wasm", "0" * 64)


async def test_a_module_over_the_size_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "large.wasm"
    with path.open("wb") as file:
        file.write(wasm("(module)"))
        file.truncate(65 << 20)
    with pytest.raises(GuestFailed, match="larger than"):
        await Compiler(tmp_path / "cache").compile(path, "0" * 64)


@pytest.mark.parametrize("harm", ["cut", "flip", "notes", "gone"])
async def test_machine_code_that_is_not_as_it_was_written_is_made_again(tmp_path: Path, harm: str) -> None:
    path, digest = put(tmp_path, wasm(REACTOR))
    compiled = await Compiler(tmp_path / "cache").compile(path, digest)
    good = compiled.path.read_bytes()
    notes = compiled.path.with_suffix(".json")
    if harm == "cut":
        compiled.path.write_bytes(good[:-1])
    elif harm == "flip":
        compiled.path.write_bytes(bytes([good[0] ^ 1]) + good[1:])
    elif harm == "notes":
        notes.write_bytes(notes.read_bytes()[:10])
    else:
        notes.unlink()
    again = await Compiler(tmp_path / "cache").compile(path, digest)
    assert again == compiled
    assert hashlib.sha256(compiled.path.read_bytes()).hexdigest() in notes.read_text()


@pytest.mark.promise("G1", count=1)
async def test_a_compile_bomb_costs_its_limit_and_the_loop_nothing(tmp_path: Path) -> None:
    path, digest = put(tmp_path, compile_bomb())
    for _ in range(3):  # what others do on this machine does not happen each time
        longest = await stall_of(Compiler(tmp_path / "cache", cpu_seconds=1), path, digest)
        if longest < 0.1:
            break
    assert longest < 0.1
    assert not [*(tmp_path / "cache").iterdir()]


async def stall_of(compiler: Compiler, path: Path, digest: str) -> float:
    """Compile what costs too much; the longest time in which the loop stood still."""
    longest, last = 0.0, time.perf_counter()
    compiling = asyncio.ensure_future(compiler.compile(path, digest))
    while not compiling.done():
        await asyncio.sleep(0.001)
        now = time.perf_counter()
        longest, last = max(longest, now - last), now
    with pytest.raises(GuestFailed, match="more than 1 seconds of CPU") as caught:
        await compiling
    assert caught.value.code == "BUILD_FAILED"
    return longest


async def test_the_compiler_itself_is_walled_in(tmp_path: Path) -> None:
    """Of a compilation under way the kernel says: no new privileges, a filter, and nothing open but its own files."""
    path, digest = put(tmp_path, compile_bomb())
    compiling = asyncio.ensure_future(Compiler(tmp_path / "cache", wall_seconds=20).compile(path, digest))
    async with asyncio.timeout(20):
        while not (walled := walls_of_children()):
            await asyncio.sleep(0.01)
    compiling.cancel()
    with pytest.raises(asyncio.CancelledError):
        await compiling
    assert "NoNewPrivs:\t1" in walled
    assert not walls_of_children(), "it was for nobody any longer, and was ended"


def walls_of_children() -> str:
    """The status of a child that has a filter, if there is one."""
    for pid in processes_of(os.getpid()):
        with suppress(OSError):
            status = Path(f"/proc/{pid}/status").read_text(encoding="ascii")
            if "Seccomp:\t2" in status:
                return status
    return ""


async def test_a_compilation_over_its_time_or_memory_is_ended(tmp_path: Path) -> None:
    path, digest = put(tmp_path, compile_bomb())
    with pytest.raises(GuestFailed, match=r"longer than 0\.3 seconds"):
        await Compiler(tmp_path / "cache", wall_seconds=0.3).compile(path, digest)
    with pytest.raises(GuestFailed, match="the compiler ended with"):
        await Compiler(tmp_path / "cache", memory=48 << 20).compile(path, digest)
