"""Wasmtime engines, configured as `settings.py` says."""

import wasmtime

from runtime.wasm.settings import Settings


def engine(settings: Settings) -> wasmtime.Engine:
    """A new engine; costs microseconds."""
    config = wasmtime.Config()
    for name, value in settings.items():
        setattr(config, name, value)
    return wasmtime.Engine(config)
