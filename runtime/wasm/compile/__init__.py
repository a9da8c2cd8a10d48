"""Machine code, made once a module and configuration, in a process of its own with limits.

compiler.py   Compiler: the cache, and one helper process a compilation
task.py       what the helper is asked and answers
child.py      a process that is given bytes and gives bytes
helper.py     that process
machine_code.py  what it does; the only file here that imports wasmtime
"""

from runtime.wasm.compile.compiler import Compiled, Compiler

__all__ = ["Compiled", "Compiler"]
