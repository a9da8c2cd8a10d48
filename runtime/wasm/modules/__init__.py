"""Modules: what a service is made of, from a folder with a Fabrickfile to a directory that a worker can start from.

references    `[registry/][namespace/]name[:tag|@sha256:…]`, aliases, mirrors, insecure registries
media_types, manifest   what an OCI manifest of a module says
layout        an OCI image layout on disk: blobs, the index, its lock
store         ModuleStore: list, find, resolve, add, tag, remove
fabrickfile   a module's own description, and how it is read
build         from a folder to the store
push, pull    to and from a registry
unpack, pack  layers as directories, and back
abi           how a module's guest is spoken to
"""
