"""A module as the services API and the command line show it."""

import msgspec

from catalog.errors import Invalid
from catalog.jsonvalue import Json
from runtime.wasm.modules import ModuleInfo, ModuleStore


def listed(info: ModuleInfo) -> dict[str, Json]:
    """A row of the list."""
    return {
        "reference": info.reference,
        "name": info.name,
        "version": info.version,
        "type": info.type,
        "interpreted": info.interpreted,
        "digest": info.digest,
        "size": info.size,
        "created_at": info.created or None,
        "problem": info.problem,
    }


def shown(store: ModuleStore, info: ModuleInfo) -> dict[str, Json]:
    """All of it, with what its wasm imports and exports. Blocks on the disk."""
    wasm, problem = None, info.problem
    if problem is None:
        try:
            wasm = store.interface(info.reference)
        except Invalid as error:
            problem = error.message
    return {
        **listed(info),
        "problem": problem,
        "description": info.description,
        "abi": info.abi,
        "layers": [msgspec.to_builtins(each) for each in info.layers],
        "exports": list(info.exports),
        "imports": list(info.imports),
        "wasm": wasm and msgspec.to_builtins(wasm),
        "capabilities": info.capabilities,
        "annotations": info.annotations,
    }
