"""Unpacking: what a hostile tar tries is refused; what is good lands where it belongs, read-only."""

import gzip
import io
import os
import tarfile
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from catalog.errors import FabricError, Invalid, TooLarge
from runtime.wasm.modules.unpack import Budget, lock, unpack_layer
from tests.runtime.wasm.modules.making import all_files, plain, special, tar_of


def unpacked(tmp_path: Path, content: bytes, budget: Budget | None = None) -> Path:
    """Unpack into `out`, beside a file that no layer may reach."""
    blob, out = tmp_path / "layer", tmp_path / "out"
    blob.write_bytes(content)
    out.mkdir(exist_ok=True)
    unpack_layer(blob, out, budget or Budget())
    return out


@pytest.mark.parametrize("packed", [True, False])
def test_files_folders_and_inner_links_are_unpacked(tmp_path: Path, packed: bool) -> None:
    content = tar_of(
        special("./", tarfile.DIRTYPE),
        special("a", tarfile.DIRTYPE),
        plain("a/b/c.txt", b"deep"),
        plain("./top", b"top"),
        special("a/up", tarfile.SYMTYPE, "../top"),
        special("a/b/same", tarfile.SYMTYPE, "c.txt"),
        packed=packed,
    )
    out = unpacked(tmp_path, content)
    assert all_files(out) == ["a/b/c.txt", "a/b/same", "a/up", "top"]
    assert (out / "a/up").read_bytes() == b"top"
    assert (out / "a/b/same").read_bytes() == b"deep"


@pytest.mark.parametrize(
    ("members", "says"),
    [
        ([plain("../out.txt")], "`..` in its name"),
        ([plain("a/../../out.txt")], "`..` in its name"),
        ([plain("/etc/passwd")], "absolute"),
        ([plain("a\\b")], "absolute or unprintable"),
        ([plain("a\nb")], "unprintable"),
        ([special("l", tarfile.SYMTYPE, "/etc/passwd")], "absolute"),
        ([special("l", tarfile.SYMTYPE, "../secret")], "outside"),
        ([special("a/l", tarfile.SYMTYPE, "../../secret")], "outside"),
        ([special("d", tarfile.SYMTYPE, "."), special("l", tarfile.SYMTYPE, "d/../secret")], "outside"),
        ([special("l", tarfile.SYMTYPE, "d/../secret"), special("d", tarfile.SYMTYPE, ".")], "leads out"),
        ([special("d", tarfile.SYMTYPE, "."), plain("d/x")], "a link for a folder"),
        ([plain("d"), plain("d/x")], "a file or a link for a folder"),
        ([plain("d/x"), special("d", tarfile.SYMTYPE, "e")], "stands where a folder is"),
        ([plain("d/x"), plain("d")], "stands where a folder is"),
        ([special("h", tarfile.LNKTYPE, "top"), plain("top")], "neither"),
        ([special("dev", tarfile.CHRTYPE)], "neither"),
        ([special("dev", tarfile.BLKTYPE)], "neither"),
        ([special("pipe", tarfile.FIFOTYPE)], "neither"),
        ([plain("twice", b"1"), plain("twice", b"2")], "twice"),
        ([plain("a/./twice"), plain("a//twice")], "twice"),
        ([plain("x" * 256)], "has a name of over"),
        ([plain("/".join(["d"] * 70))], "levels"),
        ([plain("/".join(["d" * 100] * 11))], "has a name of over"),
    ],
)
def test_what_could_lead_out_or_lie_is_refused(
    tmp_path: Path, members: list[tuple[tarfile.TarInfo, bytes]], says: str
) -> None:
    (tmp_path / "secret").write_text("secret")
    before = all_files(tmp_path)
    with pytest.raises(Invalid) as caught:
        unpacked(tmp_path, tar_of(*members))
    assert caught.value.code == "MODULE_LAYER"
    assert says in caught.value.message
    outside = [each for each in all_files(tmp_path) if not each.startswith("out/")]
    assert outside == [*before, "layer"] or sorted(outside) == sorted([*before, "layer"])
    assert (tmp_path / "secret").read_text() == "secret"


def test_a_later_layer_replaces_files_and_not_folders(tmp_path: Path) -> None:
    unpacked(tmp_path, tar_of(plain("a/x", b"1"), plain("y", b"1"), special("l", tarfile.SYMTYPE, "y")))
    out = unpacked(tmp_path, tar_of(plain("a/x", b"22"), plain("a/z", b"2"), plain("l", b"no link")))
    assert (out / "a/x").read_bytes() == b"22"
    assert (out / "y").read_bytes() == b"1"
    assert (out / "l").read_bytes() == b"no link" and not (out / "l").is_symlink()


def test_a_bomb_is_refused_before_it_fills_the_disk(tmp_path: Path) -> None:
    content = tar_of(plain("zeros", bytes(8 * 1024 * 1024)))
    assert len(content) < 64 * 1024
    with pytest.raises(TooLarge, match="unpack to over"):
        unpacked(tmp_path, content, Budget(size=1024 * 1024))
    assert not (tmp_path / "out/zeros").exists()


def test_too_many_entries_are_refused(tmp_path: Path) -> None:
    with pytest.raises(TooLarge, match="files"):
        unpacked(tmp_path, tar_of(*(plain(f"f{n}", b"") for n in range(12))), Budget(entries=10))


def test_a_header_that_would_swallow_the_memory_is_refused(tmp_path: Path) -> None:
    header = tarfile.TarInfo("pax")
    header.type, header.size = tarfile.XHDTYPE, 200 * 1024 * 1024
    content = gzip.compress(header.tobuf(format=tarfile.USTAR_FORMAT) + bytes(32 * 1024 * 1024), 1)
    with pytest.raises(Invalid, match="larger than any header"):
        unpacked(tmp_path, content)


def test_a_size_below_nothing_is_refused(tmp_path: Path) -> None:
    block = bytearray(tarfile.TarInfo("x").tobuf())
    block[124:136] = b"\xff" * 11 + b"\x9c"
    block[148:156] = b" " * 8
    block[148:156] = b"%06o\0 " % sum(block[:512])
    with pytest.raises(Invalid):
        unpacked(tmp_path, bytes(block) + bytes(1024))


@pytest.mark.parametrize(
    "content",
    [b"", b"no tar at all" * 100, b"\x1f\x8b\x08garbage", gzip.compress(b"x" * 700, mtime=0)],
    ids=["empty", "text", "broken gzip", "packed text"],
)
def test_what_is_no_tar_is_refused(tmp_path: Path, content: bytes) -> None:
    with pytest.raises(Invalid, match="no readable tar"):
        unpacked(tmp_path, content)


def test_a_tar_cut_short_is_refused(tmp_path: Path) -> None:
    content = tar_of(plain("x", bytes(range(256)) * 100))
    with pytest.raises(Invalid, match="no readable tar"):
        unpacked(tmp_path, content[: len(content) // 2])


def test_what_is_locked_can_only_be_read(tmp_path: Path) -> None:
    out = unpacked(tmp_path, tar_of(plain("a/x"), special("l", tarfile.SYMTYPE, "a/x")))
    lock(out)
    assert oct((out / "a/x").stat().st_mode) == "0o100444"
    assert oct((out / "a").stat().st_mode) == oct(out.stat().st_mode) == "0o40555"
    for each in (out, out / "a"):
        each.chmod(0o700)


def test_a_link_that_goes_round_leads_nowhere_else(tmp_path: Path) -> None:
    out = unpacked(tmp_path, tar_of(special("a", tarfile.SYMTYPE, "a//b"), special("l", tarfile.SYMTYPE, "d/./x")))
    assert Path(os.path.realpath(out / "a")).is_relative_to(os.path.realpath(out))
    assert str((out / "l").readlink()) == "d/x"


_NAMES = st.lists(st.sampled_from(["a", "b", "..", ".", "", "l"]), min_size=1, max_size=4).map("/".join)
_MEMBERS = st.lists(
    st.one_of(
        st.builds(plain, _NAMES),
        st.builds(special, _NAMES, st.just(tarfile.DIRTYPE)),
        st.builds(special, _NAMES, st.sampled_from([tarfile.SYMTYPE, tarfile.LNKTYPE]), _NAMES),
    ),
    max_size=6,
)


@given(_MEMBERS)
@settings(max_examples=300, deadline=None)
def test_nothing_ever_leads_out(members: list[tuple[tarfile.TarInfo, bytes]]) -> None:
    import tempfile

    with tempfile.TemporaryDirectory() as folder:
        place = Path(folder)
        (place / "secret").write_text("secret")
        try:
            out = unpacked(place, tar_of(*members))
        except FabricError:
            out = place / "out"
        assert sorted(each.name for each in place.iterdir()) == ["layer", "out", "secret"]
        for path in out.rglob("*"):
            assert Path(os.path.realpath(path)).is_relative_to(os.path.realpath(out))


def test_a_stream_is_read_once() -> None:
    # What unpacking relies on: tarfile asks a stream for no more than it needs at a time.
    content = tar_of(plain("x", bytes(1000)), packed=False)
    asked: list[int] = []

    class Watched(io.BytesIO):
        def read(self, size: int | None = -1, /) -> bytes:
            asked.append(size or 0)
            return super().read(size)

    with tarfile.open(fileobj=Watched(content), mode="r|") as tar:
        assert tar.next() is not None
    assert max(asked) <= 20 * 512
