"""The driver `s3` at OpenStack Swift's S3 API: what is stored, listed, compared, and who is let in."""

import asyncio
import hashlib
import os
from collections.abc import Callable, Mapping

import msgspec
import pytest

from catalog.errors import Conflict, FabricError
from catalog.jsonvalue import Json
from catalog.provider import Target
from tests.fakes.ports import FakeArtifacts
from tests.modules.asking import ask, controller, opened, ports
from tests.modules.peers.openstack_swift import KEY_ID, SECRET, STRANGER, STRANGERS_SECRET, Swift
from tests.modules.storage.storing import Storing, bucket_of

PEER = {"driver": "s3", "peer": "OpenStack Swift"}
PICTURE = b"\xff\xd8 a picture \xff\xd9"


def changed(target: Target, settings: Mapping[str, Json]) -> Target:
    return msgspec.structs.replace(target, settings={**target.settings, **settings})


@pytest.mark.covers("storage.store_blob", **PEER)
@pytest.mark.parametrize("path", ["porch/1.jpg", "a b/ü+%41;~&=?#'\"*.jpg", "a" * 200 + "/" + "b" * 200])
async def test_a_blob_is_stored_and_found_with_its_digest(
    shelf: Target, swift: Swift, path: str, record_property: Callable[[str, object], None]
) -> None:
    record_property("peer_version", swift.version)
    async with ports() as real:
        storing = Storing(shelf, real)
        change, artifact = await storing.plan(path, PICTURE)
        assert change.before == {"kind": "absent"}
        stored = await storing.write.apply(change, storing.call(artifact))
        assert stored.written
        there = await bucket_of(shelf, real).read(path)
        (listed,) = (await ask("storage.list_blobs", shelf, real))["blobs"]
        again, _ = await storing.plan(path, PICTURE)
    assert (there.body, there.headers["content-type"]) == (PICTURE, "image/jpeg")
    assert there.headers["x-amz-meta-sha256"] == hashlib.sha256(PICTURE).hexdigest()
    assert (listed["path"], listed["size"]) == (path, len(PICTURE))
    assert again.before["sha256"] == hashlib.sha256(PICTURE).hexdigest()
    assert again.before["etag"] == hashlib.md5(PICTURE, usedforsecurity=False).hexdigest()


@pytest.mark.covers("storage.store_blob", **PEER)
async def test_a_blob_of_some_size_and_an_empty_one_go_there_whole(shelf: Target) -> None:
    async with ports() as real:
        assert isinstance(real.artifacts, FakeArtifacts)
        real.artifacts.piece = 65_536
        for content in (os.urandom(1_200_000), b""):
            storing = Storing(shelf, real)
            await storing.store("x", content)
            there = await bucket_of(shelf, real).read("x")
            assert there.body == content
            change, _ = await storing.plan("x", content)
            assert change.before["size"] == len(content)


@pytest.mark.covers("storage.store_blob", **PEER)
async def test_a_blob_that_moved_meanwhile_is_seen_and_not_replaced(shelf: Target) -> None:
    async with ports() as real:
        storing, bucket = Storing(shelf, real), bucket_of(shelf, real)
        for other in (b"OLD", b"another"):
            await bucket.send("PUT", "x", body=b"old")
            change, artifact = await storing.plan("x", PICTURE)
            assert not await storing.drifted(change, artifact)
            await bucket.send("PUT", "x", body=other)
            assert await storing.drifted(change, artifact)
            with pytest.raises(Conflict) as refused:
                await storing.write.apply(change, storing.call(artifact))
            assert refused.value.code == "TARGET_MOVED"
            assert (await bucket.read("x")).body == other
        fresh, artifact = await storing.plan("new", PICTURE)
        await bucket.send("PUT", "new", body=b"theirs")
        with pytest.raises(Conflict):
            await storing.write.apply(fresh, storing.call(artifact))


@pytest.mark.covers("storage.list_blobs", **PEER)
async def test_blobs_are_listed_page_by_page_below_the_controllers_own_prefix(
    shelf: Target, swift: Swift, record_property: Callable[[str, object], None]
) -> None:
    record_property("peer_version", swift.version)
    names = ["a-b", "a/1", "a/b/2", "a/ü", "a0", "b"]
    target = changed(shelf, {"prefix": "house/porch/"})
    found: list[Json] = []
    cursor = ""
    async with ports() as real:
        bucket = bucket_of(shelf, real)
        others = ["elsewhere", "house/garden/x"]
        keys = [*(f"house/porch/{name}" for name in names), *others]
        await asyncio.gather(*(bucket.send("PUT", key, body=key.encode()) for key in keys))
        while True:
            page = await ask("storage.list_blobs", target, real, limit=4, cursor=cursor)
            found += page["blobs"]
            if page["next"] is None:
                break
            cursor = page["next"]
        below = await ask("storage.list_blobs", target, real, prefix="a/")
        await Storing(target, real).store("a/1", PICTURE)
        assert (await bucket.read("house/porch/a/1")).body == PICTURE
    assert [each["path"] for each in found] == sorted(names, key=str.encode)
    assert [each["size"] for each in found] == [len(f"house/porch/{each['path']}".encode()) for each in found]
    assert [each["path"] for each in below["blobs"]] == ["a/1", "a/b/2", "a/ü"]


@pytest.mark.covers("storage.health", **PEER)
async def test_health_tells_what_the_bucket_holds_and_how_much_of_its_quota_that_is(
    shelf: Target, swift: Swift, record_property: Callable[[str, object], None]
) -> None:
    record_property("peer_version", swift.version)
    async with ports() as real:
        await Storing(shelf, real).store("x", bytes(600))
        free = await ask("storage.health", shelf, real)
        bounded = await ask("storage.health", changed(shelf, {"quota_bytes": 1000}), real)
        full = await ask("storage.health", changed(shelf, {"quota_bytes": 600}), real)
    assert (free["used_bytes"], free["capacity_bytes"], free["used_percent"], free["healthy"]) == (
        600,
        None,
        None,
        True,
    )
    assert (bounded["used_percent"], bounded["free_bytes"], bounded["healthy"]) == (60.0, 400, True)
    assert (full["used_percent"], full["healthy"]) == (100.0, False)


@pytest.mark.parametrize(
    ("settings", "credentials", "step", "code"),
    [
        ({}, {}, None, ""),
        ({}, {"secret_access_key": "wrong"}, "sign in", "TARGET_AUTH_FAILED"),
        ({}, {"access_key_id": "test:nobody"}, "sign in", "TARGET_AUTH_FAILED"),
        ({}, {"access_key_id": STRANGER, "secret_access_key": STRANGERS_SECRET}, "sign in", "TARGET_AUTH_FAILED"),
        ({"bucket": "no-such-bucket"}, {}, "list bucket", "TARGET_NOT_FOUND"),
        ({"region": "elsewhere-1"}, {}, "list bucket", "TARGET_REFUSED"),
        ({"address": "http://127.0.0.1:9"}, {}, "connect", "TARGET_UNREACHABLE"),
    ],
)
async def test_what_was_tried_is_told_and_no_secret_with_it(
    shelf: Target, settings: dict[str, Json], credentials: dict[str, str], step: str | None, code: str
) -> None:
    keys = {"access_key_id": KEY_ID, "secret_access_key": SECRET, **credentials}
    target = controller("s3", {**shelf.settings, **settings}, keys)
    async with ports() as real:
        checks = await opened(target, real).check()
        failed = [each for each in checks if not each.ok]
        assert [(each.name, each.code) for each in failed] == ([] if step is None else [(step, code)])
        assert SECRET not in str(checks)
        if step is not None:
            assert failed[0].hint
            for path in ("x", "y/z"):
                with pytest.raises(FabricError) as refused:
                    await Storing(target, real).plan(path, PICTURE)
                assert refused.value.code == code
                assert "Controller `peer`" in refused.value.message


async def test_what_the_environment_says_of_proxies_and_profiles_counts_for_nothing(
    shelf: Target, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name in ("HTTP_PROXY", "http_proxy", "ALL_PROXY", "AWS_ENDPOINT_URL", "AWS_ENDPOINT_URL_S3"):
        monkeypatch.setenv(name, "http://127.0.0.1:9")
    monkeypatch.setenv("AWS_ACCESS_KEY_ID", "from the environment")
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", "from the environment")
    monkeypatch.setenv("AWS_PROFILE", "nowhere")
    async with ports() as real:
        assert (await Storing(shelf, real).store("x", PICTURE))["written"]


@pytest.mark.parametrize("address", ["http://169.254.169.254", "http://[fd00:ec2::254]"])
async def test_the_address_of_a_clouds_metadata_is_never_asked(address: str) -> None:
    target = controller(
        "s3", {"address": address, "bucket": "latest"}, {"access_key_id": KEY_ID, "secret_access_key": SECRET}
    )
    async with ports() as real:
        with pytest.raises(FabricError) as refused:
            await ask("storage.list_blobs", target, real)
    assert refused.value.code == "SSRF_NEVER"
