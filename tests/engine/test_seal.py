"""The seal: what is sealed opens with the data directory's key, and with no other."""

import stat
from pathlib import Path

import pytest

from catalog.errors import Unavailable
from engine.seal import KEY_FILE, open_seal, rotate_key


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
    after = rotate_key(tmp_path)
    assert after.open(sealed) == b"x"
    moved = after.reseal(sealed)
    assert after.open(moved) == open_seal(tmp_path).open(moved) == b"x"
    with pytest.raises(Unavailable):
        before.open(moved)
    with pytest.raises(Unavailable):
        after.reseal(b"nothing of ours")
    assert stat.S_IMODE((tmp_path / KEY_FILE).stat().st_mode) == 0o600


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
