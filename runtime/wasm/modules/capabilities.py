"""Capabilities add up: a module has its parent's and its own. As an annotation they travel with the module."""

from typing import TypeVar

import msgspec

from runtime.wasm.modules.fabrickfile import (
    Capabilities,
    FilesystemCapability,
    NetworkCapability,
    WasmCapability,
)

T = TypeVar("T")


def merged(parent: Capabilities, child: Capabilities) -> Capabilities:
    """A child has all that its parent has, and its own."""
    network, files = (parent.network, child.network), (parent.filesystem, child.filesystem)
    return Capabilities(
        env=_both(parent.env, child.env),
        network=NetworkCapability(
            listen=_both(*(each.listen for each in network)),
            connect=_both(*(each.connect for each in network)),
            allow_all_outbound=any(each.allow_all_outbound for each in network),
        ),
        filesystem=FilesystemCapability(
            read=_both(*(each.read for each in files)),
            write=_both(*(each.write for each in files)),
            read_write=_both(*(each.read_write for each in files)),
        ),
        wasm=WasmCapability(
            simd=parent.wasm.simd or child.wasm.simd,
            threads=parent.wasm.threads or child.wasm.threads,
            bulk_memory=parent.wasm.bulk_memory or child.wasm.bulk_memory,
        ),
    )


def write_note(capabilities: Capabilities) -> str:
    """Capabilities as an annotation's text; empty where there are none."""
    return "" if capabilities == Capabilities() else msgspec.json.encode(capabilities).decode()


def read_note(text: str) -> Capabilities:
    """An annotation's capabilities; none where it is another tool's and says something else."""
    try:
        return msgspec.json.decode(text, type=Capabilities)
    except msgspec.MsgspecError:
        return Capabilities()


def _both(first: tuple[T, ...], second: tuple[T, ...]) -> tuple[T, ...]:
    return tuple(dict.fromkeys((*first, *second)))
