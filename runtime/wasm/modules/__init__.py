"""Modules: what a service is made of, from a folder with a Fabrickfile to a directory that a worker can start from.

references    `[registry/][namespace/]name[:tag|@sha256:…]`, aliases, mirrors, insecure registries
media_types, manifest   what an OCI manifest of a module says
layout        an OCI image layout on disk: blobs, the index, its lock
staging       where blobs wait until their module is complete
store         ModuleStore: list, find, resolve, add, tag, remove
module, describing, interface   what is told about a module
fabrickfile   a module's own description; fabrickfile_reading reads it
building      from a folder to the store: commands, sources, packing, inheriting
archive       modules as files
registry      push and pull
unpack, unpacked   layers as directories
abi           how a module's guest is spoken to
"""

from runtime.wasm.modules.module import Module, ModuleInfo
from runtime.wasm.modules.store import ModuleStore

__all__ = ["Module", "ModuleInfo", "ModuleStore"]
