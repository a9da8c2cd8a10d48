"""ABI: how a module's guest is spoken to."""

from typing import Protocol

from runtime.wasm.launch import Abi
from runtime.wasm.modules.module import Module

REACTOR_EXPORTS = frozenset({"handle", "fabric_alloc", "fabric_free"})


class Compiled(Protocol):
    """What the compiler found out; `runtime.wasm.compile.Compiled` is one."""

    @property
    def component(self) -> bool:
        """Is it a component rather than a core module?"""
        ...

    @property
    def exports(self) -> tuple[str, ...]:
        """The names it exports."""
        ...


def detect_abi(module: Module, compiled: Compiled, *, kind: str | None = None) -> Abi:
    """The ABI. `kind` is the service's own type where it says another than the module (mortar's wins).

    A component is hosted as one. For http modules an explicit `[info] abi` decides; otherwise an interpreter speaks
    frames, a module that exports the three functions of a reactor is one, and anything else starts once a request.
    """
    kind = kind or module.fabrickfile.info.type
    if compiled.component:
        return Abi.COMPONENT
    if kind == "tcp":
        return Abi.TCP
    if kind == "command":
        return Abi.COMMAND
    if module.fabrickfile.info.abi is not None:
        return module.fabrickfile.info.abi
    if module.interpreted:
        return Abi.FRAMED
    return Abi.REACTOR if set(compiled.exports) >= REACTOR_EXPORTS else Abi.CGI
