"""The peers of storage drivers: a real S3 server, and file systems in files."""

import asyncio
import os
from collections.abc import Iterator
from contextlib import closing

import pytest

from catalog.provider import Target
from tests.modules.asking import controller, ports
from tests.modules.peers import btrfs_pair, loop_mount, openstack_swift
from tests.modules.peers.btrfs_pair import BtrfsPair
from tests.modules.peers.loop_mount import LoopMount
from tests.modules.peers.openstack_swift import KEY_ID, SECRET, Swift
from tests.modules.storage.storing import made_bucket


@pytest.fixture(scope="session")
def swift(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Swift]:
    """A Swift with its S3 API. In CI it must be there; on a laptop without it its tests are skipped."""
    if not openstack_swift.is_installed() and "CI" not in os.environ:
        pytest.skip("Swift is not installed")
    with openstack_swift.swift(tmp_path_factory.mktemp("swift")) as peer:
        yield peer


@pytest.fixture
def shelf(swift: Swift, request: pytest.FixtureRequest) -> Target:
    """A bucket of the test's own, as a controller."""
    target = controller(
        "s3",
        {"address": swift.address, "bucket": f"shelf-{abs(hash(request.node.nodeid)):x}"},
        {"access_key_id": KEY_ID, "secret_access_key": SECRET},
    )

    async def make() -> None:
        async with ports() as real:
            await made_bucket(target, real)

    with closing(asyncio.new_event_loop()) as loop:
        loop.run_until_complete(make())
    return target


@pytest.fixture
def mounted() -> Iterator[LoopMount]:
    """An ext4 of 16 MiB in a file, mounted. In CI it must be possible; on a laptop without root it is skipped."""
    if not loop_mount.can_be_made() and "CI" not in os.environ:
        pytest.skip("mounting a file takes root, losetup and mkfs.ext4")
    with loop_mount.mount_folder() as folder, loop_mount.loop_mount(folder) as made:
        yield made


@pytest.fixture
def pair() -> Iterator[BtrfsPair]:
    """A btrfs over two disks. In CI it must be possible; on a laptop without root or btrfs it is skipped."""
    if not btrfs_pair.can_be_made() and "CI" not in os.environ:
        pytest.skip("a btrfs over two disks takes root, btrfs-progs and a kernel that knows it")
    with loop_mount.mount_folder() as folder, btrfs_pair.btrfs_pair(folder) as made:
        yield made
