"""CGI guests: a fresh instance a request."""

import asyncio
import time
from pathlib import Path

import pytest

from catalog.errors import GuestFailed, TargetFailed
from runtime.wasm.launch import Abi, Mount
from runtime.wasm.messages import ANSWER_MOST, decode_answer, encode_request
from tests.runtime.wasm.lab import Lab, ask, begin, refusal
from tests.runtime.wasm.modules_in_wat import command

pytestmark = pytest.mark.asyncio(loop_scope="module")

REQUEST = encode_request(b"POST", b"/a%20b?q=1", [(b"host", b"desk.example:8080"), (b"proxy", b"evil")], b"the body")

ENVIRONMENT = command(
    """
  (drop (call $sizes (i32.const 500) (i32.const 504)))
  (drop (call $environ (i32.const 8192) (i32.const 16384)))
  (call $put (i32.const 300) (i32.const 27))
  (call $put (i32.const 16384) (i32.load (i32.const 504)))
  (i32.store (i32.const 32) (i32.const 65536))
  (i32.store (i32.const 36) (i32.const 4096))
  (drop (call $read (i32.const 0) (i32.const 32) (i32.const 1) (i32.const 40)))
  (call $put (i32.const 65536) (i32.load (i32.const 40)))""",
    imports="""
  (import "wasi_snapshot_preview1" "environ_sizes_get" (func $sizes (param i32 i32) (result i32)))
  (import "wasi_snapshot_preview1" "environ_get" (func $environ (param i32 i32) (result i32)))
  (data (i32.const 300) "Content-Type: text/plain\\n\\n_")
  (func $put (param $at i32) (param $n i32)
    (i32.store (i32.const 32) (local.get $at))
    (i32.store (i32.const 36) (local.get $n))
    (drop (call $write (i32.const 1) (i32.const 32) (i32.const 1) (i32.const 40))))""",
    memory='(memory (export "memory") 2)',
)
"""Answers its environment, each variable with a zero byte, and then its stdin."""


def writes(text: str, times: int = 1, then: str = "") -> str:
    """A command that writes a text over and over."""
    size = len(text.encode().decode("unicode_escape"))
    return command(
        f"""
  (local $n i32)
  (loop $again
    (i32.store (i32.const 32) (i32.const 2048)) (i32.store (i32.const 36) (i32.const {size}))
    (drop (call $write (i32.const 1) (i32.const 32) (i32.const 1) (i32.const 40)))
    (local.set $n (i32.add (local.get $n) (i32.const 1)))
    (br_if $again (i32.lt_u (local.get $n) (i32.const {times}))))
  {then}""",
        imports=f'(data (i32.const 2048) "{text}")',
    )


async def test_it_reads_rfc_3875_and_its_own_environment(lab: Lab) -> None:
    replica = await lab.start(ENVIRONMENT, Abi.CGI, environment={"MINE": "yes", "REQUEST_METHOD": "hidden"})
    answer = decode_answer(await ask(replica, REQUEST))
    assert (answer.status, answer.headers) == (200, [(b"content-type", b"text/plain")])
    *variables, body = answer.body[1:].split(b"\0")
    told = dict(each.decode().split("=", 1) for each in variables)
    assert body == b"the body"
    assert told == {
        "MINE": "yes",
        "GATEWAY_INTERFACE": "CGI/1.1",
        "SERVER_SOFTWARE": "fabric",
        "SERVER_PROTOCOL": "HTTP/1.1",
        "SERVER_NAME": "desk.example",
        "SERVER_PORT": "8080",
        "REQUEST_METHOD": "POST",
        "SCRIPT_NAME": "",
        "PATH_INFO": "/a b",
        "QUERY_STRING": "q=1",
        "REMOTE_ADDR": "127.0.0.1",
        "CONTENT_LENGTH": "8",
        "HTTP_HOST": "desk.example:8080",
    }


async def test_many_requests_one_after_the_other(lab: Lab) -> None:
    replica = await lab.start(writes("Status: 201 Made\\n\\nhi"), Abi.CGI)
    answers = await asyncio.gather(*(begin(replica, REQUEST) for _ in range(200)))
    assert {decode_answer(each).status for each in answers if isinstance(each, bytes)} == {201}
    assert len(answers) == 200
    assert replica.usage().memory == 65536
    assert (await replica.stop(1)).good


@pytest.mark.parametrize(
    ("module", "code"),
    [
        (writes("no head at all"), "GUEST_BAD_ANSWER"),
        (writes("Status: seven\\n\\n"), "GUEST_BAD_ANSWER"),
        (writes("nothing\\n\\n"), "GUEST_BAD_ANSWER"),
        (writes("a: b\\n" * 65 + "\\n"), "GUEST_BAD_ANSWER"),
        (writes("a: b\\n\\n", then="unreachable"), "GUEST_TRAPPED"),
        (writes("a: b\\n\\n", then="(call $exit (i32.const 1))"), "GUEST_TRAPPED"),
    ],
)
async def test_answers_that_are_none(lab: Lab, module: str, code: str) -> None:
    replica = await lab.start(module, Abi.CGI)
    error = await refusal(replica, REQUEST)
    assert isinstance(error, TargetFailed)
    assert error.code == code


async def test_exit_code_zero_is_a_good_end(lab: Lab) -> None:
    replica = await lab.start(writes("location: /there\\r\\n\\r\\n", then="(call $exit (i32.const 0))"), Abi.CGI)
    answer = decode_answer(await ask(replica, REQUEST))
    assert (answer.status, answer.headers, answer.body) == (302, [(b"location", b"/there")], b"")


@pytest.mark.usefixtures("merciful")
@pytest.mark.promise("G3", count=2)
@pytest.mark.parametrize("writable", [False, True])
async def test_an_answer_that_does_not_end_is_cut(lab: Lab, tmp_path: Path, *, writable: bool) -> None:
    page = "x" * 1024
    endless = writes(page, times=2**31)
    mounts = (Mount(host=tmp_path, guest="/data", writable=True),) if writable else ()
    replica = await lab.start(endless, Abi.CGI, limit=0.8, mounts=mounts)
    error = await refusal(replica, REQUEST)
    assert error.code in {"GUEST_OVERFLOW", "GUEST_TIMEOUT"}
    assert replica.usage().traps == 1
    finite = writes(page, times=(ANSWER_MOST >> 10) + 1)
    replica = await lab.start(finite, Abi.CGI, mounts=mounts)
    assert (await refusal(replica, REQUEST)).code == "GUEST_OVERFLOW"


@pytest.mark.usefixtures("merciful")
async def test_a_loop_is_interrupted_and_the_next_request_answered(lab: Lab) -> None:
    replica = await lab.start(
        ENVIRONMENT.replace("(drop (call $sizes", "(call $maybe) (drop (call $sizes").replace(
            "(func $put",
            """(func $maybe (local $size i32)
          (i32.store (i32.const 32) (i32.const 65536))
          (i32.store (i32.const 36) (i32.const 1))
          (drop (call $read (i32.const 0) (i32.const 32) (i32.const 1) (i32.const 40)))
          (if (i32.eq (i32.load8_u (i32.const 65536)) (i32.const 108)) (then (loop $l (br $l)))))
          (func $put""",
        ),
        Abi.CGI,
        limit=0.2,
    )
    began = time.perf_counter()
    looping = begin(replica, encode_request(b"GET", b"/", [], b"loop"))
    after = begin(replica, REQUEST)
    assert getattr(await looping, "code", None) == "GUEST_TIMEOUT"
    assert time.perf_counter() - began < 4
    assert decode_answer(await after).status == 200  # type: ignore[arg-type]


async def test_a_module_that_cannot_be_instantiated_is_refused_at_once(lab: Lab) -> None:
    with pytest.raises(GuestFailed, match="memory limits"):
        await lab.start(writes("x"), Abi.CGI, memory=1000)
