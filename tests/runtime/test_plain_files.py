"""Files that somebody else named: whatever they are, reading them ends and takes no more than it may."""

import errno
import os
from pathlib import Path

import pytest

from catalog.errors import TargetFailed
from runtime.egress import trust
from runtime.plain_files import read_plain


def test_a_plain_file_is_read_up_to_its_bound(tmp_path: Path) -> None:
    file = tmp_path / "file"
    file.write_bytes(b"12345678")
    assert read_plain(file, 8) == b"12345678"
    with pytest.raises(OSError) as refused:
        read_plain(file, 7)
    assert refused.value.errno == errno.EFBIG


def test_a_pipe_a_device_and_a_folder_are_no_plain_files(tmp_path: Path) -> None:
    pipe = tmp_path / "pipe"
    os.mkfifo(pipe)
    for each in (pipe, Path("/dev/zero"), tmp_path):
        with pytest.raises(OSError, match=r"not a plain file|directory"):
            read_plain(each, 10)


def test_an_authority_that_is_a_device_is_not_read(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    with pytest.raises(TargetFailed, match="not a plain file"):
        trust.trusting_only("/dev/null")
    monkeypatch.setattr(trust, "LONGEST", 10)
    long = tmp_path / "long.pem"
    long.write_text("12345678901")
    with pytest.raises(TargetFailed, match="File too large"):
        trust.trusting_only(str(long))
