"""Modules that lie beside their source are what the source builds; nothing names a place that others cannot reach."""

import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from samples.services.build import HERE, STATE, guests

pytestmark = pytest.mark.xdist_group("guests")


def test_committed_modules_are_byte_for_byte_what_their_source_builds(
    built: dict[str, tuple[Path, ...]], tmp_path: Path
) -> None:
    committed = _listed("*.wasm")
    assert len(committed) >= 17
    by_folder = {each.folder: each for each in guests()}
    services = tmp_path / "services"
    shutil.copytree(HERE, services, ignore=shutil.ignore_patterns("build", "*.wasm", "__pycache__"))
    (tmp_path / "build").mkdir()
    (tmp_path / "build" / "npm").symlink_to(STATE / "npm")
    for folder in sorted({path.parent for path in committed}):
        _make(by_folder[folder].command, services / folder.name)
    for path in committed:
        made = services / path.relative_to(HERE)
        assert made.read_bytes() == _as_committed(path), f"commit {path.name} as its source builds it"


def test_modules_are_small_and_hold_no_path_of_the_machine_that_built_them(
    built: dict[str, tuple[Path, ...]],
) -> None:
    for path in _listed("*.wasm"):
        content = path.read_bytes()
        assert len(content) < 100_000
        assert str(HERE.parents[1]).encode() not in content


def test_what_npm_locks_names_no_registry(built: dict[str, tuple[Path, ...]]) -> None:
    for name in ("package.json", "package-lock.json", ".npmrc"):
        text = (HERE / "sdk" / "npm" / name).read_text("utf-8")
        assert "registry." not in text
        assert '"resolved"' not in text


def _listed(pattern: str) -> list[Path]:
    names = _git("ls-files", "-z", pattern).decode().split("\0")
    return [HERE / name for name in names if name]


def _as_committed(path: Path) -> bytes:
    return _git("show", f":./{path.relative_to(HERE).as_posix()}")


def _git(*arguments: str) -> bytes:
    return subprocess.run(["git", *arguments], cwd=HERE, check=True, capture_output=True).stdout


def _make(command: str, folder: Path) -> None:
    environment = {**os.environ, "PATH": f"{Path(sys.executable).parent}:{os.environ['PATH']}"}
    done = subprocess.run(["/bin/sh", "-c", command], cwd=folder, env=environment, capture_output=True, check=False)
    assert done.returncode == 0, done.stderr.decode()
