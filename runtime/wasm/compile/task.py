"""What the compile helper is asked, and what it answers."""

import msgspec


class Task(msgspec.Struct, frozen=True, kw_only=True):
    """What to compile. Seconds of CPU and bytes of memory are hard limits of this process."""

    wasm: str
    digest: str
    code: str
    parent: int
    cpu: int
    memory: int
    most: int


class Facts(msgspec.Struct, frozen=True, kw_only=True, tag="facts"):
    """What was compiled, and the machine code's own size and digest."""

    component: bool
    exports: tuple[str, ...]
    imports: tuple[str, ...]
    size: int
    sha256: str


class Refusal(msgspec.Struct, frozen=True, kw_only=True, tag="refusal"):
    """Why there is no machine code."""

    why: str


Answer = Facts | Refusal
