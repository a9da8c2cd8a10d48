"""From WebAssembly to machine code. Imports wasmtime: only for the helper process."""

import hashlib
import os
from pathlib import Path

import wasmtime
from wasmtime.component import Component

from runtime.wasm.compile.settings import COMPONENT, CORE
from runtime.wasm.compile.task import Answer, Facts, Refusal, Task
from runtime.wasm.guest.engines import engine

_MAGIC = b"\0asm"
_COMPONENT = b"\x0d\x00\x01\x00"


def compile_module(task: Task) -> Answer:
    """Read, check, compile and write `task.code`, synced."""
    data = Path(task.wasm).read_bytes()
    if len(data) > task.most:
        return Refusal(why=f"it is larger than {task.most} bytes")
    if hashlib.sha256(data).hexdigest() != task.digest:
        return Refusal(why="its bytes are not those of its digest")
    if data[:4] != _MAGIC:
        return Refusal(why="it is not WebAssembly")
    component = data[4:8] == _COMPONENT
    try:
        code, exports, imports = _component(data) if component else _module(data)
    except wasmtime.WasmtimeError as error:
        return Refusal(why=str(error))
    with Path(task.code).open("wb") as file:
        file.write(code)
        file.flush()
        os.fsync(file.fileno())
    digest = hashlib.sha256(code).hexdigest()
    return Facts(component=component, exports=exports, imports=imports, size=len(code), sha256=digest)


def _module(data: bytes) -> tuple[bytearray, tuple[str, ...], tuple[str, ...]]:
    module = wasmtime.Module(engine(CORE), data)
    exports = tuple(each.name for each in module.exports)
    imports = tuple(f"{each.module}::{each.name}" for each in module.imports)
    return module.serialize(), exports, imports


def _component(data: bytes) -> tuple[bytearray, tuple[str, ...], tuple[str, ...]]:
    made = engine(COMPONENT)
    component = Component(made, data)
    return component.serialize(), tuple(component.type.exports(made)), tuple(component.type.imports(made))
