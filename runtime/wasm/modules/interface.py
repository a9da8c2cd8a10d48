"""Interface: what a core module imports and exports, read off its sections without compiling it."""

from collections.abc import Iterator
from pathlib import Path
from typing import IO

import msgspec

from catalog.errors import Invalid
from runtime.wasm.modules.staging import unreadable

_IMPORTS, _EXPORTS = 2, 7
_SECTION_MOST = 4 * 1024 * 1024
_CORE, _COMPONENT = b"\0asm\1\0\0\0", b"\0asm\x0d\0\1\0"


class Interface(msgspec.Struct, frozen=True, kw_only=True):
    """Names as `module::name` for imports. A component tells neither here: only that it is one."""

    component: bool = False
    imports: tuple[str, ...] = ()
    exports: tuple[str, ...] = ()


def read_interface(wasm: Path) -> Interface:
    """Read a `.wasm` file. Raises Invalid MODULE_WASM: it is none; FILE_UNREADABLE."""
    try:
        with wasm.open("rb") as file:
            head = file.read(8)
            if head == _COMPONENT:
                return Interface(component=True)
            if head != _CORE:
                raise _bad(wasm, "it begins with something else")
            return _core(file)
    except OSError as error:
        raise unreadable(wasm, error) from None
    except (IndexError, UnicodeDecodeError):
        raise _bad(wasm, "a section is cut short") from None


def _core(file: IO[bytes]) -> Interface:
    imports: tuple[str, ...] = ()
    exports: tuple[str, ...] = ()
    while kind := file.read(1):
        size = _size(file)
        if kind[0] not in (_IMPORTS, _EXPORTS) or size > _SECTION_MOST:
            file.seek(size, 1)
            continue
        section = _Bytes(file.read(size))
        if kind[0] == _IMPORTS:
            imports = tuple(_imports(section))
        else:
            exports = tuple(_exports(section))
    return Interface(imports=imports, exports=exports)


def _imports(section: "_Bytes") -> Iterator[str]:
    for _ in range(section.number()):
        yield f"{section.name()}::{section.name()}"
        kind = section.byte()
        if kind == 0:
            section.number()
        elif kind == 1:
            section.byte()
            section.limits()
        elif kind == 2:
            section.limits()
        elif kind == 3:
            section.byte()
            section.byte()
        else:
            section.byte()
            section.number()


def _exports(section: "_Bytes") -> Iterator[str]:
    for _ in range(section.number()):
        yield section.name()
        section.byte()
        section.number()


class _Bytes:
    def __init__(self, data: bytes) -> None:
        self._data = data
        self._at = 0

    def byte(self) -> int:
        self._at += 1
        return self._data[self._at - 1]

    def number(self) -> int:
        value = shift = 0
        while True:
            byte = self.byte()
            value |= (byte & 0x7F) << shift
            shift += 7
            if byte < 0x80:
                return value

    def name(self) -> str:
        size = self.number()
        part = self._data[self._at : self._at + size]
        self._at += size
        if len(part) != size:
            raise IndexError
        return part.decode("utf-8")

    def limits(self) -> None:
        flags = self.byte()
        self.number()
        if flags & 1:
            self.number()


def _size(file: IO[bytes]) -> int:
    value = shift = 0
    while True:
        byte = file.read(1)[0]
        value |= (byte & 0x7F) << shift
        shift += 7
        if byte < 0x80:
            return value


def _bad(wasm: Path, why: str) -> Invalid:
    return Invalid("MODULE_WASM", f"`{wasm.name}` is no wasm module: {why}.", hint="Build it again.")
