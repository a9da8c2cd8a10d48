"""Trees of services: walked without following a link, measured with bounds, removed however deep."""

import os
from pathlib import Path

import pytest

from catalog.errors import Conflict
from runtime.daemon.volumes.tree import DEPTH_MOST, ENTRY_BYTES, measure, remove_tree, walk


def deepened(root: Path, levels: int) -> None:
    """Make directories within directories, further down than a path can name."""
    folder = os.open(root, os.O_RDONLY)
    for _ in range(levels):
        os.mkdir("d" * 40, dir_fd=folder)
        inner = os.open("d" * 40, os.O_RDONLY, dir_fd=folder)
        os.close(folder)
        folder = inner
    os.close(folder)


@pytest.fixture
def root(tmp_path: Path) -> Path:
    made = tmp_path / "tree"
    made.mkdir()
    return made


def test_a_walk_has_each_entry_once_and_no_link_is_followed(root: Path, tmp_path: Path) -> None:
    (tmp_path / "outside").mkdir()
    (tmp_path / "outside/secret").write_text("x")
    (root / "a/b").mkdir(parents=True)
    (root / "a/b/file").write_text("x")
    (root / "a/link").symlink_to(tmp_path / "outside")
    (root / "self").symlink_to(".")
    assert sorted(each.path for each in walk(root)) == ["a", "a/b", "a/b/file", "a/link", "self"]


def test_a_directory_that_becomes_a_link_meanwhile_is_not_entered(root: Path, tmp_path: Path) -> None:
    (tmp_path / "outside").mkdir()
    (tmp_path / "outside/secret").write_text("x")
    (root / "a").mkdir()
    seen = []
    for entry in walk(root):
        seen.append(entry.path)
        if entry.path == "a":
            (root / "a").rmdir()
            (root / "a").symlink_to(tmp_path / "outside")
    assert seen == ["a"]


def test_a_root_that_is_a_link_is_refused(root: Path, tmp_path: Path) -> None:
    (tmp_path / "link").symlink_to(root)
    with pytest.raises(OSError, match="link"):
        list(walk(tmp_path / "link"))


def test_a_measure_is_what_the_disk_gives(root: Path) -> None:
    assert measure(root).used == 0
    (root / "file").write_bytes(b"x" * 10_000)
    assert measure(root).used == 3 * 4096 + ENTRY_BYTES
    os.link(root / "file", root / "again")
    assert measure(root).used == 3 * 4096 + 2 * ENTRY_BYTES, "a second name takes no second place"
    with (root / "sparse").open("wb") as file:
        file.truncate(10**9)
    assert measure(root).used < 5 * 4096


def test_a_measure_ends_when_it_has_seen_enough(root: Path) -> None:
    for number in range(100):
        (root / str(number)).touch()
    assert measure(root).used == 100 * ENTRY_BYTES, "empty files count too"
    found = measure(root, enough=10 * ENTRY_BYTES)
    assert not found.whole
    assert found.used == 11 * ENTRY_BYTES


def test_what_is_too_deep_is_no_whole_measure_and_cannot_be_walked(root: Path) -> None:
    deepened(root, DEPTH_MOST - 1)
    assert measure(root).whole
    remove_tree(root)
    root.mkdir()
    deepened(root, DEPTH_MOST)
    assert not measure(root).whole
    with pytest.raises(Conflict) as refused:
        list(walk(root))
    assert refused.value.code == "VOLUME_TOO_DEEP"


def test_a_tree_is_removed_however_deep_and_nothing_a_link_leads_to(root: Path, tmp_path: Path) -> None:
    (tmp_path / "outside").mkdir()
    (tmp_path / "outside/kept").write_text("x")
    (root / "link").symlink_to(tmp_path / "outside")
    (root / "closed").mkdir()
    (root / "closed/file").write_text("x")
    (root / "closed").chmod(0)
    deepened(root, 2_000)
    descriptors = Path("/proc/self/fd")
    before = len([*descriptors.iterdir()])
    remove_tree(root)
    assert sorted(each.name for each in tmp_path.iterdir()) == ["outside"]
    assert (tmp_path / "outside/kept").exists()
    assert len([*descriptors.iterdir()]) == before
    remove_tree(root)
