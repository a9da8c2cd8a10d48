"""Unpacked: modules as directories named by their digest, ready to be mounted; each made once and never changed.

<digest>/module.wasm    the wasm layer
<digest>/app/           the source layers, one over the other
<digest>/files/         the files layers, laid out as the guest sees them from `/`
"""

import contextlib
import errno
import fcntl
import os
import shutil
import tempfile
from collections.abc import Callable, Collection, Iterator, Sequence
from pathlib import Path

import msgspec

from runtime.forms.guest_paths import good_guest_path
from runtime.wasm.launch import Mount
from runtime.wasm.modules.describing import Shape
from runtime.wasm.modules.manifest import Descriptor
from runtime.wasm.modules.media_types import TARGETS
from runtime.wasm.modules.staging import store_failed
from runtime.wasm.modules.unpack import Budget, lock, unpack_layer

APP = "/app"
_DRAFT = ".draft-"


class Unpacked:
    """The directory that holds them. Blocks on the disk."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder

    def get(self, manifest: Descriptor, shape: Shape, check: Callable[[Descriptor], Path]) -> Path:
        """The module's directory, unpacked now if it was not. `check` answers where a blob is, having read it through.

        Raises Invalid MODULE_LAYER, TooLarge MODULE_TOO_LARGE, Unavailable MODULE_STORE and what `check` raises.
        """
        place = self.folder / manifest.hex
        if place.is_dir():
            return place
        try:
            with self._locked():
                if not place.is_dir():
                    self._fill(place, shape, check)
        except OSError as error:
            raise store_failed(self.folder, error.strerror or str(error)) from None
        return place

    def sweep(self, keep: Collection[str]) -> list[str]:
        """Remove every module whose manifest's digest is not in `keep`, and tell which. Nothing may run from them."""
        if not self.folder.is_dir():
            return []
        kept = {each.removeprefix("sha256:") for each in keep}
        with self._locked():
            left = [each for each in self.folder.iterdir() if each.is_dir() and each.name not in kept]
            for place in left:
                _remove(place)
        return [f"sha256:{each.name}" for each in left if len(each.name) == 64]

    def _fill(self, place: Path, shape: Shape, check: Callable[[Descriptor], Path]) -> None:
        draft = Path(tempfile.mkdtemp(prefix=_DRAFT, dir=self.folder))
        try:
            _link(check(shape.wasm), draft / "module.wasm")
            budget = Budget()
            for name, layers in (("app", shape.sources), ("files", shape.files)):
                if layers:
                    (draft / name).mkdir()
                for layer in layers:
                    unpack_layer(check(layer), draft / name, budget)
            lock(draft)
            draft.rename(place)
        except BaseException:
            _remove(draft)
            raise
        _sync(self.folder)

    @contextlib.contextmanager
    def _locked(self) -> Iterator[None]:
        self.folder.mkdir(parents=True, exist_ok=True)
        descriptor = os.open(self.folder / ".lock", os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o644)
        try:
            fcntl.flock(descriptor, fcntl.LOCK_EX)
            yield
        finally:
            os.close(descriptor)


def mounts_of(place: Path, shape: Shape) -> tuple[Mount, ...]:
    """What a guest sees of it: the app at `/app`, and each directory that a files layer fills, none in another."""
    mounts = [Mount(host=place / "app", guest=APP)] if shape.sources else []
    if shape.files:
        files = place / "files"
        mounts += [Mount(host=files / each[1:], guest=each) for each in _guest_folders(files, shape.files)]
    return tuple(mounts)


def _guest_folders(files: Path, layers: Sequence[Descriptor]) -> list[str]:
    found: set[str] = set()
    for layer in layers:
        try:
            said = msgspec.json.decode(layer.annotations.get(TARGETS, ""), type=list[str])
        except msgspec.MsgspecError:
            said = []
        if not said or not all(good_guest_path(each) and (files / each[1:]).is_dir() for each in said):
            # A layer of another tool's, or a file right below the root: whole directories from the root.
            said = [f"/{each.name}" for each in files.iterdir() if each.is_dir() and not each.is_symlink()]
        found.update(said)
    return sorted(each for each in found if not any(each.startswith(f"{other}/") for other in found))


def _link(blob: Path, path: Path) -> None:
    try:
        os.link(blob, path)
    except OSError as error:
        if error.errno not in (errno.EXDEV, errno.EPERM, errno.EMLINK):
            raise
        shutil.copyfile(blob, path)


def _remove(place: Path) -> None:
    # Its folders are read-only: only root could empty them as they are.
    for folder, _, _ in os.walk(place):
        Path(folder).chmod(0o700)
    shutil.rmtree(place)


def _sync(folder: Path) -> None:
    descriptor = os.open(folder, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
