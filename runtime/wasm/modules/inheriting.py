"""Inheriting: what a module takes over from the one it is built on."""

from typing import Self

import msgspec

from runtime.wasm.modules import media_types as types
from runtime.wasm.modules.describing import shape_of
from runtime.wasm.modules.fabrickfile import Capabilities
from runtime.wasm.modules.manifest import Descriptor
from runtime.wasm.modules.store import ModuleStore


class Parent(msgspec.Struct, frozen=True, kw_only=True):
    """The module that another is built on; the empty one for a module that stands alone.

    `code` is its wasm layer, `shared` its other layers, which come below the child's own.
    """

    reference: str = ""
    code: Descriptor | None = None
    shared: tuple[Descriptor, ...] = ()
    capabilities: Capabilities = Capabilities()

    @classmethod
    def of(cls, store: ModuleStore, image: str, *, interpreter: bool) -> Self:
        """The module `image` of the store. As an interpreter its wasm becomes a runtime layer that knows its argv.

        Raises NotFound MODULE_NOT_FOUND, Invalid MODULE_MANIFEST, Unavailable MODULE_*.
        """
        stored = store.read(image)
        shape = shape_of(stored.manifest, image)
        code = shape.wasm
        if interpreter:
            notes, runtime = dict(code.annotations), stored.fabrickfile.runtime
            if runtime is not None and runtime.argv:
                notes[types.RUNTIME_ARGV] = msgspec.json.encode(runtime.argv).decode()
            code = msgspec.structs.replace(code, media_type=types.RUNTIME, annotations=notes)
        return cls(
            reference=stored.name,
            code=code,
            shared=(*shape.sources, *shape.files),
            capabilities=stored.fabrickfile.capabilities,
        )
