"""Packing: files as a gzipped tar that is the same, byte for byte, for the same files. Blocks on the disk."""

import gzip
import io
import tarfile
import tempfile
from collections.abc import Mapping
from pathlib import Path
from typing import IO

from catalog.errors import Invalid
from runtime.wasm.modules.manifest import Descriptor
from runtime.wasm.modules.staging import Staging, store_failed, unreadable
from runtime.wasm.modules.unpack import BYTES_MOST, ENTRIES_MOST

_LEVEL = 6


def pack(files: Mapping[str, Path | bytes], place: Staging, media_type: str) -> Descriptor:
    """Put a tar of these files, by their names in it, into staging. Times, owners and modes are left out.

    Raises Invalid FILE_UNREADABLE, BUILD_TOO_LARGE: more than could be unpacked again.
    """
    if len(files) > ENTRIES_MOST:
        raise Invalid("BUILD_TOO_LARGE", f"{len(files)} files are to be packed; a module holds {ENTRIES_MOST}.")
    try:
        with tempfile.TemporaryFile(dir=place.folder) as draft:
            _write(files, draft)
            draft.seek(0)
            return place.put(iter(lambda: draft.read(1024 * 1024), b""), media_type)
    except OSError as error:
        raise store_failed(place.folder, error.strerror or str(error)) from None


def _write(files: Mapping[str, Path | bytes], draft: IO[bytes]) -> None:
    size = 0
    with (
        gzip.GzipFile(filename="", mode="wb", fileobj=draft, mtime=0, compresslevel=_LEVEL) as packed,
        tarfile.open(fileobj=packed, mode="w", format=tarfile.PAX_FORMAT) as tar,
    ):
        for name in sorted(files):
            size += _add(tar, name, files[name])
            if size > BYTES_MOST:
                raise Invalid("BUILD_TOO_LARGE", f"The files to be packed have over {BYTES_MOST} bytes.")


def _add(tar: tarfile.TarFile, name: str, source: Path | bytes) -> int:
    member = tarfile.TarInfo(name)
    member.mode = 0o644
    if isinstance(source, bytes):
        member.size = len(source)
        tar.addfile(member, io.BytesIO(source))
        return member.size
    try:
        with source.open("rb") as file:
            member.size = source.stat().st_size
            tar.addfile(member, file)
    except OSError as error:
        raise unreadable(source, error) from None
    return member.size
