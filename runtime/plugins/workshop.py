"""Workshop: what of the services half plugins run on."""

import msgspec

from catalog.provider import Http
from runtime.wasm.compile import Compiler
from runtime.wasm.launch import Launcher
from runtime.wasm.modules.store import ModuleStore


class Workshop(msgspec.Struct, frozen=True, kw_only=True):
    """Modules, their compiler, what starts workers, and guests' guarded way out. `seccomp` and `user` confine them."""

    modules: ModuleStore
    compiler: Compiler
    launcher: Launcher
    http: Http
    seccomp: bool = True
    user: str | None = None
