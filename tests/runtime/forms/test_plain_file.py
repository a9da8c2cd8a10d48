"""Plain files: read where they are plain, refused at once where they are not."""

import os
from pathlib import Path

import pytest

from runtime.forms.plain_file import open_plain


def test_a_plain_file_is_read(tmp_path: Path) -> None:
    (tmp_path / "a").write_bytes(b"abc")
    (tmp_path / "link").symlink_to("a")
    with open_plain(tmp_path / "link") as file:
        assert file.read() == b"abc"


def test_what_could_hold_its_reader_is_refused_at_once(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "pipe")
    for path in (tmp_path / "pipe", tmp_path, Path("/dev/zero")):
        with pytest.raises(OSError, match="no plain file"):
            open_plain(path)
    with pytest.raises(FileNotFoundError):
        open_plain(tmp_path / "nothing")
