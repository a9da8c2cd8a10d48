"""Python and JavaScript behind the framed loop: their handlers, what they print, whom they ask, and how they fail."""

import asyncio
import hashlib
from pathlib import Path

import msgspec
import pytest

from catalog.errors import FabricError, GuestFailed
from runtime.wasm.launch import Abi, Launch, Mount
from runtime.wasm.messages import decode_request, encode_answer
from samples.services.build import HERE
from tests.runtime.wasm.guests.running import Kitchen

pytestmark = pytest.mark.xdist_group("guests")

SAMPLES = {"quotes": "app.py", "cart": "app.js"}


async def with_source(kitchen: Kitchen, sample: str, folder: Path, text: str | None) -> Launch:
    """The sample's interpreter with another source."""
    await asyncio.to_thread(folder.mkdir)
    if text is not None:
        await asyncio.to_thread((folder / SAMPLES[sample]).write_text, text, "utf-8")
    launch = await kitchen.prepare(sample)
    runtime = [mount for mount in launch.mounts if mount.guest != "/app"]
    return msgspec.structs.replace(launch, mounts=(*runtime, Mount(host=folder, guest="/app")))


@pytest.mark.parametrize("sample", SAMPLES)
async def test_a_source_without_a_handler_has_a_page_a_404_and_is_healthy(
    kitchen: Kitchen, tmp_path: Path, sample: str
) -> None:
    launch = await with_source(kitchen, sample, tmp_path / "app", None)
    async with kitchen.running(launch) as guest:
        assert (await guest.get("/health")).body == b"OK\n"
        assert b"no handler yet" in (await guest.get("/")).body
        assert (await guest.get("/else")).status == 404
        assert "/app has no app" in await guest.prints("stderr", "handler\n")


@pytest.mark.parametrize(
    ("sample", "text"), [("quotes", "import nowhere\n"), ("cart", 'throw new Error("nowhere");\n')]
)
async def test_a_source_that_fails_to_load_does_not_start_and_says_why(
    kitchen: Kitchen, tmp_path: Path, sample: str, text: str
) -> None:
    launch = await with_source(kitchen, sample, tmp_path / "app", text)
    with pytest.raises(GuestFailed):
        async with kitchen.running(launch):
            pytest.fail("it became ready")


ANSWERS = {
    "quotes": """
def handler(request):
    answers = {
        "/text": {"body": "Zo\\u00eb"},
        "/json": {"status": 201, "body": {"n": [1, 2]}},
        "/headers": {"headers": {"X-One": "1", "set-cookie": ["a=1", "b=2"]}, "body": b"\\xff"},
        "/nonsense": "no mapping",
        "/none": None,
    }
    return answers[request["path"]]
""",
    "cart": """
export async function handler(request) {
  await Promise.resolve();
  return {
    "/text": { body: "Zo\\u00eb" },
    "/json": { status: 201, body: { n: [1, 2] } },
    "/headers": { headers: { "X-One": "1", "set-cookie": ["a=1", "b=2"] }, body: new Uint8Array([255]) },
    "/nonsense": { headers: 7n, body: 7n },
    "/none": null,
  }[request.path];
}
""",
}


@pytest.mark.parametrize("sample", SAMPLES)
async def test_answers_are_text_bytes_or_json(kitchen: Kitchen, tmp_path: Path, sample: str) -> None:
    launch = await with_source(kitchen, sample, tmp_path / "app", ANSWERS[sample])
    async with kitchen.running(launch) as guest:
        assert (await guest.get("/text")).body == "Zo\u00eb".encode()
        json = await guest.get("/json")
        assert (json.status, msgspec.json.decode(json.body)) == (201, {"n": [1, 2]})
        assert dict(json.headers)[b"content-type"] == b"application/json"
        answer = await guest.get("/headers")
        assert sorted(answer.headers) == [(b"set-cookie", b"a=1"), (b"set-cookie", b"b=2"), (b"x-one", b"1")]
        assert answer.body == b"\xff"
        assert [(await guest.get(path)).status for path in ("/nonsense", "/none", "/text")] == [500, 500, 200]


@pytest.mark.parametrize("sample", SAMPLES)
async def test_it_asks_others_through_the_host_and_reads_why_not(kitchen: Kitchen, sample: str) -> None:
    asked = []

    async def outgoing(message: bytes) -> bytes:
        request = decode_request(message)
        asked.append((request.method, request.path))
        return (
            encode_answer(200, [], b"hello") if b"allowed" in request.path else encode_answer(0, [], b"FORBIDDEN: no")
        )

    async with kitchen.guest(sample, outgoing=outgoing) as guest:
        assert await guest.json("/call?url=http://allowed/a%3Fb") == {"status": 200, "body": "hello"}
        assert await guest.json("/call?url=http://other/") == {"refused": "FORBIDDEN: no"}
    assert asked == [(b"GET", b"http://allowed/a?b"), (b"GET", b"http://other/")]


@pytest.mark.parametrize("sample", SAMPLES)
async def test_without_the_grant_asking_is_refused_and_the_guest_goes_on(kitchen: Kitchen, sample: str) -> None:
    async with kitchen.guest(sample) as guest:
        answer = await guest.get("/call?url=http://allowed/")
        assert answer.status in {500, 502}
        assert (await guest.get("/health")).status == 200


async def test_a_guest_that_ends_itself_loses_one_request(kitchen: Kitchen) -> None:
    async with kitchen.guest("quotes") as guest:
        with pytest.raises(FabricError) as failed:
            await guest.get("/crash?how=exit")
        assert failed.value.code in {"GUEST_TRAPPED", "GUEST_GONE"}


LIARS = (
    "silent",
    "unknown-kind",
    "huge",
    "half",
    "garbage",
    "ready-again",
    "asks-nonsense",
    "floods",
    "ends",
    "answers-twice",
)


async def test_frames_that_make_no_sense_end_in_an_error_and_never_in_a_wait(kitchen: Kitchen) -> None:
    async def outcome(lie: str) -> str:
        async with kitchen.running(await frames(kitchen, lie), seconds=0.5) as guest:
            try:
                return str((await guest.get("/")).status)
            except FabricError as error:
                return error.code

    outcomes = dict(zip(LIARS, await asyncio.gather(*map(outcome, LIARS)), strict=True))
    assert outcomes["silent"] == "GUEST_TIMEOUT"
    good = {lie for lie, code in outcomes.items() if code == "200"}
    assert good <= {"answers-twice", "ready-again", "asks-nonsense", "unknown-kind"}
    assert all(code in {"200"} or code.startswith("GUEST_") for code in outcomes.values())


@pytest.mark.parametrize("lie", ["never-ready", "ends-at-once", "text", "answers-unasked"])
async def test_a_guest_that_does_not_begin_with_ready_is_no_replica(kitchen: Kitchen, lie: str) -> None:
    launch = await frames(kitchen, lie)
    with pytest.raises(GuestFailed):
        async with kitchen.running(msgspec.structs.replace(launch, start_time=0.5)):
            pytest.fail("it became ready")


async def frames(kitchen: Kitchen, lie: str) -> Launch:
    """A launch of the lying framed guest."""
    wasm = HERE / "hostile" / "frames.wasm"
    digest = hashlib.sha256(wasm.read_bytes()).hexdigest()
    return await kitchen.prepare_file(wasm, Abi.FRAMED, digest, argv=("frames", lie))
