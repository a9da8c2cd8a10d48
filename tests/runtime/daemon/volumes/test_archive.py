"""Archives: what comes back is what was there, and nothing can be smuggled in or out."""

import io
import os
import random
import tarfile
from pathlib import Path

import pytest

from catalog.errors import Conflict
from runtime.daemon.volumes.archive import read_tree, write_tree
from runtime.daemon.volumes.sealing import CHUNK, HEADER, TAG, SealedReader, SealedWriter

KEY, OTHER = bytes(range(32)), bytes(32)
MOST = 100 * 1024 * 1024


def picture(root: Path) -> dict[str, object]:
    """Everything about a tree that a service can see."""
    found: dict[str, object] = {}
    for path in sorted(root.rglob("*")):
        stat = path.lstat()
        kind: object = path.readlink() if path.is_symlink() else path.read_bytes() if path.is_file() else "folder"
        mode = None if path.is_symlink() else stat.st_mode & 0o777
        found[str(path.relative_to(root))] = (kind, mode, None if path.is_symlink() else int(stat.st_mtime))
    return found


@pytest.fixture
def root(tmp_path: Path) -> Path:
    made = tmp_path / "tree"
    (made / "folder/inner").mkdir(parents=True)
    (made / "folder/inner/data.bin").write_bytes(random.Random(1).randbytes(300_000))
    (made / "folder/inner/data.bin").chmod(0o640)
    (made / "empty").touch()
    (made / "Grüße ✓").write_text("hi")
    (made / os.fsdecode(b"not-utf8-\xff")).write_text("x")
    (made / ("long" * 60)).write_text("y")
    (made / "link").symlink_to("/etc/passwd")
    (made / "folder/up").symlink_to("../empty")
    os.mkfifo(made / "pipe")
    os.utime(made / "folder", (1_700_000_000, 1_700_000_000))
    return made


def packed(root: Path) -> bytes:
    out = io.BytesIO()
    write_tree(root, out, MOST)
    return out.getvalue()


def sealed(plain: bytes, key: bytes = KEY) -> bytes:
    out = io.BytesIO()
    writer = SealedWriter(out, key)
    for at in range(0, len(plain), 10_240):
        writer.write(plain[at : at + 10_240])
    writer.finish()
    return out.getvalue()


def opened(content: bytes, key: bytes = KEY) -> bytes:
    return SealedReader(io.BytesIO(content), key).read()


def test_a_tree_comes_back_as_it_was_but_for_what_is_no_file(root: Path, tmp_path: Path) -> None:
    target = tmp_path / "target"
    target.mkdir()
    assert read_tree(io.BytesIO(packed(root)), target, most=MOST, owner=None) == 300_000 + 2 + 1 + 1
    (root / "pipe").unlink()
    assert picture(target) == picture(root)
    with tarfile.open(fileobj=io.BytesIO(packed(root))) as tar:
        assert tar.getmember("link").issym(), "other programs can read it, and what a link leads to is not in it"


def test_a_file_that_shrinks_while_it_is_read_is_filled_up(root: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    real = os.fstat

    def larger(descriptor: int) -> os.stat_result:
        found = list(real(descriptor))
        found[6] += 5_000
        return os.stat_result(found)

    monkeypatch.setattr("runtime.daemon.volumes.archive.os.fstat", larger)
    with tarfile.open(fileobj=io.BytesIO(packed(root))) as tar:
        file = tar.extractfile("empty")
        assert file is not None
        assert file.read() == bytes(5_000)


def test_files_over_the_bound_are_refused_also_sparse_ones(root: Path) -> None:
    with (root / "sparse").open("wb") as file:
        file.truncate(MOST)
    with pytest.raises(Conflict) as refused:
        packed(root)
    assert refused.value.code == "VOLUME_FULL"


def hostile(*members: tuple[str, str, str]) -> bytes:
    out = io.BytesIO()
    with tarfile.open(fileobj=out, mode="w") as tar:
        for kind, name, target in members:
            info = tarfile.TarInfo(name)
            info.type = {"f": tarfile.REGTYPE, "d": tarfile.DIRTYPE, "l": tarfile.SYMTYPE, "h": tarfile.LNKTYPE}.get(
                kind, tarfile.CHRTYPE
            )
            info.linkname = target
            tar.addfile(info)
    return out.getvalue()


@pytest.mark.parametrize(
    "content",
    [
        hostile(("f", "../out", "")),
        hostile(("f", "/tmp/out", "")),
        hostile(("f", "a/../../out", "")),
        hostile(("f", "a//b", "")),
        hostile(("d", ".", "")),
        hostile(("l", "a", "/tmp"), ("f", "a/out", "")),
        hostile(("f", "a", ""), ("f", "a/out", "")),
        hostile(("f", "a", ""), ("f", "a", "")),
        hostile(("f", "a", ""), ("l", "a", "b")),
        hostile(("d", "a", ""), ("d", "a", "")),
        hostile(("h", "a", "/etc/passwd")),
        hostile(("c", "a", "")),
        b"\x01" * 4096,
    ],
)
def test_an_archive_that_we_would_not_have_written_is_refused(content: bytes, tmp_path: Path) -> None:
    target = tmp_path / "target"
    target.mkdir()
    with pytest.raises(Conflict) as refused:
        read_tree(io.BytesIO(content), target, most=MOST, owner=None)
    assert refused.value.code == "VOLUME_DAMAGED"
    assert not (tmp_path / "out").exists()
    assert not Path("/tmp/out").exists()


def test_an_archive_with_more_than_may_be_is_refused(root: Path, tmp_path: Path) -> None:
    (tmp_path / "target").mkdir()
    with pytest.raises(Conflict, match="over 1000 bytes"):
        read_tree(io.BytesIO(packed(root)), tmp_path / "target", most=1_000, owner=None)


def test_an_archive_that_ends_early_is_refused(root: Path, tmp_path: Path) -> None:
    content = packed(root)
    (tmp_path / "target").mkdir()
    with pytest.raises(Conflict):
        read_tree(io.BytesIO(content[:200_000]), tmp_path / "target", most=MOST, owner=None)


@pytest.mark.parametrize("size", [0, 1, CHUNK - 1, CHUNK, CHUNK + 1, 2 * CHUNK, 2 * CHUNK + 77])
def test_what_was_sealed_is_opened_again(size: int) -> None:
    plain = random.Random(size).randbytes(size)
    content = sealed(plain)
    assert opened(content) == plain
    assert len(content) == HEADER + size + TAG * max(1, -(-size // CHUNK))
    assert plain[:64] not in content or size < 8


def test_sealing_twice_gives_nothing_to_compare() -> None:
    assert sealed(b"same")[HEADER:] != sealed(b"same")[HEADER:]


def test_reading_in_small_parts_gives_the_same() -> None:
    plain = random.Random(3).randbytes(CHUNK + 5_000)
    reader = SealedReader(io.BytesIO(sealed(plain)), KEY)
    parts = iter(lambda: reader.read(7_777), b"")
    assert b"".join(parts) == plain


def test_another_key_is_told_from_damage() -> None:
    with pytest.raises(Conflict) as refused:
        opened(sealed(b"x"), OTHER)
    assert refused.value.code == "VOLUME_KEY_WRONG"


PIECE = CHUNK + TAG


def swapped(content: bytes) -> bytes:
    head, rest = content[:HEADER], content[HEADER:]
    return head + rest[PIECE : 2 * PIECE] + rest[:PIECE] + rest[2 * PIECE :]


@pytest.mark.parametrize(
    "change",
    [
        lambda content: content[: HEADER + PIECE],
        lambda content: content[: HEADER + 2 * PIECE],
        lambda content: content[:HEADER],
        lambda content: content[:-1],
        lambda content: content[: HEADER - 1],
        lambda content: b"",
        lambda content: content + b"x",
        lambda content: content + content[HEADER : HEADER + PIECE],
        swapped,
        lambda content: content[:HEADER] + content[HEADER + PIECE :],
        lambda content: content[:HEADER] + content[HEADER : HEADER + PIECE] + content[HEADER:],
        lambda content: content[:20] + bytes([content[20] ^ 1]) + content[21:],
        lambda content: content[:2_000_000] + bytes([content[2_000_000] ^ 1]) + content[2_000_001:],
        lambda content: sealed(b"y" * (2 * CHUNK))[:HEADER] + content[HEADER:],
    ],
)
def test_any_change_is_seen(change: "object") -> None:
    content = sealed(b"x" * (2 * CHUNK + 1_000))
    assert callable(change)
    with pytest.raises(Conflict) as refused:
        opened(change(content))
    assert refused.value.code == "VOLUME_DAMAGED"
