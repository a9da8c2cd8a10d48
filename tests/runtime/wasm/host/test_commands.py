"""Commands: they run once, and how they end is told."""

import signal
import time

import pytest

from catalog.errors import GuestFailed
from runtime.wasm.launch import Abi, Mount
from tests.runtime.wasm.lab import Lab, refusal
from tests.runtime.wasm.modules_in_wat import FLOOD, SLEEP, SPIN, command

pytestmark = pytest.mark.asyncio(loop_scope="module")


async def test_what_it_prints_and_its_good_end_are_told(lab: Lab) -> None:
    replica = await lab.start(command("(call $print (i32.const 1)) (call $print (i32.const 2))"), Abi.COMMAND)
    ended = await replica.ended()
    assert ended.good
    assert ended.cpu_ns > 0
    assert ended.max_rss > 1_000_000
    assert bytes(lab.output["stdout"]) == bytes(lab.output["stderr"]) == b"printed\n"
    assert replica.usage().cpu_ns >= ended.cpu_ns, "it is known after the end, too"


@pytest.mark.parametrize(
    ("body", "code", "trap"),
    [
        ("(call $exit (i32.const 0))", 0, None),
        ("(call $exit (i32.const 42))", 42, None),
        ("unreachable", 134, "UNREACHABLE"),
        ("(drop (i32.div_u (i32.const 1) (i32.const 0)))", 134, "INTEGER_DIVISION_BY_ZERO"),
    ],
)
async def test_exit_codes_and_traps(lab: Lab, body: str, code: int, trap: str | None) -> None:
    replica = await lab.start(command(body), Abi.COMMAND)
    ended = await replica.ended()
    assert (ended.code, ended.trap) == (code, trap)


@pytest.mark.parametrize(("module", "code"), [(SPIN, 134), (SLEEP, -signal.SIGKILL), (FLOOD, 134)])
async def test_a_command_that_runs_on_is_stopped_at_once(lab: Lab, module: str, code: int) -> None:
    lab.output["stdout"].clear()
    replica = await lab.start(module, Abi.COMMAND)
    if module != SPIN:
        await lab.until_printed(b"printed\n")
    began = time.perf_counter()
    ended = await replica.stop(30)
    assert time.perf_counter() - began < 1.5
    assert ended.code in {code, -signal.SIGKILL}
    lab.output["stdout"].clear()


async def test_it_answers_no_requests(lab: Lab) -> None:
    replica = await lab.start(SPIN, Abi.COMMAND)
    assert (await refusal(replica, b"e")).code == "GUEST_NOT_BEGUN"
    await replica.stop(0)


async def test_a_module_without_start_is_refused(lab: Lab) -> None:
    with pytest.raises(GuestFailed, match="exports no function `_start`"):
        await lab.start("(module)", Abi.COMMAND)


async def test_a_mount_that_is_not_there_is_said(lab: Lab, tmp_path: "pytest.TempPathFactory") -> None:
    from pathlib import Path

    mount = Mount(host=Path("/nowhere/at/all"), guest="/data")
    with pytest.raises(GuestFailed, match="No such file"):
        await lab.start(SPIN, Abi.COMMAND, mounts=(mount,))


async def test_its_memory_is_seen_while_it_runs(lab: Lab) -> None:
    grow = command(
        """(memory.fill (i32.const 65536) (i32.const 1) (i32.const 67108864))
        (call $print (i32.const 1)) (loop $l (br $l))""",
        memory='(memory (export "memory") 1100)',
    )
    replica = await lab.start(grow, Abi.COMMAND)
    await lab.until_printed(b"printed\n")
    used = replica.usage()
    assert 50_000_000 < used.memory < 120_000_000
    await replica.stop(0)
    assert replica.usage().memory_peak >= used.memory
