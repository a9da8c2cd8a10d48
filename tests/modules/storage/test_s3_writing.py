"""How `s3` writes where the server knows conditions, where it breaks off, and where it is too busy."""

from collections.abc import Iterator

import pytest

from catalog.errors import Conflict, FabricError, TargetTimeout
from catalog.provider import Target
from tests.modules.asking import controller, ports
from tests.modules.peers.s3_in_memory import Memory, s3_in_memory
from tests.modules.storage.storing import Storing

PICTURE = b"\xff\xd8 a picture \xff\xd9"
KEY = "/shelf/x"


@pytest.fixture
def server() -> Iterator[Memory]:
    with s3_in_memory() as memory:
        yield memory


def at(server: Memory, **settings: object) -> Target:
    keys = {"access_key_id": "key", "secret_access_key": "secret of the test", "session_token": "a token"}
    return controller("s3", {"address": server.address, "bucket": "shelf", **settings}, keys)


async def test_the_server_itself_is_told_what_must_still_stand_there(server: Memory) -> None:
    async with ports() as real:
        storing = Storing(at(server), real)
        await storing.store("x", b"old")
        assert (await storing.store("x", PICTURE))["written"]
    first, second = server.puts
    assert first["if-none-match"] == "*"
    assert "if-match" not in first
    assert second["if-match"].startswith('"')
    assert server.held[KEY][0] == PICTURE
    assert second["x-amz-security-token"] == "a token"


async def test_what_comes_between_the_look_and_the_writing_is_not_replaced(server: Memory) -> None:
    def late(_path: str) -> None:
        server.put(KEY, b"theirs")

    async with ports() as real:
        storing = Storing(at(server), real)
        for path, there in (("x", None), ("x", b"old")):
            server.held.clear()
            if there is not None:
                server.put(KEY, there)
            change, artifact = await storing.plan(path, PICTURE)
            server.before = late
            with pytest.raises(Conflict) as refused:
                await storing.write.apply(change, storing.call(artifact))
            server.before = lambda _path: None
            assert refused.value.code == "TARGET_MOVED"
            assert server.held[KEY][0] == b"theirs"


async def test_a_connection_that_breaks_after_the_last_byte_is_no_failure_and_no_second_blob(server: Memory) -> None:
    server.breaks_off_after = 1
    async with ports() as real:
        assert (await Storing(at(server), real).store("x", PICTURE))["written"]
    assert len(server.puts) == 1


async def test_a_busy_server_is_asked_again_and_then_given_up(server: Memory) -> None:
    answers = iter((503, 500, None))
    server.before = lambda _path: next(answers)
    async with ports() as real:
        storing = Storing(at(server), real)
        assert (await storing.store("x", PICTURE))["written"]
        assert len(server.puts) == 3
        server.before = lambda _path: 503
        with pytest.raises(FabricError) as refused:
            await storing.store("y", PICTURE)
    assert refused.value.code == "TARGET_REFUSED"
    assert len(server.puts) == 6


async def test_where_nobody_knows_whether_it_was_stored_it_is_said_to_be_unknown(server: Memory) -> None:
    async with ports() as real:
        storing = Storing(at(server), real)
        change, artifact = await storing.plan("x", PICTURE)
        server.breaks_off_after = 1
        server.before = lambda _path: server.go_mute()
        with pytest.raises(TargetTimeout) as unknown:
            await storing.write.apply(change, storing.call(artifact))
    assert unknown.value.code == "TARGET_TIMEOUT"
    assert server.held[KEY][0] == PICTURE


async def test_an_apply_that_is_sent_twice_stores_once(server: Memory) -> None:
    async with ports() as real:
        storing = Storing(at(server), real)
        change, artifact = await storing.plan("x", PICTURE)
        await storing.write.apply(change, storing.call(artifact))
        with pytest.raises(Conflict):
            await storing.write.apply(change, storing.call(artifact))
    assert len(server.puts) == 1
