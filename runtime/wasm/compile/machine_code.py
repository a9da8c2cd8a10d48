"""From WebAssembly to machine code. Imports wasmtime: only for the helper process."""

import hashlib
from typing import BinaryIO

import wasmtime
from wasmtime.component import Component

from runtime.wasm.compile.task import Answer, Exported, Facts, Refusal, Task
from runtime.wasm.guest.component_functions import typed_functions
from runtime.wasm.guest.engines import engine
from runtime.wasm.settings import COMPONENT, CORE

_MAGIC = b"\0asm"
_COMPONENT = b"\x0d\x00\x01\x00"


def compile_module(task: Task, data: bytes, code: BinaryIO) -> Answer:
    """Check and compile `data`, and write machine code. Opens nothing."""
    if len(data) > task.most:
        return Refusal(why=f"it is larger than {task.most} bytes")
    if hashlib.sha256(data).hexdigest() != task.digest:
        return Refusal(why="its bytes are not those of its digest")
    if data[:4] != _MAGIC:
        return Refusal(why="it is not WebAssembly")
    component = data[4:8] == _COMPONENT
    try:
        made, exports, imports, functions = _component(data) if component else _module(data)
    except wasmtime.WasmtimeError as error:
        return Refusal(why=str(error))
    code.write(made)
    digest = hashlib.sha256(made).hexdigest()
    return Facts(
        component=component, exports=exports, imports=imports, size=len(made), sha256=digest, functions=functions
    )


Made = tuple[bytearray, tuple[str, ...], tuple[str, ...], tuple[Exported, ...]]


def _module(data: bytes) -> Made:
    module = wasmtime.Module(engine(CORE), data)
    exports = tuple(each.name for each in module.exports)
    imports = tuple(f"{each.module}::{each.name}" for each in module.imports)
    return module.serialize(), exports, imports, ()


def _component(data: bytes) -> Made:
    made = engine(COMPONENT)
    component = Component(made, data)
    functions = tuple(
        Exported(name=each.name, input=each.input_schema, output=each.output_schema)
        for each in typed_functions(made, component)
    )
    return component.serialize(), tuple(component.type.exports(made)), tuple(component.type.imports(made)), functions
