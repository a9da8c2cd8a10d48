"""Builds the sample guests from source: `python -m samples.services.build [NAME…]`. What is up to date is left alone.

Every folder with a `[build]` in its Fabrickfile is one, and the hostile ones are one together. The commands are the
Fabrickfiles' own, so `fabric module build` does the same.
"""

import argparse
import fcntl
import hashlib
import json
import os
import subprocess
import sys
import time
import tomllib
from collections.abc import Iterable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from pathlib import Path
from typing import NamedTuple

HERE = Path(__file__).resolve().parent
STATE = HERE.parent / "build"
TOOLCHAINS = HERE.parents[1] / "requirements-guests.lock"
SOURCES_OF_HOSTILE = ("*.c", "*.wat", "build.sh", "../sdk/c", "../sdk/npm/package-lock.json")


class Guest(NamedTuple):
    """What to build: a shell command in a folder, what it reads, what it writes."""

    folder: Path
    command: str
    watched: tuple[str, ...]
    outputs: tuple[Path, ...]

    @property
    def name(self) -> str:
        """The folder's."""
        return self.folder.name


class BuildFailed(Exception):
    """A command failed; the text has what it said."""


def guests() -> list[Guest]:
    """All sample guests that are built."""
    return [*(_from_fabrickfile(each) for each in sorted(HERE.glob("*/Fabrickfile")) if _build_step(each)), _hostile()]


def build(names: Iterable[str] = (), *, say: bool = False) -> dict[str, tuple[Path, ...]]:
    """Build what is not up to date of `names` (of all): the outputs by name. One process at a time.

    Raises BuildFailed, KeyError for a name that is no guest's.
    """
    known = {each.name: each for each in guests()}
    wanted = [known[name] for name in names or known]
    with _alone(), ThreadPoolExecutor(max_workers=max(os.cpu_count() or 1, 2)) as pool:
        for line in pool.map(_brought_up, wanted):
            if say:
                print(line, flush=True)
    return {each.name: each.outputs for each in wanted}


def _build_step(fabrickfile: Path) -> dict[str, object] | None:
    step: dict[str, object] | None = tomllib.loads(fabrickfile.read_text("utf-8")).get("build")
    return step


def _from_fabrickfile(path: Path) -> Guest:
    step = tomllib.loads(path.read_text("utf-8"))["build"]
    return Guest(path.parent, step["command"], ("Fabrickfile", *step["watch"]), (path.parent / step["output"],))


def _hostile() -> Guest:
    folder = HERE / "hostile"
    sources = sorted((*folder.glob("*.c"), *folder.glob("*.wat")))
    return Guest(folder, "./build.sh", SOURCES_OF_HOSTILE, tuple(each.with_suffix(".wasm") for each in sources))


def _brought_up(guest: Guest) -> str:
    sources = _digest_of_sources(guest)
    note = STATE / "notes" / f"{guest.name}.json"
    if note.is_file() and json.loads(note.read_text("utf-8")) == {"sources": sources, "outputs": _outputs(guest)}:
        return f"{guest.name:16} is up to date"
    began = time.monotonic()
    path = f"{Path(sys.executable).parent}:{os.environ.get('PATH', '')}"
    done = subprocess.run(  # noqa: S603 - our own Fabrickfiles
        ["/bin/sh", "-c", guest.command],
        cwd=guest.folder,
        env={**os.environ, "PATH": path},
        stdin=subprocess.DEVNULL,
        capture_output=True,
        check=False,
    )
    if done.returncode:
        raise BuildFailed(f"{guest.name}: `{guest.command}` ended with {done.returncode}\n{done.stderr.decode()}")
    outputs = _outputs(guest)
    if None in outputs.values():
        raise BuildFailed(f"{guest.name}: `{guest.command}` wrote no {guest.outputs}")
    note.parent.mkdir(parents=True, exist_ok=True)
    note.write_text(json.dumps({"sources": sources, "outputs": outputs}), "utf-8")
    return f"{guest.name:16} built in {time.monotonic() - began:.1f} s"


def _digest_of_sources(guest: Guest) -> str:
    digest = hashlib.sha256(guest.command.encode())
    for path in (TOOLCHAINS, *_files(guest)):
        digest.update(os.path.relpath(path, HERE).encode() + b"\0" + hashlib.sha256(path.read_bytes()).digest())
    return digest.hexdigest()


def _files(guest: Guest) -> Iterator[Path]:
    for pattern in guest.watched:
        found = sorted(guest.folder.glob(pattern)) if "*" in pattern else [guest.folder / pattern]
        for path in found:
            yield from sorted(each for each in path.rglob("*") if each.is_file()) if path.is_dir() else (path,)


def _outputs(guest: Guest) -> dict[str, str | None]:
    return {
        each.name: hashlib.sha256(each.read_bytes()).hexdigest() if each.is_file() else None for each in guest.outputs
    }


@contextmanager
def _alone() -> Iterator[None]:
    STATE.mkdir(exist_ok=True)
    with (STATE / ".lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        yield


def main() -> int:
    """The command."""
    parser = argparse.ArgumentParser(prog="python -m samples.services.build", description=__doc__.partition("\n")[0])
    parser.add_argument("names", nargs="*", metavar="NAME")
    chosen = parser.parse_args().names
    unknown = set(chosen) - {each.name for each in guests()}
    if unknown:
        parser.error(f"no such guest: {', '.join(sorted(unknown))}; there are {', '.join(g.name for g in guests())}")
    began = time.monotonic()
    try:
        build(chosen, say=True)
    except BuildFailed as failure:
        print(failure, file=sys.stderr)
        return 1
    print(f"guests: ok, {time.monotonic() - began:.1f} s")
    return 0


if __name__ == "__main__":
    sys.exit(main())
