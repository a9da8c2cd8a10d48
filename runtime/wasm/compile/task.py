"""What the compile helper is asked, and what it answers."""

import msgspec

from catalog.jsonvalue import Json


class Task(msgspec.Struct, frozen=True, kw_only=True):
    """What to compile. Seconds of CPU and bytes of memory are hard limits of this process."""

    wasm: str
    digest: str
    code: str
    parent: int
    cpu: int
    memory: int
    most: int


class Exported(msgspec.Struct, frozen=True, kw_only=True):
    """A function that a component exports, by its WIT; the types are JSON Schemas."""

    name: str
    input: Json
    output: Json


class Facts(msgspec.Struct, frozen=True, kw_only=True, tag="facts"):
    """What was compiled, and the machine code's own size and digest. Without `functions`, it was not looked for any."""

    component: bool
    exports: tuple[str, ...]
    imports: tuple[str, ...]
    size: int
    sha256: str
    functions: tuple[Exported, ...] | None = None


class Refusal(msgspec.Struct, frozen=True, kw_only=True, tag="refusal"):
    """Why there is no machine code."""

    why: str


Answer = Facts | Refusal
