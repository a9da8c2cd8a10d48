"""How wasmtime is configured, as data: the helper that compiles and the workers that run have to agree to the letter.

Wasmtime's fixes reach PyPI late, so whatever services do not need is off. Linear memories keep the default reservation
of 4 GiB of address space: a smaller one makes every access check its bounds (a loop over memory took 1.7 times as
long); what a worker may really use is bounded by `guest/limits.py`.
"""

import hashlib
import platform
from collections.abc import Mapping
from importlib.metadata import version
from types import MappingProxyType
from typing import Final

import msgspec

_OFF = (
    "wasm_threads",
    "wasm_exceptions",
    "wasm_memory64",
    "wasm_multi_memory",
    "wasm_stack_switching",
    "wasm_gc",
    "wasm_function_references",
    "wasm_wide_arithmetic",
    "wasm_custom_page_sizes",
    "shared_memory",
    "gc_support",
    "wasm_component_model_map",
    "wasm_component_model_implements",
    "native_unwind_info",
)

Settings = Mapping[str, bool | int]

CORE: Final[Settings] = MappingProxyType(
    {**dict.fromkeys(_OFF, False), "wasm_component_model": False, "epoch_interruption": True, "max_wasm_stack": 2 << 20}
)
COMPONENT: Final[Settings] = MappingProxyType({**CORE, "wasm_component_model": True})


def fingerprint(settings: Settings) -> str:
    """A short name for machine code made with these settings, by this wasmtime, for this kind of machine."""
    facts = msgspec.json.encode([sorted(settings.items()), platform.machine()])
    return f"{version('wasmtime')}-{hashlib.sha256(facts).hexdigest()[:12]}"
