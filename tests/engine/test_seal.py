"""The seal: what is sealed opens with the data directory's key, and with no other."""

import stat
from pathlib import Path

import pytest

from catalog.errors import Unavailable
from engine.seal import KEY_FILE, add_key, keep_newest, open_seal


def test_what_is_sealed_opens_and_does_not_show(tmp_path: Path) -> None:
    seal = open_seal(tmp_path)
    sealed = seal.seal(b"hunter2")
    assert b"hunter2" not in sealed
    assert seal.seal(b"hunter2") != sealed
    assert open_seal(tmp_path).open(sealed) == b"hunter2"


def test_the_key_file_is_made_once_and_for_its_owner_alone(tmp_path: Path) -> None:
    open_seal(tmp_path)
    key = (tmp_path / KEY_FILE).read_bytes()
    open_seal(tmp_path)
    assert (tmp_path / KEY_FILE).read_bytes() == key
    assert stat.S_IMODE((tmp_path / KEY_FILE).stat().st_mode) == 0o600
    assert [each.name for each in tmp_path.iterdir()] == [KEY_FILE]


def test_another_key_or_altered_bytes_are_refused(tmp_path: Path) -> None:
    (tmp_path / "a").mkdir()
    (tmp_path / "b").mkdir()
    seal, other = open_seal(tmp_path / "a"), open_seal(tmp_path / "b")
    sealed = bytearray(seal.seal(b"x"))
    altered = bytes(sealed[:-5] + bytes([sealed[-5] ^ 1]) + sealed[-4:])
    for opener, given in ((other, bytes(sealed)), (seal, altered), (seal, b"")):
        with pytest.raises(Unavailable) as refused:
            opener.open(given)
        assert refused.value.code == "SEAL_BROKEN"


def test_a_new_key_opens_what_the_old_one_sealed_and_takes_it_over(tmp_path: Path) -> None:
    before = open_seal(tmp_path)
    sealed = before.seal(b"x")
    add_key(tmp_path)
    after = open_seal(tmp_path)
    assert (after.open(sealed), after.count) == (b"x", 2)
    moved = after.renewed(sealed)
    assert moved is not None
    assert after.renewed(moved) is moved
    assert after.open(moved) == b"x"
    with pytest.raises(Unavailable):
        before.open(moved)
    assert after.renewed(b"nothing of ours") is None
    keep_newest(tmp_path)
    alone = open_seal(tmp_path)
    assert (alone.open(moved), alone.count) == (b"x", 1)
    with pytest.raises(Unavailable):
        alone.open(sealed)
    assert stat.S_IMODE((tmp_path / KEY_FILE).stat().st_mode) == 0o600
    assert [each.name for each in tmp_path.iterdir()] == [KEY_FILE]


def test_a_key_file_that_cannot_be_written_stays_as_it_is(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    open_seal(tmp_path)
    key = (tmp_path / KEY_FILE).read_bytes()

    def full(_descriptor: int) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr("engine.seal.os.fsync", full)
    with pytest.raises(Unavailable) as refused:
        add_key(tmp_path)
    assert refused.value.code == "SEAL_UNWRITTEN"
    assert "no space left" in refused.value.message
    assert (tmp_path / KEY_FILE).read_bytes() == key


def test_a_key_that_others_may_read_is_refused(tmp_path: Path) -> None:
    open_seal(tmp_path)
    (tmp_path / KEY_FILE).chmod(0o640)
    with pytest.raises(Unavailable) as refused:
        open_seal(tmp_path)
    assert refused.value.code == "SEAL_EXPOSED"


@pytest.mark.parametrize("content", [b"", b"no key\n"])
def test_a_file_without_a_key_is_refused_and_not_replaced(tmp_path: Path, content: bytes) -> None:
    (tmp_path / KEY_FILE).write_bytes(content)
    (tmp_path / KEY_FILE).chmod(0o600)
    with pytest.raises(Unavailable) as refused:
        open_seal(tmp_path)
    assert refused.value.code == "SEAL_KEY"
    assert (tmp_path / KEY_FILE).read_bytes() == content
