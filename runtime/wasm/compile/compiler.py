"""Compiler: from a module's bytes to machine code on disk, at most once a digest and configuration."""

import asyncio
import hashlib
import os
import signal
import sys
import tempfile
from pathlib import Path

import msgspec

import runtime
from catalog.errors import GuestFailed
from runtime.wasm.compile.child import Outcome, run_child
from runtime.wasm.compile.task import Answer, Exported, Facts, Refusal, Task
from runtime.wasm.settings import COMPONENT, CORE, fingerprint

MODULE_MOST = 64 * 1024 * 1024
"""Bytes of a module."""
CPU_SECONDS = 240
WALL_SECONDS = 300.0
MEMORY_MOST = 3 * 1024 * 1024 * 1024
"""Bytes that one compilation may use."""


class Compiled(msgspec.Struct, frozen=True, kw_only=True):
    """Machine code that this machine's workers can load. Imports are written `module::name`."""

    path: Path
    component: bool
    exports: tuple[str, ...]
    imports: tuple[str, ...]
    functions: tuple[Exported, ...] = ()


class _UnderWay(msgspec.Struct):
    """A compilation, and how many wait for it."""

    task: asyncio.Task[Compiled]
    waiting: int = 0


class Compiler:
    """Keeps machine code in `cache`, a directory that nobody else may write to.

    At most `parallel` helpers run at a time. `cpu_seconds` and `wall_seconds` bound one compilation.
    """

    def __init__(
        self,
        cache: Path,
        *,
        parallel: int = 4,
        cpu_seconds: int = CPU_SECONDS,
        wall_seconds: float = WALL_SECONDS,
        memory: int = MEMORY_MOST,
    ) -> None:
        self._cache = cache
        self._turns = asyncio.Semaphore(parallel)
        self._cpu_seconds, self._wall_seconds, self._memory = cpu_seconds, wall_seconds, memory
        self._names = {component: fingerprint(COMPONENT if component else CORE) for component in (False, True)}
        self._known: dict[str, Compiled] = {}
        self._under_way: dict[str, _UnderWay] = {}

    async def compile(self, wasm: Path, digest: str) -> Compiled:
        """Machine code of the module in file `wasm`, whose sha256 is `digest` in hex.

        Raises GuestFailed BUILD_FAILED: it is no WebAssembly, uses what is switched off, is too large or too costly.
        """
        digest = digest.removeprefix("sha256:")
        known = self._known.get(digest)
        if known is not None:
            return known
        under_way = self._under_way.get(digest)
        if under_way is None:
            under_way = self._under_way[digest] = _UnderWay(asyncio.create_task(self._make(wasm, digest)))
            under_way.task.add_done_callback(lambda _: self._under_way.pop(digest, None))
        under_way.waiting += 1
        try:
            return await asyncio.shield(under_way.task)
        finally:
            under_way.waiting -= 1
            if not under_way.waiting:
                under_way.task.cancel()  # nobody wants it any longer; nothing happens if it is done
                await asyncio.wait([under_way.task])

    async def _make(self, wasm: Path, digest: str) -> Compiled:
        compiled = await asyncio.to_thread(self._find, digest)
        if compiled is None:
            async with self._turns:
                compiled = await self._run(wasm, digest)
        self._known[digest] = compiled
        return compiled

    def _find(self, digest: str) -> Compiled | None:
        """What is in the cache, if it is whole: its bytes are compared with what was noted when they were made."""
        for name in self._names.values():
            code = self._cache / f"{digest}-{name}.cwasm"
            try:
                facts = msgspec.json.decode(code.with_suffix(".json").read_bytes(), type=Facts)
                with code.open("rb") as file:
                    actual = hashlib.file_digest(file, "sha256").hexdigest()
            except (OSError, msgspec.DecodeError):
                continue
            if actual == facts.sha256 and facts.functions is not None:
                return _compiled(code, facts)
        return None

    async def _run(self, wasm: Path, digest: str) -> Compiled:
        draft = await asyncio.to_thread(self._draft)
        try:
            answer = await self._ask(
                Task(
                    wasm=str(wasm),
                    digest=digest,
                    code=str(draft),
                    parent=os.getpid(),
                    cpu=self._cpu_seconds,
                    memory=self._memory,
                    most=MODULE_MOST,
                )
            )
            if isinstance(answer, Refusal):
                raise _failed(wasm, answer.why)
            return await asyncio.to_thread(self._keep, draft, digest, answer)
        finally:
            await asyncio.to_thread(draft.unlink, missing_ok=True)

    def _draft(self) -> Path:
        self._cache.mkdir(mode=0o700, parents=True, exist_ok=True)
        descriptor, name = tempfile.mkstemp(dir=self._cache, prefix=".draft-")
        os.close(descriptor)
        return Path(name)

    def _keep(self, draft: Path, digest: str, facts: Facts) -> Compiled:
        code = self._cache / f"{digest}-{self._names[facts.component]}.cwasm"
        notes = draft.with_suffix(".json")
        with notes.open("wb") as file:
            file.write(msgspec.json.encode(facts))
            file.flush()
            os.fsync(file.fileno())
        draft.replace(code)
        notes.replace(code.with_suffix(".json"))
        return _compiled(code, facts)

    async def _ask(self, task: Task) -> Answer:
        command = [sys.executable, "-m", "runtime.wasm.compile.helper"]
        environment = {"PYTHONPATH": str(Path(runtime.__file__).parents[1]), "HOME": "/nonexistent"}
        wasm = Path(task.wasm)
        try:
            outcome = await run_child(command, msgspec.json.encode(task), environment, self._wall_seconds)
        except TimeoutError:
            raise _failed(wasm, f"it took longer than {self._wall_seconds:g} seconds") from None
        try:
            answer: Answer = msgspec.json.decode(outcome.stdout, type=Answer)
        except msgspec.DecodeError:
            raise _failed(wasm, self._why_it_died(outcome)) from None
        return answer

    def _why_it_died(self, outcome: Outcome) -> str:
        if outcome.code in {-signal.SIGXCPU, -signal.SIGKILL}:  # the second at the hard limit
            return f"it takes more than {self._cpu_seconds} seconds of CPU"
        last = outcome.stderr.decode(errors="replace").strip().rpartition("\n")[2]
        return f"the compiler ended with {outcome.code}{': ' + last if last else ''}"


def _compiled(code: Path, facts: Facts) -> Compiled:
    return Compiled(
        path=code,
        component=facts.component,
        exports=facts.exports,
        imports=facts.imports,
        functions=facts.functions or (),
    )


def _failed(wasm: Path, why: str) -> GuestFailed:
    return GuestFailed(
        "BUILD_FAILED",
        f"The module `{wasm.name}` cannot be compiled: {why.rstrip('.')}.",
        hint="Threads, exceptions, garbage collection and 64-bit memories are switched off here.",
        details={"reason": why},
    )
